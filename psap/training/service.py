"""Use cases of training: begin, take a step, write, end with a score."""

from __future__ import annotations

import secrets
import uuid

from sqlalchemy.ext.asyncio import AsyncConnection

from psap.training import store
from psap.training.callers import simulated_callers
from psap.training.model import (
    Kind,
    SimulatedCaller,
    Step,
    Training,
    TrainingError,
    TrainingReport,
    What,
    first_writes,
    score,
)


def choose(kind: Kind | None, caller: str | None) -> SimulatedCaller:
    """The simulated caller that is wished for, or one by chance.

    Raises:
        TrainingError: unknown_caller.
    """
    known = simulated_callers()
    if caller is not None:
        if caller not in known:
            raise TrainingError(
                "unknown_caller", f"tidak ada penelepon latihan {caller!r}", f"no simulated caller {caller!r}"
            )
        return known[caller]
    return secrets.choice([each for each in known.values() if kind is None or each.kind is kind])


async def begin(
    connection: AsyncConnection, site: str, agent: str, caller: SimulatedCaller, at: int
) -> Training:
    """A new run, before the telephone rings. Needs a write connection."""
    run = Training(
        id=str(uuid.uuid4()), site=site, agent=agent, kind=caller.kind, caller=caller.id, started_at=at
    )
    await store.put(connection, run)
    return run


async def find(connection: AsyncConnection, site: str, training_id: str) -> Training:
    """One run.

    Raises:
        TrainingError: not_found.
    """
    run = await store.find(connection, site, training_id)
    if run is None:
        raise TrainingError("not_found", "latihan ini tidak ada", "no such exercise")
    return run


async def step(connection: AsyncConnection, site: str, training_id: str, what: What, at: int) -> Training:
    """Something happened on the telephone; the same step twice is one. Needs a write connection.

    Raises:
        TrainingError: not_found.
    """
    run = await find(connection, site, training_id)
    if run.first(what) is None:
        run.steps.append(Step(at=at, what=what))
        if what in (What.ENDED, What.FAILED):
            run.ended_at = at
            run.score = score(simulated_callers()[run.caller], run)
        await store.save(connection, run)
    return run


async def write(
    connection: AsyncConnection, site: str, training_id: str, report: TrainingReport, at: int
) -> Training:
    """What the trainee wrote, whole; after the end too, and the score follows. Needs a write connection.

    Raises:
        TrainingError: not_found.
    """
    run = await find(connection, site, training_id)
    run.steps += first_writes(run.report, report, at)
    run.report = report
    if run.ended_at is not None:
        run.score = score(simulated_callers()[run.caller], run)
    await store.save(connection, run)
    return run
