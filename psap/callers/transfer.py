"""The blocklist as a file: CSV with ``number,reason,until``, in and out.

``until`` is RFC 3339 with an offset, or empty for permanent; reason and until may be left out. A
first line that names the columns is skipped. Bad rows are reported by line; the good ones go in.
A row is one line of the file: a quote that is never closed spoils its own line and no other.
"""

from __future__ import annotations

import csv
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from psap.agencies.model import Profile
from psap.callers import store
from psap.callers.blocklist import as_kept
from psap.callers.model import Origin, RungNumber
from psap.callers.numbers import block_key, is_one_number
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock, rfc3339, to_us
from psap.platform.database import Database

CHUNK = 5_000  # rows a transaction: other writers wait some tens of milliseconds at most
COLUMNS = ["number", "reason", "until"]
BAD_SHOWN = 1_000  # reported by line; beyond, only counted


@dataclass(frozen=True, slots=True)
class BadRow:
    """One line that was not taken. The number itself is not repeated."""

    line: int
    id: str
    en: str


@dataclass(slots=True)
class ImportReport:
    """How an import went."""

    imported: int = 0
    already: int = 0
    bad_total: int = 0
    bad: list[BadRow] = field(default_factory=list)


class BadFileError(Exception):
    """The file cannot be read as text at all."""


async def import_blocks(
    database: Database,
    site: str,
    profile: Profile,
    clock: Clock,
    path: Path,
    *,
    author: str,
    reason: str = "impor / import",
) -> ImportReport:
    """Take a file of numbers into the blocklist, in chunks, each whole or not at all.

    A number that is blocked already as long as asked is not blocked again, so a broken-off import
    can simply be repeated.

    Raises:
        BadFileError: no such file, or not text.
    """
    report = ImportReport()
    now = clock.now_us()
    async with database.read() as connection:
        until = {
            key: expires
            async for key, expires, rung, _treatment, _id in store.stream_active(connection, site, now)
            if rung >= RungNumber.BLOCK
        }
    chunk: list[dict[str, Any]] = []
    for row in _rows(path, profile, report, now):
        key, expires = row["number_key"], row["expires_at"]
        if key in until and (until[key] is None or (expires is not None and expires <= (until[key] or 0))):
            report.already += 1
            continue
        until[key] = expires
        chunk.append(
            row
            | {
                "id": str(uuid.uuid4()),
                "site": site,
                "rung": int(RungNumber.BLOCK),
                "treatment": profile.blocking.treatment,
                "reason": row["reason"] or reason,
                "evidence": [],
                "author": author[:64],
                "origin": str(Origin.IMPORT),
                "started_at": now,
            }
        )
        if len(chunk) >= CHUNK:
            await _write(database, chunk, report)
            chunk = []
    await _write(database, chunk, report)
    async with database.write() as connection:
        await write_audit(
            connection,
            site=site,
            at=now,
            actor=author,
            action=Action.BLOCKS_IMPORTED,
            detail={"imported": report.imported, "already": report.already, "bad": report.bad_total},
        )
    return report


async def _write(database: Database, chunk: list[dict[str, Any]], report: ImportReport) -> None:
    if chunk:
        async with database.write() as connection:
            await store.insert_rows(connection, chunk)
        report.imported += len(chunk)


def _rows(path: Path, profile: Profile, report: ImportReport, now: int) -> Iterator[dict[str, Any]]:
    """Good rows; bad ones go into the report by line."""

    def bad(line: int, indonesian: str, english: str) -> None:
        report.bad_total += 1
        if len(report.bad) < BAD_SHOWN:
            report.bad.append(BadRow(line, indonesian, english))

    try:
        # whole before the first row is taken: all of it is text, or nothing of it goes in
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = file.readlines()
    except UnicodeDecodeError as error:
        raise BadFileError(f"{path}: bukan teks UTF-8 / not UTF-8 text") from error
    except OSError as error:
        raise BadFileError(f"{path}: tidak terbaca / cannot be read: {error.strerror}") from error
    seen: set[str] = set()
    for line, text in enumerate(lines, 1):
        try:
            fields = next(csv.reader([text], strict=True), [])
        except csv.Error:
            bad(line, "bukan baris CSV", "not a CSV row")
            continue
        cells = [each.strip() for each in fields]
        if not any(cells) or (line == 1 and cells[0].lower() in ("number", "nomor")):
            continue
        number = cells[0]
        key = block_key(number, profile.area_code) if is_one_number(number) else None
        if key is None:
            bad(line, "nomor tidak sah", "not a valid number")
            continue
        if len(cells) > len(COLUMNS):
            bad(line, "terlalu banyak kolom", "too many columns")
            continue
        expires: int | None = None
        if len(cells) > 2 and cells[2]:
            try:
                expires = to_us(datetime.fromisoformat(cells[2]))
            except ValueError:
                bad(
                    line,
                    "waktu tidak sah (contoh 2026-12-31T23:59:00+07:00)",
                    "not a time with an offset (like 2026-12-31T23:59:00+07:00)",
                )
                continue
            if expires <= now:
                bad(line, "waktu berakhir sudah lewat", "the expiry lies in the past")
                continue
        if key in seen:
            bad(line, "nomor ini sudah ada di berkas", "this number stands in the file already")
            continue
        seen.add(key)
        yield {
            "number": as_kept(number, key),
            "number_key": key,
            "reason": cells[1][:2_000] if len(cells) > 1 else "",
            "expires_at": expires,
        }


async def export(database: Database, site: str, clock: Clock, *, author: str) -> AsyncIterator[list[str]]:
    """The blocks in force as rows of the same file, its header first; audited."""
    now = clock.now_us()
    async with database.read() as connection:
        entries = await store.active_blocks(connection, site, None, now)
    blocked = [each for each in entries if each.rung >= RungNumber.BLOCK]
    async with database.write() as connection:
        await write_audit(
            connection,
            site=site,
            at=now,
            actor=author,
            action=Action.BLOCKS_EXPORTED,
            detail={"rows": len(blocked)},
        )
    yield COLUMNS
    for each in sorted(blocked, key=lambda block: (block.started_at, block.id)):
        # one line each, and a number that an import takes: older ones were kept as whatever was typed
        number = each.number if is_one_number(each.number) else each.number_key
        yield [number, " ".join(each.reason.splitlines()), rfc3339(each.expires_at) or ""]
