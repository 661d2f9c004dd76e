"""The list of missed calls on a real database: derived, joined, claimed by one, dialled once a claim."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from psap.calls.model import Call, Caller, CallerKind, Ending, Flag, Gate, Policy
from psap.calls.store import row_of, upsert
from psap.incidents.model import Incident
from psap.incidents.store import row_of as incident_row
from psap.missed import queries, service, store
from psap.missed.model import (
    WINDOW_US,
    Attempt,
    AttemptState,
    Closing,
    Missed,
    MissedError,
    Result,
    Status,
)
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.schema import incidents
from tests.contract.conftest import ONLY_SQLITE
from tests.contract.test_store_incidents import SITE
from tests.support.plans import plan_of_words, scanned

MINUTE = 60_000_000
KEY = "6281227538144"
MOBILE = Caller(number="081227538144", e164=f"+{KEY}", presentation="allowed", kind=CallerKind.MOBILE)


class Book:
    """Calls written as the recorder writes them, and the list derived from them."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database = database
        self.clock = clock

    async def call(self, ending: Ending, *, key: str | None = KEY, ago: int = 0, **more: Any) -> Call:
        at = self.clock.now_us() - ago * MINUTE
        made = Call(
            **{
                "id": str(uuid.uuid4()), "site": SITE, "uniqueid": str(uuid.uuid4()), "caller": MOBILE,
                "started_at": at, "ended_at": at + 5_000_000, "ending": ending, **more,
            }
        )  # fmt: skip
        async with self.database.write() as connection:
            await upsert(connection, [row_of(made, key, at)])
        return made

    async def derive(self) -> list[Missed]:
        async with self.database.write() as connection:
            changed, _ = await service.derive(connection, SITE, self.clock.now_us())
        return changed

    async def open(self) -> list[Missed]:
        async with self.database.read() as connection:
            return (await queries.find_missed(connection, SITE)).items

    async def lost(self, **more: Any) -> Missed:
        await self.call(Ending.ABANDONED_IN_QUEUE, **more)
        (entry,) = await self.derive()
        return entry

    async def begin(self, missed_id: str, agent: str = "agent1", *, confirm: bool = False) -> Attempt:
        async with self.database.write() as connection:
            _, attempt = await service.begin(
                connection, SITE, missed_id, self.clock.now_us(), agent=agent, phone="p", confirm=confirm,
                channel_id=f"{SITE}-cb-{uuid.uuid4().hex}",
            )  # fmt: skip
        return attempt

    async def finish(self, attempt: Attempt, result: Result) -> Missed | None:
        state = AttemptState.UNKNOWN if result is Result.UNKNOWN else AttemptState.DONE
        done = attempt.model_copy(update={"state": state, "result": result})
        async with self.database.write() as connection:
            return await service.finish(connection, done, self.clock.now_us())


async def report(book: Book, number: int, category: str, about: Call, ago: int = 0) -> str:
    """Write an open incident; its id."""
    at = book.clock.now_us() - ago * MINUTE
    made = Incident(
        id=str(uuid.uuid4()), site=SITE, number=f"SMG-2026-{number:06d}", version=1, status="open",
        call_id=about.id, category=category, shift_date="2026-09-21", created_by="agent1",
        created_at=at, updated_at=at,
    )  # fmt: skip
    async with book.database.write() as connection:
        await connection.execute(incidents.insert().values(**incident_row(made)))
    return made.id


@pytest.fixture
def book(database: Database, clock: FixedClock) -> Book:
    return Book(database, clock)


async def test_calls_of_a_number_are_one_entry_and_deriving_again_changes_nothing(book: Book) -> None:
    for ago in (30, 20, 10):
        await book.call(Ending.ABANDONED_IN_GATE, ago=ago, gate=Gate(keys="1"))
    await book.call(Ending.ANSWERED, ago=40)  # before they were lost
    await book.call(Ending.BLOCKED)
    await book.derive()
    assert await book.derive() == []
    (entry,) = await book.open()
    assert (entry.count, entry.last_at - entry.first_at) == (3, 20 * MINUTE)
    assert entry.caller == MOBILE
    assert entry.last.gate.keys == "1"
    # one that the ledger tells late joins it, and is not the newest
    await book.call(Ending.FAILED, ago=60, source="ledger")
    (entry,) = await book.derive()
    assert (entry.count, entry.last.ending) == (4, Ending.ABANDONED_IN_GATE)


async def test_who_has_no_number_is_an_entry_each_and_cannot_be_called(book: Book) -> None:
    hidden = Caller(presentation="withheld", kind=CallerKind.WITHHELD)
    simless = Caller(number="911-35824005111110", kind=CallerKind.SIMLESS)
    for caller in (hidden, hidden, simless):
        await book.call(Ending.ABANDONED_IN_QUEUE, key=None, caller=caller)
    await book.derive()
    entries = await book.open()
    assert len(entries) == 3
    for entry in entries:
        assert not entry.reachable
        with pytest.raises(MissedError) as refused:
            await book.begin(entry.id)
        assert refused.value.key == "not_reachable"


