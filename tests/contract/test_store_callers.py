"""Reputation on a real database: the climb, the way back, people's word, protections, pushes, imports."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest
from sqlalchemy import select, update

from psap.agencies.profile import Profile, find_profile, load_profile
from psap.callers.blocklist import BlocklistError, add_block, confirm_block, list_blocks, remove_block
from psap.callers.model import HOUR_US, Block, BlockChange, Protection
from psap.callers.service import blocks_to_push, explain, history, mark_call
from psap.callers.transfer import CHUNK, COLUMNS, BadFileError, export, import_blocks
from psap.calls.model import Call, Caller, CallerKind, Classification
from psap.calls.store import row_of, upsert
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.schema import audit, blocks

SITE = "semarang"
NUMBER = "081234567890"
KEY = "6281234567890"


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile(find_profile("semarang"))


class City:
    """What a test says: this call came, was classified so; what is pushed now?"""

    def __init__(self, database: Database, profile: Profile, clock: FixedClock) -> None:
        self.database, self.profile, self.clock = database, profile, clock
        self.calls = 0

    def call(self, number: str | None = NUMBER, kind: CallerKind = CallerKind.MOBILE) -> Call:
        self.calls += 1
        return Call(
            id=f"call-{self.calls}",
            site=SITE,
            uniqueid=f"u-{self.calls}",
            caller=Caller(number=number, kind=kind),
            started_at=self.clock.now_us(),
        )

    async def mark(self, call: Call, kind: str, key: str | None = KEY) -> BlockChange | None:
        call.classification = Classification(kind) if kind != "no_response" else call.classification
        async with self.database.write() as connection:
            await upsert(connection, [row_of(call, key, self.clock.now_us())])
            return await mark_call(connection, SITE, self.profile, self.clock, call, kind, "agent1")

    async def climb(self, times: int) -> list[int]:
        rungs = []
        for _ in range(times):
            change = await self.mark(self.call(), "prank")
            rungs.append(change.after if change else -1)
            self.clock.advance(60)
        return rungs

    async def block(self, number: str = NUMBER) -> str:
        async with self.database.write() as connection:
            made = await add_block(
                connection,
                SITE,
                self.profile,
                self.clock,
                number=number,
                reason="ancaman",
                expires_at=None,
                author="supervisor1",
            )
        return made.id

    async def lift(self, block_id: str) -> list[Block]:
        async with self.database.write() as connection:
            return await remove_block(connection, SITE, self.clock, author="supervisor1", block_id=block_id)

    async def pushed(self, key: str = KEY) -> str | None:
        async with self.database.read() as connection:
            some = await blocks_to_push(connection, SITE, [key], self.clock.now_us())
            every = await blocks_to_push(connection, SITE, None, self.clock.now_us())
        assert some == {k: v for k, v in every.items() if k == key}
        return some.get(key)

    async def rung(self) -> int:
        entry = await self.pushed()
        return int(entry.split("|")[1]) if entry else 0


@pytest.fixture
def city(database: Database, profile: Profile, clock: FixedClock) -> City:
    return City(database, profile, clock)


async def test_the_climb_and_the_expiry(city: City) -> None:
    assert await city.climb(5) == [1, 2, 3, 4, 5]
    city.clock.advance(73 * 3_600)
    assert await city.pushed() is None


async def test_a_block_that_ran_out_lets_in_at_once(city: City) -> None:
    await city.climb(3)
    assert await city.rung() == 3
    city.clock.advance(24 * 3_600)
    assert await city.pushed() is None


async def test_reclassified_takes_its_rung_back(city: City) -> None:
    await city.climb(2)
    third = city.call()
    await city.mark(third, "ghost")
    assert await city.rung() == 3
    assert await city.mark(third, "prank") is None  # another word for the same mark
    change = await city.mark(third, "wrong_number")
    assert change is not None
    assert (change.before, change.after) == (3, 2)
    assert await city.rung() == 2


async def test_a_real_emergency_protects(city: City) -> None:
    await city.climb(3)
    change = await city.mark(city.call(), "emergency")
    assert change is not None
    assert (change.before, change.after) == (3, 1)
    await city.climb(3)
    assert await city.rung() == 1
    async with city.database.read() as connection:
        found = await explain(connection, SITE, KEY, city.clock.now_us(), profile=city.profile)
    assert found.protections == [Protection.EMERGENCY]
    assert "never blocked by itself" in found.words.en


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (None, CallerKind.WITHHELD),
        ("anonymous", CallerKind.UNKNOWN),
        ("911-352099001761481", CallerKind.SIMLESS),
        (NUMBER, CallerKind.WITHHELD),
    ],
)
async def test_without_identity_there_is_no_ladder(city: City, number: str | None, kind: CallerKind) -> None:
    for _ in range(6):
        assert await city.mark(city.call(number, kind), "prank", None) is None


async def test_an_agency_is_warned_at_most(city: City) -> None:
    for _ in range(6):
        await city.mark(city.call("110", CallerKind.SHORT), "prank", "110")
    pushed = await city.pushed("110")
    assert pushed is not None
    assert pushed.split("|")[1] == "1"


async def test_silence_is_a_soft_mark_that_never_weakens_a_persons_word(city: City) -> None:
    call = city.call()
    await city.mark(call, "prank")
    assert await city.mark(call, "no_response") is None
    for _ in range(10):
        await city.mark(city.call(), "no_response")
    assert await city.rung() == 1


async def test_removed_is_forgiven(city: City) -> None:
    await city.climb(4)
    async with city.database.write() as connection:
        lifted = await remove_block(connection, SITE, city.clock, author="supervisor1", key=KEY)
    assert [each.rung for each in lifted] == [4]
    assert await city.pushed() is None
    city.clock.advance(1)
    assert await city.climb(1) == [1]
    async with city.database.write() as connection:
        with pytest.raises(BlocklistError):
            await remove_block(connection, SITE, city.clock, author="supervisor1", key="62999")


async def test_an_entry_lifted_already_lifts_no_later_one(city: City) -> None:
    first = await city.block()
    assert [each.id for each in await city.lift(first)] == [first]
    later = await city.block()
    with pytest.raises(BlocklistError) as refused:
        await city.lift(first)
    assert refused.value.key == "not_found"
    assert await city.pushed() == f"0|3|challenge|{later}"


async def test_a_rung_that_the_ladder_has_left_still_names_the_number(city: City) -> None:
    """A page may be a step behind; but the ladder's old rung is no name for a person's later block."""
    await city.climb(3)
    seen = await city.pushed()
    assert seen is not None
    old = seen.rpartition("|")[2]
    await city.climb(1)
    assert [each.rung for each in await city.lift(old)] == [4]
    later = await city.block()
    with pytest.raises(BlocklistError):
        await city.lift(old)
    assert await city.pushed() == f"0|3|challenge|{later}"


async def test_permanent_needs_a_supervisor(city: City) -> None:
    await city.climb(5)
    pushed = await city.pushed()
    assert pushed is not None
    expiry, _, _, block_id = pushed.split("|")
    assert expiry != "0"
    async with city.database.write() as connection:
        await confirm_block(connection, SITE, city.clock, block_id, "supervisor1")
        with pytest.raises(BlocklistError):
            await confirm_block(connection, SITE, city.clock, block_id, "supervisor1")
    city.clock.advance(90 * 86_400)
    assert await city.climb(1) == [-1]  # a person's word: the window's end does not undo it
    assert await city.pushed() == f"0|5|challenge|{block_id}"


async def test_a_persons_block_stands_beside_the_ladder(city: City) -> None:
    await city.climb(1)
    block_id = await city.block()
    assert await city.pushed() == f"0|3|challenge|{block_id}"
    await city.climb(3)
    assert await city.pushed() == f"0|3|challenge|{block_id}"
    async with city.database.write() as connection:
        lifted = await remove_block(connection, SITE, city.clock, author="admin1", block_id=block_id)
    assert len(lifted) == 2
    assert await city.pushed() is None


@pytest.mark.parametrize(
    ("number", "expires", "reason", "key"),
    [
        ("anonymous", None, "x", "bad_number"),
        ("911-352099001761481", None, "x", "bad_number"),
        ("", None, "x", "bad_number"),
        ("08123\u06645678", None, "x", "bad_number"),
        ("0812/0813", None, "x", "bad_number"),
        ("0812***90", None, "x", "bad_number"),
        (NUMBER, 1, "x", "bad_expiry"),
        (NUMBER, None, " ", "no_reason"),
    ],
)
async def test_bad_wishes(city: City, number: str, expires: int | None, reason: str, key: str) -> None:
    async with city.database.write() as connection:
        with pytest.raises(BlocklistError) as refused:
            await add_block(
                connection,
                SITE,
                city.profile,
                city.clock,
                number=number,
                reason=reason,
                expires_at=expires,
                author="t",
            )
    assert refused.value.key == key


async def test_a_number_that_takes_much_room_is_kept_whole(city: City) -> None:
    block_id = await city.block("0812" + " " * 40 + "34567890")
    async with city.database.read() as connection:
        page = await list_blocks(connection, SITE, city.clock.now_us())
    assert [(each.id, each.number, each.number_key) for each in page.items] == [(block_id, KEY, KEY)]


async def test_pages_newest_first(city: City) -> None:
    for index in range(5):
        async with city.database.write() as connection:
            await add_block(
                connection,
                SITE,
                city.profile,
                city.clock,
                number=f"08120000{index:04}",
                reason="x",
                expires_at=None,
                author="t",
            )
    seen: list[str] = []
    cursor = None
    async with city.database.read() as connection:
        while True:
            page = await list_blocks(connection, SITE, city.clock.now_us(), limit=2, cursor=cursor)
            seen += [each.id for each in page.items]
            cursor = page.next
            if cursor is None:
                break
    assert len(seen) == len(set(seen)) == 5


async def test_history_for_the_screen_pop(city: City) -> None:
    await city.climb(2)
    async with city.database.read() as connection:
        found = await history(connection, SITE, KEY, 1, now_us=city.clock.now_us(), profile=city.profile)
        nobody = await history(connection, SITE, None, 5)
        newest = found["calls"][0]["id"]  # as if it were the call that rings, written by now
        before = await history(connection, SITE, KEY, 1, now_us=city.clock.now_us(), without=newest)
    assert (before["calls_total"], len(before["calls"])) == (1, 1)
    assert before["calls"][0]["id"] != newest
    assert (found["calls_total"], len(found["calls"]), found["marks"]) == (2, 1, 2)
    assert found["calls"][0]["classification"] == "prank"
    assert "WIB" in found["why"]["id"]
    assert nobody["calls"] == []


async def test_the_audit_knows_no_number(city: City) -> None:
    await city.climb(3)
    async with city.database.read() as connection:
        rows = [str(row) for row in (await connection.execute(select(audit))).mappings()]
    assert len(rows) == 6
    assert not [row for row in rows if "81234567890" in row]


async def test_import_reports_bad_rows_by_line_and_can_be_repeated(city: City, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text(
        "number,reason,until\n"
        "081200000001,iseng,\n"
        "not a number,x,\n"
        "081200000002,iseng,yesterday\n"
        "081200000003,iseng,2020-01-01T00:00:00+07:00\n"
        "+6281200000001,again,\n"
        '081200000004,"koma, dan ""kutip""",2030-01-01T00:00:00+07:00\n'
        "\n"
        "081200000005\n"
        "0812/0813,two at once\n"
        "08123\u06645678,other digits\n",
        "utf-8",
    )
    first = await import_blocks(city.database, SITE, city.profile, city.clock, file, author="t")
    assert (first.imported, first.already, [each.line for each in first.bad]) == (3, 0, [3, 4, 5, 6, 10, 11])
    second = await import_blocks(city.database, SITE, city.profile, city.clock, file, author="t")
    assert (second.imported, second.already) == (0, 3)
    rows = [row async for row in export(city.database, SITE, city.clock, author="t")]
    assert rows[0] == COLUMNS
    assert sorted(row[0] for row in rows[1:]) == ["081200000001", "081200000004", "081200000005"]
    with pytest.raises(BadFileError):
        await import_blocks(city.database, SITE, city.profile, city.clock, tmp_path / "none", author="t")


