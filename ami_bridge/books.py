"""Where the ledger lies, and reading on in it: across rotation, half lines, and a place kept elsewhere.

A book is one file that Asterisk appends to, and its rotated pieces beside it (``NAME.NUMBER``, a higher
number is newer). A place is a piece, known by its first line, and an offset in it: renaming a piece
changes nothing, and no clock is asked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ami_bridge.ledger import Story, cut_lines, line_start, queue_parts, rows
from psap.calls.parties import call_of

CEL = Path("log/cel-custom/psap.csv")
QUEUE_LOG = Path("log/queue_log")
CHUNK = 256 * 1024  # bytes read at a time
LONGEST_FIRST_LINE = 64 * 1024
ATTEMPTS = 5  # a rename between listing and opening is seen by looking again


@dataclass(frozen=True, slots=True)
class Place:
    """``head``: which piece, by the hash of its first line; "" the oldest one. ``offset`` in bytes."""

    head: str = ""
    offset: int = 0

    @classmethod
    def of(cls, value: Any) -> Place:
        """A stored place; a bare number is an offset in the only file there was then."""
        if isinstance(value, dict):
            return cls(str(value.get("head", "")), int(value.get("offset", 0)))
        return cls("", int(value) if isinstance(value, int) else 0)

    def shown(self) -> dict[str, Any]:
        """As it is stored."""
        return {"head": self.head, "offset": self.offset}


def head_of(file: BinaryIO) -> str:
    """The hash of a file's first line; "" while it has none."""
    file.seek(0)
    line = file.readline(LONGEST_FIRST_LINE)
    return hashlib.blake2b(line, digest_size=12).hexdigest() if line.endswith(b"\n") else ""


class Book:
    """A file that grows and its rotated pieces."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rotated(self) -> list[Path]:
        """The rotated pieces, oldest first."""
        start = f"{self.path.name}."
        try:
            names = [p.name for p in self.path.parent.iterdir() if p.name.startswith(start)]
        except FileNotFoundError:
            return []
        numbered = [(int(n[len(start) :]), n) for n in names if n[len(start) :].isdecimal()]
        return [self.path.with_name(name) for _, name in sorted(numbered)]

    def pieces(self) -> list[Path]:
        """Every piece that exists, oldest first."""
        return [*self.rotated(), *([self.path] if self.path.exists() else [])]

    def end(self) -> Place:
        """Where the next line will be written."""
        for piece in reversed(self.pieces()):
            try:
                with piece.open("rb") as file:
                    if head := head_of(file):
                        return Place(head, file.seek(0, os.SEEK_END))
            except FileNotFoundError:  # renamed just now: its lines are in the piece before
                continue
        return Place()

    def piece_of(self, place: Place) -> Path | None:
        """The piece that a place is in; the oldest one where no piece is named."""
        for piece in self.pieces():
            try:
                with piece.open("rb") as file:
                    if not place.head or head_of(file) == place.head:
                        return piece
            except FileNotFoundError:
                continue
        return None

    def reader(self, place: Place) -> Reader:
        """Read on from a place."""
        return Reader(self, place)

    def open_at(self, place: Place) -> tuple[BinaryIO, int] | None:
        """The piece of a place, and the offset; the oldest piece where there is no such piece any more."""
        for _ in range(ATTEMPTS):
            pieces = self.pieces()
            try:
                for piece in reversed(pieces) if place.head else ():
                    file = piece.open("rb")
                    if head_of(file) == place.head:
                        return file, line_start(file, place.offset)
                    file.close()
                if not pieces:
                    return None
                file = pieces[0].open("rb")
                return file, line_start(file, 0 if place.head else place.offset)
            except FileNotFoundError:
                continue
        return None

    def after(self, file: BinaryIO) -> BinaryIO | None:
        """The piece after an open one; None while that is the newest."""
        mine = os.fstat(file.fileno())
        for _ in range(ATTEMPTS):
            pieces = self.pieces()
            try:
                for at, piece in enumerate(pieces):
                    if os.path.samestat(piece.stat(), mine):
                        return pieces[at + 1].open("rb") if at + 1 < len(pieces) else None
                return None
            except FileNotFoundError:
                continue
        return None

    def backwards(self, place: Place) -> Iterator[bytes]:
        """Whole lines from the newest back to a place."""
        for piece in reversed(self.pieces()):
            try:
                file = piece.open("rb")
            except FileNotFoundError:
                continue
            with file:
                last = bool(place.head) and head_of(file) == place.head
                yield from _lines_backwards(file, line_start(file, place.offset) if last else 0)
            if last:
                return


class Reader:
    """Reads on in a book, piece by piece; what is written later is there at the next question."""

    def __init__(self, book: Book, place: Place) -> None:
        self._book = book
        self._place = place
        self._file: BinaryIO | None = None
        self._offset = 0

    def more(self) -> list[str]:
        """The next lines, at most about ``CHUNK`` bytes of them; none: the end for now."""
        if self._file is None:
            found = self._book.open_at(self._place)
            if found is None:
                return []
            self._file, self._offset = found
        while True:
            if lines := self._chunk():
                return lines
            following = self._book.after(self._file)
            if following is None:
                return []
            # it was rotated: what was written just before belongs to it, a torn last line too
            rest = self._chunk(torn=True)
            self._file.close()
            self._file, self._offset = following, 0
            if rest:
                return rest

    def _chunk(self, *, torn: bool = False) -> list[str]:
        assert self._file is not None
        lines, self._offset = cut_lines(self._file, self._offset, CHUNK, torn=torn)
        return lines

    def close(self) -> None:
        """Done reading."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _lines_backwards(file: BinaryIO, stop: int) -> Iterator[bytes]:
    end, carry = file.seek(0, os.SEEK_END), b""
    newest = True
    while end > stop:
        start = max(stop, end - CHUNK)
        file.seek(start)
        data = file.read(end - start) + carry
        if newest:  # a half line waits for its end
            data = data[: data.rfind(b"\n") + 1]
            newest = not data
        # the first line may begin before this chunk
        first = data.find(b"\n") + 1 if start > stop else 0
        carry = data[:first]
        yield from reversed(data[first:].split(b"\n")[:-1])
        end = start