async def test_who_called_again_and_was_answered_leaves_the_list(book: Book) -> None:
    entry = await book.lost(ago=10)
    again = await book.call(Ending.ANSWERED, ago=5)
    (after,) = await book.derive()
    assert (after.id, after.status, after.result) == (entry.id, Status.CLOSED, Closing.RESOLVED)
    assert after.resolved_call_id == again.id
    # lost once more: a new entry
    assert (await book.lost()).id != entry.id


@ONLY_SQLITE  # PostgreSQL plans by what is in the tables: test_plans.py asks it over filled ones
async def test_who_called_again_is_found_by_the_call_not_by_going_through_the_list(book: Book) -> None:
    asked: list[tuple[str, Any]] = []

    def heard(_c: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        asked.append((statement, parameters))

    event.listen(book.database.engine.sync_engine, "before_cursor_execute", heard)
    async with book.database.read() as connection:
        await store.answered_since(connection, SITE, 1)
        statement, parameters = next(each for each in asked if each[0].startswith("SELECT missed"))
        plan = await plan_of_words(connection, statement, parameters)
    assert not scanned(plan, "missed"), plan
    assert "open_key=?" in plan, plan


async def test_nobody_leaves_the_list_while_being_called(book: Book) -> None:
    entry = await book.lost(ago=10)
    attempt = await book.begin(entry.id)
    await book.call(Ending.ANSWERED, ago=5)
    assert await book.derive() == []
    await book.finish(attempt, Result.BUSY)
    (after,) = await book.derive()
    assert after.result is Closing.RESOLVED


async def test_what_was_lost_long_ago_and_silent_calls_of_marked_numbers_stay_out(book: Book) -> None:
    await book.call(Ending.ABANDONED_IN_QUEUE, ago=WINDOW_US // MINUTE + 1)
    await book.call(Ending.NO_RESPONSE, policy=Policy(rung=1))
    await book.call(Ending.CHALLENGE_FAILED)
    assert await book.derive() == []
    assert await book.open() == []


async def test_of_many_who_claim_at_once_one_has_it(book: Book) -> None:
    entry = await book.lost()

    async def take(by: str) -> str:
        try:
            async with book.database.write() as connection:
                taken = await service.claim(connection, SITE, entry.id, by, book.clock.now_us())
        except MissedError as error:
            return f"{error.key}: {error}"
        return str(taken.claimed_by)

    answers = await asyncio.gather(*(take(f"agent{n}") for n in range(8)))
    (after,) = await book.open()
    assert (after.status, after.claim) == (Status.CLAIMED, 1)
    refusal = f"claimed: sudah diambil {after.claimed_by} / {after.claimed_by} has already taken it"
    assert sorted(answers) == sorted([str(after.claimed_by), *([refusal] * 7)])


async def test_one_claim_has_one_attempt_whatever_else_fails(book: Book) -> None:
    entry = await book.lost()
    attempt = await book.begin(entry.id)
    for by in ("agent1", "agent2"):
        with pytest.raises(MissedError) as refused:
            await book.begin(entry.id, by)
        assert refused.value.key == "already_calling"
    twin = attempt.model_copy(update={"id": str(uuid.uuid4()), "channel_id": "other"})
    async with book.database.write() as connection:
        with pytest.raises(IntegrityError):
            await store.insert_attempt(connection, twin)


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (Result.ANSWERED, Status.CLOSED),
        (Result.BUSY, Status.OPEN),
        (Result.NO_ANSWER, Status.OPEN),
        (Result.FAILED, Status.OPEN),
        (Result.NOT_DIALLED, Status.OPEN),
        (Result.UNKNOWN, Status.UNKNOWN),
    ],
)
async def test_what_comes_of_an_attempt(book: Book, result: Result, status: Status) -> None:
    entry = await book.lost()
    attempt = await book.begin(entry.id)
    after = await book.finish(attempt, result)
    assert after is not None
    assert (after.status, after.last_result, after.attempts) == (status, result, 1)
    assert await book.finish(attempt, result) is None  # told twice
    if status is Status.OPEN:
        assert after.claimed_by is None
        second = await book.begin(entry.id, "agent2")
        assert (second.claim, attempt.claim) == (2, 1)