async def test_an_open_quote_spoils_its_own_line_alone(city: City, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text(
        '081200000001,"iseng\n081200000002,iseng\n"081200000003\n081200000004,"a ""b""."\n', "utf-8"
    )
    report = await import_blocks(city.database, SITE, city.profile, city.clock, file, author="t")
    assert (report.imported, [each.line for each in report.bad]) == (2, [1, 3])
    rows = [row async for row in export(city.database, SITE, city.clock, author="t")]
    assert sorted(row[:2] for row in rows[1:]) == [["081200000002", "iseng"], ["081200000004", 'a "b".']]


async def test_of_a_file_that_is_no_text_to_its_end_nothing_is_taken(city: City, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_bytes(
        b"".join(b"0812%08d\n" % index for index in range(CHUNK + 2_000)) + b"081399999999,\xff\n"
    )
    with pytest.raises(BadFileError):
        await import_blocks(city.database, SITE, city.profile, city.clock, file, author="t")
    async with city.database.read() as connection:
        assert await blocks_to_push(connection, SITE, None, city.clock.now_us()) == {}


async def test_what_is_exported_is_one_line_each_and_can_be_imported(city: City, tmp_path: Path) -> None:
    async with city.database.write() as connection:
        for number, reason in (("081234567890", "ancaman\r\nlewat telepon"), ("0812 3456 7891", "a, b")):
            await add_block(
                connection,
                SITE,
                city.profile,
                city.clock,
                number=number,
                reason=reason,
                expires_at=None,
                author="t",
            )
        # as an older version kept it
        await connection.execute(update(blocks).values(number="0812/1").where(blocks.c.number_key == KEY))
    file = tmp_path / "out.csv"
    with file.open("w", newline="") as out:
        async for row in export(city.database, SITE, city.clock, author="t"):
            csv.writer(out, lineterminator="\n").writerow(row)
    assert len(file.read_text().splitlines()) == 3
    report = await import_blocks(city.database, SITE, city.profile, city.clock, file, author="t")
    assert (report.imported, report.already, report.bad_total) == (0, 2, 0)


@pytest.mark.alone
async def test_a_hundred_thousand_in_ten_seconds(city: City, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text("".join(f"0812{index:08}\n" for index in range(100_000)), "utf-8")
    began = time.monotonic()
    report = await import_blocks(city.database, SITE, city.profile, city.clock, file, author="t")
    took = time.monotonic() - began
    async with city.database.read() as connection:
        pushed = await blocks_to_push(connection, SITE, None, city.clock.now_us() + HOUR_US)
    print(f"import of 100,000: {took:.2f} s; with all to push: {time.monotonic() - began:.2f} s")
    assert report.imported == len(pushed) == 100_000
    assert took < 10