class Books:
    """CEL and queue_log, and the place before every call without a finished record."""

    def __init__(self, pbx: Path) -> None:
        self.cel = Book(pbx / CEL)
        self.queue = Book(pbx / QUEUE_LOG)
        self.cel_place = self.queue_place = Place()

    def load(self, value: Any) -> None:
        """Take a stored place; nothing stored means from the oldest line on."""
        kept = value if isinstance(value, dict) else {}
        self.cel_place, self.queue_place = Place.of(kept.get("cel")), Place.of(kept.get("queue"))

    def shown(self) -> dict[str, Any]:
        """The place as it is stored."""
        return {"cel": self.cel_place.shown(), "queue": self.queue_place.shown()}

    def ends(self) -> tuple[Place, Place]:
        """Where both books end now."""
        return self.cel.end(), self.queue.end()

    def move(self, ends: tuple[Place, Place]) -> bool:
        """Move the place; True where it moved."""
        moved = ends != (self.cel_place, self.queue_place)
        self.cel_place, self.queue_place = ends
        return moved

    def stories_of(self, calls: Iterable[str]) -> dict[str, Story]:
        """The stories of some recent calls: found from the end, however much was written before."""
        missing = set(calls)
        found = {call: Story(call) for call in missing}
        names = {call.encode() for call in missing}
        for line in self.cel.backwards(self.cel_place) if missing else ():
            if len(parts := line.split(b'","', 4)) < 5 or _call_of(parts[3]) not in names:
                continue
            for row in rows([line.decode("utf-8", "replace")]):
                found[row["linkedid"]].rows.append(row)
                if row["event"] == "CHAN_START" and row["uniqueid"] == row["linkedid"]:
                    missing.discard(row["linkedid"])
            if not missing:
                break
        for story in found.values():
            told, story.rows = reversed(story.rows), []
            for row in told:
                story.add(row)
        self._add_queue_lines(found)
        return {call: story for call, story in found.items() if story.trunk}

    def _add_queue_lines(self, found: dict[str, Story]) -> None:
        reader = self.queue.reader(self.queue_place)
        while lines := reader.more():
            for parts in queue_parts(lines):
                if parts[1] in found:
                    found[parts[1]].queue_lines.append(parts)
        reader.close()


def _call_of(linkedid: bytes) -> bytes:
    """Whose call a line is of; only who is rung into one has another Linkedid."""
    return call_of(linkedid.decode("utf-8", "replace")).encode() if b"~" in linkedid else linkedid
