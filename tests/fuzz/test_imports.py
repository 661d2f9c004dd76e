"""A blocklist as a file, from whatever program wrote it.

Guaranteed for every input: each row is taken, known already, or reported by its line, and the three
add up; what is taken has a key that blocks exactly that number, once, with an end that lies ahead; no
report repeats a number; a second import of the same file takes nothing. Never another exception
than "this is no text".
"""

from __future__ import annotations

import random
import re
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from psap.agencies.profile import Profile, find_profile, load_profile
from psap.callers.numbers import block_key
from psap.callers.transfer import BadFileError, ImportReport, _rows, import_blocks
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.migrate import migrate
from psap.platform.settings import Settings
from tests.fuzz.machine import fuzz, mutate, sizes

NOW = 1_790_000_000_000_000  # in September 2026
GOOD = (
    b"number,reason,until\n",
    b"081234567890,iseng,2026-12-31T23:59:00+07:00\n",
    b'0812-3456-7891,"berkali-kali, malam",\n',
    b"+62243540000\n",
    b"911-35209900176148,tanpa SIM,\n",
    b"3540001,lokal,2027-01-01T00:00:00Z\n",
    b"6281234567890,lagi,\n",
    b"\n",
    b"bukan nomor,x,\n",
    b"081234567899,lampau,2020-01-01T00:00:00Z\n",
)
WORDS = (
    b'"',
    b'""',
    b",",
    b"\r",
    b"\r\n",
    b"\0",
    b"9999-12-31T23:59:59+00:00",
    b"0001-01-01T00:00:00+23:59",
    b"2026-13-45T00:00:00Z",
    b"20261231",
    b"2026-W01-1",
    b"9999-12-31T23:59:59-23:59",
    b"=1+1",
    b"@SUM(A1)",
    b"x" * 140_000,
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    "٠٨١٢".encode(),
    "²²²²²²".encode(),
    b";",
    b"\t",
    b"nomor",
)


def spreadsheet(draw: random.Random) -> bytes:
    """A few rows with accidents."""
    rows = b"".join(draw.choice(GOOD) for _ in range(draw.randint(1, 6)))
    return mutate(draw, rows, WORDS, most=4)


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile(find_profile("semarang"))


@pytest.fixture(scope="module")
def file() -> Path:
    """A file that is written again and again, where that costs nothing."""
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir=folder)) / "blocks.csv"


def check(file: Path, profile: Profile, data: bytes) -> int:
    """The guarantees above; how many rows were taken."""
    file.write_bytes(data)
    report = ImportReport()
    try:
        rows = list(_rows(file, profile, report, NOW))
    except BadFileError:
        with pytest.raises(UnicodeDecodeError):
            data.decode("utf-8-sig")
        return 0
    assert len(report.bad) == report.bad_total
    places = data.decode("utf-8-sig")
    assert len(rows) + report.bad_total <= len(re.split(r"\r\n|\r|\n", places))
    for bad in report.bad:
        assert 1 <= bad.line <= len(re.split(r"\r\n|\r|\n", places))
        assert not re.search(r"[0-9]{5}", re.sub("2026-12-31T23:59:00.07:00", "", bad.id + bad.en))
    keys = [row["number_key"] for row in rows]
    assert len(set(keys)) == len(keys)
    for row in rows:
        assert block_key(row["number"], profile.area_code) == row["number_key"]
        assert row["expires_at"] is None or NOW < row["expires_at"] < 2**63
        assert not any(char.isalnum() and char not in "0123456789" for char in row["number"])
    return len(rows)


@sizes(300)
def test_whatever_a_program_wrote(file: Path, profile: Profile, inputs: int) -> None:
    fuzz("CSV import", inputs, spreadsheet, lambda data: check(file, profile, data))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    settings = Settings(home=tmp_path, profile="semarang")
    migrate(settings)
    made = Database(settings.effective_database_url)
    yield made
    await made.close()


async def test_into_a_real_database(database: Database, file: Path, profile: Profile, tmp_path: Path) -> None:
    """Some of the same through to the table: what is reported is what stands there, and once."""
    taken = 0
    for index in range(40):
        file.write_bytes(spreadsheet(random.Random(f"import {index}")))
        try:
            first = await import_blocks(database, profile.site, profile, FixedClock(NOW), file, author="uji")
            again = await import_blocks(database, profile.site, profile, FixedClock(NOW), file, author="uji")
        except BadFileError:
            continue
        taken += first.imported
        assert (again.imported, again.already) == (0, first.imported + first.already)
        assert again.bad_total == first.bad_total
    with sqlite3.connect(tmp_path / "psap.db") as rows:
        assert rows.execute("select count(*) from blocks").fetchone() == (taken,)


def test_it_can_tell(file: Path, profile: Profile) -> None:
    """The oracle sees the good rows through."""
    assert check(file, profile, b"".join(GOOD)) == 4


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"081234567890,x,0001-01-01T00:00:00+23:59\n", id="before all time"),
        pytest.param(b"081234567890,x,9999-12-31T23:59:59-23:59\n", id="after all time"),
        pytest.param(b"0812\x0034567890,x,\n", id="a zero byte"),
        pytest.param(b'"' + b"x" * 200_000 + b'",y\n0812\n', id="a cell longer than any"),
        pytest.param(b'0812345,"open\n08123456\n', id="a quote that is never closed"),
        pytest.param("٠٨١٢٣٤٥٦٧\n".encode(), id="digits of another script"),
        pytest.param(b"0812" + b" " * 60 + b"34567890\n", id="digits far behind"),
    ],
)
def test_found_before(file: Path, profile: Profile, data: bytes) -> None:
    check(file, profile, data)
