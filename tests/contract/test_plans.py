"""What is asked every day is answered from an index, on both engines, over a city's filled tables.

The questions are the services' own, as they were sent; the engine says how it answers them.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event, text

from psap.board import store as board
from psap.callers import service as callers
from psap.callers import store as blocklist
from psap.calls import store as call_store
from psap.calls.model import Call, Classification, Ending
from psap.calls.queries import CallFilter, CallQueries, encode_cursor
from psap.calls.store import row_of
from psap.incidents import store as incidents_store
from psap.incidents.model import Incident, IncidentFilter, Status
from psap.incidents.store import row_of as incident_row
from psap.keeping import store as keeping
from psap.keeping.model import Kind
from psap.missed import store as missed_store
from psap.missed.model import LastCall
from psap.missed.queries import OPEN
from psap.platform.audit import read_audit
from psap.platform.database import Database
from psap.platform.schema import audit, blocks, calls, incidents, marks, missed, recordings
from tests.contract.conftest import SITE, START_US
from tests.support.filling import multiplied, value_of
from tests.support.plans import plan_of_words, scanned
from tests.support.postgres import PostgresServer

CALLS = 40_000
MINUTE = 60_000_000
DAY = 1_440 * MINUTE
NOW = START_US + CALLS * MINUTE  # a call a minute until now
KEY = "6281231000007"
WHOLE = frozenset({"calls", "incidents", "missed", "missed_calls", "marks", "blocks", "recordings", "audit"})

_NUMBER = "'62812' || CAST(31000000 + n % 9973 * 7919 % 9973 AS TEXT)"
_ENDING = """CASE n % 10 WHEN 0 THEN 'answered' WHEN 1 THEN 'answered' WHEN 2 THEN 'abandoned_in_queue'
 WHEN 3 THEN 'no_response' WHEN 4 THEN 'blocked' ELSE 'abandoned_in_gate' END"""
_WORD = """CASE WHEN n % 997 = 0 THEN 'emergency' WHEN n % 10 = 0 THEN 'prank' ELSE 'unclassified' END"""


def _row(table: Any, /, **given: Any) -> dict[str, Any]:
    chance = random.Random(table.name)
    made = {column.name: value_of(table, column, 1, chance) for column in table.columns}
    return made | {"id": str(uuid.UUID(int=chance.getrandbits(128))), "site": SITE} | given


def _call(at: int) -> dict[str, Any]:
    the_id = str(uuid.UUID(int=random.Random("call").getrandbits(128)))
    made = Call(id=the_id, site=SITE, uniqueid="u", direction="inbound", started_at=at)
    return _row(calls) | row_of(made, None, at) | {"legal_hold": False}


def _incident(at: int) -> dict[str, Any]:
    made = Incident(
        id=str(uuid.UUID(int=random.Random("report").getrandbits(128))), site=SITE, number="SMG-0", version=1,
        status=Status.CLOSED, shift_date="2026-09-21", created_by="siti", created_at=at, updated_at=at,
    )  # fmt: skip
    own = {"idempotency_key": None, "idempotency_body": None, "legal_hold": False}
    return _row(incidents) | incident_row(made) | own


def _block(at: int) -> dict[str, Any]:
    empty = {"removed_at": None, "removed_by": None, "expires_at": None, "legal_hold": False}
    words = {"rung": 5, "treatment": "announce", "origin": "person", "evidence": [], "started_at": at}
    return _row(blocks, awaits_confirmation=False, **empty | words)


async def fill(database: Database, count: int) -> None:
    """``count`` calls and what a city has beside so many."""
    first = NOW - count * MINUTE
    at = f"{first} + CAST(n AS BIGINT) * {MINUTE}"
    slow = f"{first} + CAST(n AS BIGINT) * {10 * MINUTE}"  # of what there is a tenth
    call = _call(first)
    the_id = f"CAST(10000000 + n * 10 AS TEXT) || '{call['id'][8:]}'"  # of an answered call
    async with database.write() as connection:
        await multiplied(
            connection, call, count,
            started_at=at, number_key=_NUMBER, number=_NUMBER, ending=_ENDING, classification=_WORD,
            agent="CASE WHEN n % 10 < 2 THEN 'petugas' || CAST(n % 40 AS TEXT) END",
        )  # fmt: skip
        await multiplied(
            connection, _incident(first), count // 10, table=incidents,
            number="'SMG-' || CAST(n AS TEXT)", call_id=the_id, created_at=slow,
            status="CASE WHEN n % 50 = 0 THEN 'open' ELSE 'closed' END",
        )  # fmt: skip
        lost = LastCall(call_id=call["id"], ending=Ending.ABANDONED_IN_QUEUE)
        words: dict[str, Any] = {
            "status": "closed", "open_key": None, "last_at": first, "kind": "mobile", "presentation": None,
            "last": lost.model_dump(mode="json"), "flags": [], "last_result": None, "result": None,
        }  # fmt: skip
        await multiplied(
            connection, _row(missed, **words), count // 10, table=missed, last_at=slow, number_key=_NUMBER,
            status="CASE WHEN n % 20 = 0 THEN 'open' ELSE 'closed' END",
            open_key="CASE WHEN n % 20 = 0 THEN 'k' || CAST(n AS TEXT) END",
        )  # fmt: skip
        await connection.execute(
            text(
                "INSERT INTO missed_calls (call_id, site, missed_id) SELECT id, site, '' FROM calls "
                "WHERE ending IN ('abandoned_in_queue', 'no_response')"
            )
        )
        began = f"{first} + CAST(n AS BIGINT) * {2 * MINUTE}"
        await multiplied(
            connection, _block(first), count // 2, table=blocks,
            number_key="'62813' || CAST(n AS TEXT)", number="'0813' || CAST(n AS TEXT)", started_at=began,
            removed_at=f"CASE WHEN n % 10 = 0 THEN {began} + 9 END",
            removed_by="CASE WHEN n % 10 = 0 THEN 'siti' END",
        )  # fmt: skip
        mark = _row(marks, call_id="x", at=first, kind="prank")
        await multiplied(
            connection, mark, count // 10, table=marks,
            call_id="'c' || CAST(n AS TEXT)", number_key=_NUMBER, at=slow,
        )  # fmt: skip
        kept = _row(recordings, started_at=first, legal_hold=False)
        await multiplied(connection, kept, count // 10, table=recordings, started_at=slow, call_id=the_id)
        noted = _row(audit, seq=1, at=first, subject="x")
        await multiplied(
            connection, noted, count // 2, table=audit, seq="n + 1", at=at, subject="'s' || CAST(n AS TEXT)"
        )
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.exec_driver_sql("ANALYZE")


@dataclass
class Asked:
    """A filled database and what the services ask it."""

    database: Database

    async def by(self, question: Callable[[Any], Awaitable[Any]]) -> list[tuple[str, str]]:
        """(statement, plan) of everything that ``question(connection)`` asks."""
        heard: list[tuple[str, Any]] = []

        def hear(_c: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
            heard.append((statement, parameters))

        event.listen(self.database.engine.sync_engine, "before_cursor_execute", hear)
        try:
            async with self.database.read() as connection:
                await question(connection)
        finally:
            event.remove(self.database.engine.sync_engine, "before_cursor_execute", hear)
        async with self.database.read() as connection:
            return [
                (statement, await plan_of_words(connection, statement, parameters))
                for statement, parameters in heard
                if statement.lstrip().startswith(("SELECT", "WITH"))
            ]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The address of a filled database; the tests only read it."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("filled") / "psap.db"
        shutil.copy(request.getfixturevalue("migrated"), path)
        url = f"sqlite+aiosqlite:///{path}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.migrated("filled")

    async def work() -> None:
        database = Database(url)
        await fill(database, CALLS)
        await database.close()

    asyncio.run(work())
    yield url
    if request.param == "postgresql":
        server.drop("filled")


@pytest.fixture
async def asked(filled: str) -> Any:
    database = Database(filled)
    yield Asked(database)
    await database.close()


def listed(**wanted: Any) -> Callable[[Database], Callable[[Any], Awaitable[Any]]]:
    """The list of calls as the console asks for it; it takes its own connection."""
    cursor = encode_cursor(NOW - 20 * DAY, str(uuid.uuid4())) if wanted.pop("later", False) else None

    def of(database: Database) -> Callable[[Any], Awaitable[Any]]:
        return lambda _connection: CallQueries(database, SITE).find(CallFilter(**wanted), cursor=cursor)

    return of


LISTS = {
    "calls": listed(),
    "calls, a later page": listed(later=True),
    "calls of a number": listed(number_key=KEY),
    "calls of a number without a key": listed(number="911-35693803564380"),
    "calls of a day": listed(since=NOW - 2 * DAY, until=NOW - DAY),
    "calls by ending": listed(ending=Ending.FAILED),
    "calls by classification": listed(classification=Classification.EMERGENCY),
    "calls of a call taker": listed(agent="petugas7"),
}
QUESTIONS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "a call": lambda c: call_store.load(c, ["x"]),
    "open calls": lambda c: call_store.open_ids(c, SITE),
    "what is known of a number": lambda c: callers.history(c, SITE, KEY, now_us=NOW),
    "had an emergency": lambda c: blocklist.had_emergency(c, SITE, KEY, NOW - 90 * DAY, None),
    "blocks of a number": lambda c: blocklist.blocks_of(c, SITE, KEY),
    "whether blocks changed": lambda c: call_store.blocks_edges(c, SITE),
    "blocks touched": lambda c: call_store.blocks_touched(c, SITE, NOW - MINUTE),
    "blocklist": lambda c: blocklist.page(c, SITE, NOW, limit=101, after=None, all_entries=False),
    "blocklist, a later page": lambda c: blocklist.page(
        c, SITE, NOW, limit=101, after=(NOW - 20 * DAY, "x"), all_entries=True
    ),
    "missed calls": lambda c: missed_store.find(c, SITE, OPEN, limit=101, after=None),
    "lost calls nobody judged": lambda c: missed_store.unjudged(c, SITE, NOW - DAY, 100),
    "who called again": lambda c: missed_store.answered_since(c, SITE, NOW - DAY),
    "open incidents of a number": lambda c: missed_store.open_incidents_of(c, SITE, KEY),
    "calls of an entry": lambda c: missed_store.calls_of(c, SITE, "x"),
    "a number's newest calls": lambda c: missed_store.recent_calls(c, SITE, KEY, NOW - DAY),
    "the board's day": lambda c: board.figures(c, SITE, NOW - DAY // 2, NOW),
    "incidents": lambda c: incidents_store.find(c, SITE, IncidentFilter(), limit=101, after=None),
    "incidents, a later page": lambda c: incidents_store.find(
        c, SITE, IncidentFilter(), limit=101, after=(NOW - 20 * DAY, "x")
    ),
    "open incidents": lambda c: incidents_store.find(
        c, SITE, IncidentFilter(status=Status.OPEN), limit=101, after=None
    ),
    "incidents of a call": lambda c: incidents_store.find(
        c, SITE, IncidentFilter(call_id="x"), limit=101, after=None
    ),
    "incidents that may be the same": lambda c: incidents_store.recent(c, SITE, NOW - DAY, 500),
    "incidents of the same number": lambda c: incidents_store.of_number(c, SITE, "x", NOW - DAY),
    "audit": lambda c: read_audit(c, SITE, limit=100),
    "audit of a subject": lambda c: read_audit(c, SITE, subject="s7", limit=100),
    "calls whose time is over": lambda c: keeping.drop_some(c, SITE, Kind.CALLS, 0, 500),
    "recordings whose time is over": lambda c: keeping.drop_some(c, SITE, Kind.RECORDINGS, 0, 500),
}


@pytest.mark.parametrize("name", [*LISTS, *QUESTIONS])
async def test_it_is_answered_from_an_index(asked: Asked, name: str) -> None:
    question = LISTS[name](asked.database) if name in LISTS else QUESTIONS[name]
    told = await asked.by(question)
    assert told
    for statement, plan in told:
        whole = [table for table in WHOLE if scanned(plan, table)]
        assert not whole, f"reads all of {whole}\n{statement}\n{plan}"
