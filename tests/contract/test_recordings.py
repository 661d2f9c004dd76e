"""The shelf of recordings on a real disk and database: filed once, mended, held, taken away."""

from __future__ import annotations

import math
import os
import struct
import wave
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from psap.accounts.model import Role, User
from psap.agencies.profile import find_profile, load_profile
from psap.calls.model import Call, Ending, Leg, TimelineEntry, call_id
from psap.calls.quality import measured, with_sample
from psap.calls.store import AWAY_ERRORS, row_of, upsert
from psap.keeping.model import DAY_US, Kind
from psap.keeping.persons import Persons
from psap.keeping.service import Retention
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.in_one_go import InOneGo
from psap.platform.schema import calls, incidents, recordings
from psap.platform.settings import Settings
from psap.recordings import sound
from psap.recordings.copying import CopyError, copy_to
from psap.recordings.model import OWN_US, Hearing, Recording, hearing, recording_id
from psap.recordings.service import Shelf
from tests.contract.test_retention import row

SITE = "semarang"
PROFILE = load_profile(find_profile(SITE))
UNIQUEID = "semarang-1790000000.7"
CALL = call_id(SITE, UNIQUEID)
KEY = "6281227538144"


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    (tmp_path / "home" / "asterisk" / "spool" / "monitor").mkdir(parents=True)
    (tmp_path / "home" / "log").mkdir()
    return Settings(home=tmp_path / "home", database_url=database.url, redis_url="redis://127.0.0.1:1")


@pytest.fixture
def shelf(settings: Settings, database: Database, clock: FixedClock) -> Shelf:
    return Shelf(settings, database, PROFILE, clock)


def spooled(shelf: Shelf, uniqueid: str = UNIQUEID, *, seconds: float = 2.0, closed: bool = True) -> Path:
    """A file as Asterisk leaves it; not ``closed``: as Asterisk leaves it when it is killed."""
    path = shelf.spool / f"{uniqueid}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        samples = (round(9000 * math.sin(n / 4)) for n in range(int(seconds * 8000)))
        file.writeframes(b"".join(struct.pack("<h", each) for each in samples))
    if not closed:
        with path.open("r+b") as raw:
            for place in (4, 40):
                raw.seek(place)
                raw.write(b"\0\0\0\0")
    return path


async def known(database: Database, clock: FixedClock, uniqueid: str = UNIQUEID, **given: Any) -> Call:
    """A call that ended, in the database."""
    now = clock.now_us()
    mine = Call(
        id=call_id(SITE, uniqueid),
        site=SITE,
        uniqueid=uniqueid,
        started_at=now - 9_000_000,
        ended_at=now,
        ending=Ending.ANSWERED,
        legs=[Leg(agent="agent1", answered_at=now - 5_000_000, end="answered")],
        timeline=[TimelineEntry(at=now - 6_000_000, what="recorded", data={"state": "on"})],
    )
    async with database.write() as connection:
        await upsert(connection, [row_of(mine, KEY, now)])
        if given:
            await connection.execute(update(calls).where(calls.c.id == mine.id).values(**given))
    return mine


async def ids_of(database: Database) -> list[str]:
    async with database.read() as connection:
        found = await connection.scalar(select(calls.c.recording_ids).where(calls.c.id == CALL))
    return list(found or [])


async def test_a_finished_file_is_filed_under_the_citys_date_and_told_to_its_call(
    shelf: Shelf, database: Database, clock: FixedClock
) -> None:
    call, path = await known(database, clock), spooled(shelf)
    assert shelf.waiting() == {UNIQUEID: path}
    made = await shelf.file(UNIQUEID, path, call)
    assert made is not None
    assert (made.seconds, made.mended, made.started_at) == (2.0, False, clock.now_us() - 6_000_000)
    assert made.file == f"2026/09/21/{CALL}.wav"
    assert await ids_of(database) == [made.id] == [recording_id(CALL)]
    assert not shelf.waiting()
    assert shelf.path(made).stat().st_mode & 0o777 == 0o600
    # a later word of the bridge about the call leaves it
    async with database.write() as connection:
        await upsert(connection, [row_of(call, KEY, clock.now_us() + 1)])
    assert await ids_of(database) == [made.id]


