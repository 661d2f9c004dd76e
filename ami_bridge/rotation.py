"""Asterisk's files stay bounded: CEL, queue_log and messages.log are cut into pieces, old pieces deleted.

A piece is the file renamed to ``NAME.NUMBER``, counting up: no clock and no second rotation can write
over one. cel_custom opens its file anew for each line; the other two are opened anew by reloading
Asterisk's logger. Whoever reads the ledger goes on in the renamed piece (books.py). While the bridge
is away nothing is rotated and nothing is lost: a busy day is some 20 MB, and Asterisk itself cuts
its own two files at a gigabyte.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from ami_bridge.books import CEL, QUEUE_LOG, Book, Books
from ami_bridge.duties import Duty

EVERY = 60.0  # seconds between two looks
PIECE_BYTES = 16 * 1024**2
PIECE_SECONDS = 86_400.0
# A backup this old can be restored and caught up. Both must be over before a piece goes, so that a
# clock that was set wrongly forward deletes nothing young.
KEEP_SECONDS = 14 * 86_400.0
KEEP_PIECES = 14
MOST_BYTES = 2 * 1024**3  # beyond this the oldest pieces go all the same: a flood must not fill the disk
MESSAGES = Path("log/messages.log")
EPOCH = re.compile(r'^(?:"[A-Z_a-z]+",")?([0-9]{9,11})[.|]')  # CEL's second column, queue_log's first
ISO = re.compile(r"^\[([^\]]{19,32})\]")


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a file is cut, and how long pieces are kept."""

    piece_bytes: int = PIECE_BYTES
    piece_seconds: float = PIECE_SECONDS
    keep_seconds: float = KEEP_SECONDS
    keep_pieces: int = KEEP_PIECES
    most_bytes: int = MOST_BYTES


def began(line: str) -> float | None:
    """When a file's first line was written, seconds since 1970."""
    if match := EPOCH.match(line):
        return float(match[1])
    if match := ISO.match(line):
        try:
            return datetime.fromisoformat(match[1]).timestamp()
        except ValueError:
            return None
    return None


def due(book: Book, bounds: Bounds, now: float) -> bool:
    """Whether a file is long or old enough to be cut."""
    try:
        with book.path.open(encoding="utf-8", errors="replace") as file:
            first, size = began(file.readline(4096)), book.path.stat().st_size
    except OSError:
        return False
    old = first is not None and now - first > bounds.piece_seconds
    return size > bounds.piece_bytes or (old and size > 0)


def cut(book: Book) -> Path:
    """Rename the file to its next piece."""
    pieces = book.rotated()
    number = int(pieces[-1].name.rpartition(".")[2]) + 1 if pieces else 1
    piece = book.path.with_name(f"{book.path.name}.{number:06d}")
    book.path.rename(piece)
    return piece


def spent(book: Book, bounds: Bounds, now: float, needed: Path | None) -> list[Path]:
    """Pieces to delete: too many, too old, or too much; none from ``needed`` (where we read) on."""
    pieces = book.rotated()
    if needed is not None and needed in pieces:
        pieces = pieces[: pieces.index(needed)]
    sizes = {piece: piece.stat() for piece in pieces}
    total = sum(stat.st_size for stat in sizes.values())
    spare = len(book.rotated()) - bounds.keep_pieces
    gone: list[Path] = []
    for place, piece in enumerate(pieces):
        old = place < spare and now - sizes[piece].st_mtime > bounds.keep_seconds
        if not old and total <= bounds.most_bytes:
            break
        total -= sizes[piece].st_size
        gone.append(piece)
    return gone


class Asking(Protocol):
    """What of the link is needed."""

    up: bool

    async def do(self, name: str, *, Module: str) -> object: ...  # noqa: N803 - AMI's word


class Rotation:
    """The duty."""

    def __init__(
        self,
        books: Books,
        pbx: Path,
        link: Asking,
        log: Any,
        bounds: Bounds | None = None,
    ) -> None:
        self._books = books
        self._link = link
        self._log = log
        self._bounds = bounds or Bounds()
        self._logged = [Book(pbx / QUEUE_LOG), Book(pbx / MESSAGES)]
        self._cel = Book(pbx / CEL)

    def duties(self) -> Iterable[Duty]:
        return [Duty("rotation", EVERY, self.work)]

    async def work(self) -> None:
        """Cut what is due, delete what is spent. Raises LinkError where Asterisk does not reload."""
        now = time.time()
        if due(self._cel, self._bounds, now):
            self._say(cut(self._cel))
        if self._link.up:
            for book in self._logged:
                if due(book, self._bounds, now):
                    self._say(cut(book))
            # also where an earlier reload failed: Asterisk writes into the piece until it succeeds
            if any(not book.path.exists() and book.rotated() for book in self._logged):
                await self._link.do("Reload", Module="logger")
        for book, place in [
            (self._cel, self._books.cel_place),
            (self._logged[0], self._books.queue_place),
            (self._logged[1], None),
        ]:
            needed = await asyncio.to_thread(book.piece_of, place) if place is not None else None
            for piece in spent(book, self._bounds, now, needed):
                piece.unlink(missing_ok=True)
                self._log.info("an old piece is deleted", file=piece.name)

    def _say(self, piece: Path) -> None:
        self._log.info("rotated", file=piece.name)