async def test_an_unknown_attempt_waits_for_a_person_or_the_ledger(book: Book) -> None:
    entry = await book.lost()
    attempt = await book.begin(entry.id)
    await book.finish(attempt, Result.UNKNOWN)
    with pytest.raises(MissedError) as refused:
        await book.begin(entry.id)
    assert refused.value.key == "undecided"
    async with book.database.write() as connection:
        on = await service.resume(connection, attempt, book.clock.now_us())  # it lives after all
    assert on is not None
    assert on.status is Status.CALLING
    await book.finish(attempt, Result.UNKNOWN)
    late = await book.finish(attempt, Result.NO_ANSWER)  # the ledger knew after all
    assert late is not None
    assert late.status is Status.OPEN

    again = await book.begin(entry.id)
    await book.finish(again, Result.UNKNOWN)
    async with book.database.write() as connection:
        freed = await service.release(
            connection, SITE, entry.id, "agent1", book.clock.now_us(), anybodys=False
        )
    assert freed.status is Status.OPEN
    async with book.database.read() as connection:
        assert await store.undecided(connection, SITE) == []
    # what comes later changes nothing that a person decided
    assert await book.finish(again, Result.ANSWERED) is None


async def test_who_could_not_speak_is_not_rung_without_a_word(book: Book) -> None:
    entry = await book.lost(flags=[Flag.CANNOT_SPEAK])
    assert entry.needs_confirmation
    with pytest.raises(MissedError) as refused:
        await book.begin(entry.id)
    assert refused.value.key == "confirm_needed"
    (untouched,) = await book.open()
    assert (untouched.status, untouched.claimed_by) == (Status.OPEN, None)
    await book.begin(entry.id, confirm=True)


async def test_an_open_report_of_violence_asks_for_the_same_word(book: Book) -> None:
    told = await book.call(Ending.ANSWERED, ago=20)
    incident_id = await report(book, 1, "violence", told)
    entry = await book.lost()
    with pytest.raises(MissedError) as refused:
        await book.begin(entry.id)
    assert refused.value.key == "confirm_needed"
    await book.begin(entry.id, confirm=True)
    (after,) = await book.open()
    assert after.incident_id == incident_id


async def test_an_older_report_of_violence_and_one_it_was_linked_to_ask_too(book: Book) -> None:
    first = await book.call(Ending.ANSWERED, ago=40)
    for number, (category, about) in enumerate((("violence", first), ("fire", first)), 1):
        await report(book, number, category, about, ago=30 - number)
    entry = await book.lost()
    with pytest.raises(MissedError) as refused:
        await book.begin(entry.id)
    assert refused.value.key == "confirm_needed"  # though the newest report is of a fire
    # somebody else's report, to which a call of this number was linked
    other = await book.call(Ending.ANSWERED, key="628111", ago=50)
    linked = await report(book, 3, "violence", other, ago=20)
    victim = "628222"
    await book.call(Ending.ANSWERED, key=victim, ago=10, incident_id=linked)
    entry = await book.lost(key=victim)
    with pytest.raises(MissedError) as refused:
        await book.begin(entry.id)
    assert refused.value.key == "confirm_needed"


async def test_who_could_not_speak_a_while_ago_is_not_rung_without_a_word_today(book: Book) -> None:
    await book.call(Ending.ANSWERED, ago=30, flags=[Flag.CANNOT_SPEAK])  # answered: in no list
    entry = await book.lost()
    with pytest.raises(MissedError) as refused:
        await book.begin(entry.id)
    assert refused.value.key == "confirm_needed"
    await book.begin(entry.id, confirm=True)


async def test_an_unknown_attempt_is_settled_when_the_citizen_calls_again(book: Book) -> None:
    entry = await book.lost(ago=10)
    await book.finish(await book.begin(entry.id), Result.UNKNOWN)
    await book.call(Ending.ANSWERED)
    (after,) = await book.derive()
    assert after.result is Closing.RESOLVED
    async with book.database.read() as connection:
        assert await store.undecided(connection, SITE) == []


async def test_only_its_owner_or_who_may_decides(book: Book) -> None:
    entry = await book.lost()
    now = book.clock.now_us()
    async with book.database.write() as connection:
        await service.claim(connection, SITE, entry.id, "agent1", now)
    with pytest.raises(MissedError):
        async with book.database.write() as connection:
            await service.close(
                connection, SITE, entry.id, "agent2", now,
                result=Closing.NOT_NEEDED, note=None, anybodys=False,
            )  # fmt: skip
    async with book.database.write() as connection:
        done = await service.close(
            connection, SITE, entry.id, "supervisor1", now,
            result=Closing.REACHED, note="lewat tetangga", anybodys=True,
        )  # fmt: skip
    assert (done.status, done.closed_by, done.note) == (Status.CLOSED, "supervisor1", "lewat tetangga")


async def test_the_list_comes_page_by_page(book: Book) -> None:
    for number in range(7):
        await book.call(Ending.ABANDONED_IN_GATE, key=f"628{number}", ago=number // 2)
    await book.derive()
    seen: list[str] = []
    cursor = None
    while True:
        async with book.database.read() as connection:
            page = await queries.find_missed(connection, SITE, limit=2, cursor=cursor)
        seen += [entry.id for entry in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7