async def test_who_dies_between_shelf_and_row_files_it_once_all_the_same(
    shelf: Shelf, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, path = await known(database, clock), spooled(shelf)

    def cut(*_: object) -> Any:
        raise OSError("the power went")

    with monkeypatch.context() as broken:
        broken.setattr(database, "write", cut)
        with pytest.raises(OSError, match="power"):
            await shelf.file(UNIQUEID, path, call)
    assert path.exists()
    first = await shelf.file(UNIQUEID, path, call)
    spooled(shelf)
    again = await shelf.file(UNIQUEID, path, call)
    assert first is not None
    assert again is not None
    assert first.id == again.id
    assert await ids_of(database) == [first.id]
    assert len(await shelf.of_call(CALL)) == 1


async def test_many_are_filed_together_and_what_is_bad_among_them_holds_up_no_other(
    settings: Settings, database: Database, clock: FixedClock
) -> None:
    in_one_go = InOneGo(database)
    shelf = Shelf(settings, database, PROFILE, clock, in_one_go)
    keys = [f"semarang-1790000000.{n}" for n in range(7, 12)]
    found = [(key, spooled(shelf, key), await known(database, clock, key)) for key in keys]
    found[1][1].write_bytes(b"<html>" * 40)
    spooled(shelf, keys[2], seconds=0)
    found[3][1].unlink()
    filed = await shelf.file_all(found)
    assert isinstance(filed[keys[1]], sound.SoundError)
    assert filed[keys[2]] is None
    assert isinstance(filed[keys[3]], FileNotFoundError)
    for key in (keys[0], keys[4]):
        assert await shelf.of_call(call_id(SITE, key)) == [filed[key]]
    assert set(shelf.waiting()) == {keys[1]}
    # one that the database does not take: the other of the same transaction is written all the same
    spooled(shelf, keys[2])
    spooled(shelf, keys[3])
    broken = call_id(SITE, keys[2])
    async with database.write() as connection:
        await connection.execute(update(calls).where(calls.c.id == broken).values(recording_ids=7))
    again = await shelf.file_all([found[2], found[3]])
    assert isinstance(again[keys[2]], Exception)
    assert isinstance(again[keys[3]], Recording)
    assert set(shelf.waiting()) == {keys[1], keys[2]}
    await in_one_go.close()


async def test_while_the_database_is_away_every_file_stays_where_it_is(
    settings: Settings, database: Database, clock: FixedClock
) -> None:
    keys = [f"semarang-1790000000.{n}" for n in (7, 8)]
    impatient = Database(database.url, busy_seconds=0.2)
    in_one_go = InOneGo(impatient)
    shelf = Shelf(settings, database, PROFILE, clock, in_one_go)
    found = [(key, spooled(shelf, key), await known(database, clock, key)) for key in keys]
    async with database.write():  # somebody else writes, for long
        filed = await shelf.file_all(found)
    assert all(isinstance(each, AWAY_ERRORS) for each in filed.values())
    assert set(shelf.waiting()) == set(keys)
    again = await shelf.file_all(found)
    assert all(isinstance(each, Recording) for each in again.values())
    assert not shelf.waiting()
    await in_one_go.close()
    await impatient.close()


async def test_what_a_killed_asterisk_left_is_mended_and_can_be_played(
    shelf: Shelf, database: Database, clock: FixedClock
) -> None:
    call, path = await known(database, clock), spooled(shelf, closed=False)
    assert not sound.measure(path).sealed
    made = await shelf.file(UNIQUEID, path, call)
    assert made is not None
    assert (made.mended, made.seconds) == (True, 2.0)
    with wave.open(str(shelf.path(made))) as file:
        assert file.getnframes() == 16_000


async def test_silence_without_a_sample_leaves_nothing_and_a_strangers_file_is_refused(
    shelf: Shelf, database: Database, clock: FixedClock
) -> None:
    call, path = await known(database, clock), spooled(shelf, seconds=0)
    assert await shelf.file(UNIQUEID, path, call) is None
    assert not path.exists()
    path.write_bytes(b"<html>" * 40)
    with pytest.raises(sound.SoundError):
        await shelf.file(UNIQUEID, path, call)
    for name in ("../../etc/passwd.wav", "a b.wav", f"{UNIQUEID}.wav.part", "x.wav"):
        (shelf.spool / os.path.basename(name)).touch()  # noqa: PTH119 - a hostile name
    assert set(shelf.waiting()) == {UNIQUEID}


async def test_after_a_restore_files_without_a_row_are_written_down_again(
    shelf: Shelf, database: Database, clock: FixedClock
) -> None:
    call = await known(database, clock)
    made = await shelf.file(UNIQUEID, spooled(shelf), call)
    async with database.write() as connection:
        await connection.execute(recordings.delete())
        await connection.execute(update(calls).values(recording_ids=[]))
    assert await shelf.adopt() == 1
    assert await shelf.of_call(CALL) == [made]
    assert await ids_of(database) == [recording_id(CALL)]
    assert await shelf.adopt() == 0


async def test_peaks_are_made_once_and_show_where_somebody_spoke(
    shelf: Shelf, database: Database, clock: FixedClock
) -> None:
    made = await shelf.file(UNIQUEID, spooled(shelf), await known(database, clock))
    assert made is not None
    drawn = shelf.waveform(made)
    assert (drawn["seconds"], len(drawn["peaks"])) == (2.0, 20)
    assert all(0.2 < peak < 0.3 for peak in drawn["peaks"])
    cache = shelf.path(made).with_suffix(".peaks.json")
    shelf.path(made).unlink()
    assert shelf.waveform(made) == drawn
    cache.write_text("{")  # a torn cache is made anew, and without the sound there is nothing to make it of
    with pytest.raises(OSError, match="No such file"):
        shelf.waveform(made)


@pytest.mark.parametrize("held", ["recording", "call", "incident", None])
async def test_retention_takes_file_and_row_unless_something_holds_them(
    shelf: Shelf, settings: Settings, database: Database, clock: FixedClock, held: str | None
) -> None:
    made = await shelf.file(UNIQUEID, spooled(shelf), await known(database, clock))
    assert made is not None
    shelf.waveform(made)
    async with database.write() as connection:
        if held == "recording":
            await connection.execute(update(recordings).values(legal_hold=True))
        elif held == "call":
            await connection.execute(update(calls).values(legal_hold=True))
        elif held == "incident":
            await connection.execute(insert(incidents).values(row(incidents, 1, id="i1", legal_hold=True)))
            await connection.execute(update(calls).values(incident_id="i1"))
    keeping = Retention(settings, database, PROFILE, clock)
    clock.advance(366 * 86_400)
    plan = {due.kind: due for due in await keeping.plan()}[Kind.RECORDINGS]
    assert (plan.count, plan.held) == ((1, 0) if held is None else (0, 1))
    gone = await keeping.apply(actor="cli:test")
    assert gone[Kind.RECORDINGS] == (1 if held is None else 0)
    left = [path.name for path in shelf.folder.rglob("*.*")]
    assert (left == []) == (held is None)
    assert await ids_of(database) == ([] if held is None else [made.id])


@pytest.mark.parametrize("held", [False, True])
async def test_an_erasure_takes_the_voice_and_the_export_names_it(
    shelf: Shelf, settings: Settings, database: Database, clock: FixedClock, held: bool
) -> None:
    made = await shelf.file(UNIQUEID, spooled(shelf), await known(database, clock, number=f"+{KEY}"))
    assert made is not None
    async with database.write() as connection:
        await connection.execute(update(recordings).values(legal_hold=held))
    persons = Persons(settings, database, PROFILE, clock)
    who = persons.who(f"+{KEY}")
    told = await persons.export(who, actor="cli:test")
    assert [each["file"] for each in told["recordings"]] == [made.file]
    verdict, done = await persons.erase(who, actor="cli:test", reason="uji")
    assert done["recordings"] == (0 if held else 1)
    assert verdict.stays.get(("recordings", "legal_hold"), 0) == (1 if held else 0)
    assert shelf.path(made).exists() is held
    assert await ids_of(database) == ([made.id] if held else [])


async def test_a_second_copy_is_made_of_what_is_new(
    shelf: Shelf, settings: Settings, database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    made = await shelf.file(UNIQUEID, spooled(shelf), await known(database, clock))
    assert made is not None
    target = tmp_path / "usb"
    first, again = copy_to(settings, target), copy_to(settings, target)
    assert (first.copied, first.there, again.copied, again.there) == (1, 0, 0, 1)
    assert (target / made.file).read_bytes() == shelf.path(made).read_bytes()
    with pytest.raises(CopyError, match="within"):
        copy_to(settings, shelf.folder / "deeper")


def user(name: str, role: Role) -> User:
    return User(id="u", site=SITE, username=name, name=name, role=role, created_at=0)


async def test_who_may_hear_what(database: Database, clock: FixedClock) -> None:
    call, now = await known(database, clock), clock.now_us()
    assert hearing(user("qc1", Role.QC), call, now + 99 * DAY_US) is Hearing.ALLOWED
    assert hearing(user("boss", Role.SUPERVISOR), None, now) is Hearing.ALLOWED
    assert hearing(user("agent1", Role.AGENT), call, now + OWN_US) is Hearing.ALLOWED
    assert hearing(user("agent1", Role.AGENT), call, now + OWN_US + 1) is Hearing.TOO_OLD
    assert hearing(user("agent2", Role.AGENT), call, now) is Hearing.NOT_YOURS
    assert hearing(user("d1", Role.DISPATCHER), call, now) is Hearing.ROLE


def test_quality_is_a_mean_and_a_worst_moment_for_each_agent() -> None:
    summed = with_sample([], "a", measured({"loss": 0.2, "jitter_ms": 5, "level_in": "loud"}))
    summed = with_sample(summed, "b", measured({"loss": math.nan, "jitter_ms": True}))
    summed = with_sample(summed, "a", measured({"loss": 0, "round_trip_ms": 1e9}))
    mine = next(each for each in summed if each.agent == "a")
    other = next(each for each in summed if each.agent == "b")
    assert (mine.samples, mine.loss, mine.loss_worst, mine.level_in) == (2, 0.1, 0.2, None)
    assert (mine.jitter_ms, mine.round_trip_ms) == (5.0, 60_000.0)
    assert (other.loss, other.jitter_ms) == (None, None)


def test_a_recording_survives_its_json() -> None:
    made = Recording(id="a", call_id="b", started_at=1, seconds=1.5, bytes=9, file="f", sha256="s")
    assert Recording.model_validate_json(made.model_dump_json()) == made
