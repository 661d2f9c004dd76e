"""SQL of the wallboard: one walk along the index by start, over today's calls only.

However many calls there are, only those since midnight are read (``calls_by_start``); the day of a busy city
is 3,000 of them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.board.model import STEPS, AgentDay, Figures, Today
from psap.calls.model import Classification as Word
from psap.calls.model import Ending
from psap.platform.clock import rfc3339
from psap.platform.schema import calls, users


def _count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((and_(*conditions), 1), else_=0)), 0)


def _today(site: str, since: int) -> tuple[ColumnElement[bool], ...]:
    return (calls.c.site == site, calls.c.started_at >= since, calls.c.direction == "inbound")


# whom a telephone outside took in the end, nobody here answered
_ANSWERED = and_(
    calls.c.answered_at.is_not(None),
    or_(calls.c.ending.is_(None), calls.c.ending != str(Ending.OVERFLOWED)),
)
_FAILED = and_(calls.c.answered_at.is_(None), calls.c.ending == str(Ending.FAILED))
_REFUSED = calls.c.policy["decision"].as_string().in_(["overload", "too_many", "draining"])
_WAIT = case((_ANSWERED, calls.c.wait_seconds))
_SAID = {
    "emergency": (Word.EMERGENCY,),
    "information": (Word.INFORMATION,),
    "prank": (Word.PRANK,),
    "silent": (Word.GHOST,),
    "other": (Word.CHILD, Word.WRONG_NUMBER, Word.TEST),
}
_ENDED = {
    "abandoned_in_queue": (Ending.ABANDONED_IN_QUEUE,),
    "abandoned_in_gate": (Ending.ABANDONED_IN_GATE,),
    "never_passed": (Ending.NO_RESPONSE,),
    "overflowed": (Ending.OVERFLOWED,),
    "turned_away": (Ending.BLOCKED, Ending.CHALLENGE_FAILED),
}


def day_query(site: str, since: int) -> Select[Any]:
    """The day in one row."""
    figures = [
        func.count().label("calls"),
        _count(calls.c.ending.is_(None)).label("open"),
        _count(_ANSWERED).label("answered"),
        _count(_ANSWERED, calls.c.wait_seconds.is_not(None)).label("timed"),
        *(_count(_ANSWERED, calls.c.wait_seconds <= step).label(f"within_{step}") for step in STEPS),
        func.avg(_WAIT).label("mean_wait_seconds"),
        func.max(_WAIT).label("longest_answered_wait_seconds"),
        *(
            _count(calls.c.ending.in_([str(word) for word in words])).label(name)
            for name, words in _ENDED.items()
        ),
        _count(_FAILED, _REFUSED).label("refused"),
        _count(_FAILED, not_(func.coalesce(_REFUSED, false()))).label("failed"),
        _count(_ANSWERED, calls.c.classification != str(Word.UNCLASSIFIED)).label("classified"),
        *(
            _count(_ANSWERED, calls.c.classification.in_([str(word) for word in words])).label(name)
            for name, words in _SAID.items()
        ),
    ]
    return select(*figures).where(*_today(site, since))


def agents_query(site: str, since: int) -> Select[Any]:
    """By whom answered, most first."""
    counted = (
        select(
            calls.c.agent,
            func.count().label("answered"),
            func.sum(calls.c.talk_seconds).label("talk_seconds"),
            func.avg(calls.c.wait_seconds).label("mean_wait_seconds"),
        )
        .where(*_today(site, since), _ANSWERED, calls.c.agent.is_not(None))
        .group_by(calls.c.agent)
        .subquery()
    )
    named = and_(users.c.site == site, users.c.username == counted.c.agent)
    return (
        select(counted, users.c.name)
        .outerjoin(users, named)
        .order_by(counted.c.answered.desc(), counted.c.agent)
        .limit(100)
    )


async def figures(connection: AsyncConnection, site: str, since: int, now_us: int) -> Figures:
    """Count the day that began at ``since`` (UTC microseconds)."""
    row = dict((await connection.execute(day_query(site, since))).mappings().one())
    within = {str(step): int(row.pop(f"within_{step}")) for step in STEPS}
    today = Today(since=rfc3339(since), at=rfc3339(now_us), within=within, **row)
    rows = (await connection.execute(agents_query(site, since))).mappings()
    return Figures(today=today, by_agent=[AgentDay(**row) for row in rows])
