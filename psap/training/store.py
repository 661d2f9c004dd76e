"""SQL of training."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.schema import trainings
from psap.training.model import Score, Step, Training, TrainingReport


def _of(row: RowMapping) -> Training:
    report = dict(row["report"] or {})
    return Training(
        id=row["id"],
        site=row["site"],
        agent=row["agent"],
        kind=row["kind"],
        caller=report.pop("caller", ""),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        steps=[Step.model_validate(step) for step in row["steps"]],
        report=TrainingReport.model_validate(report),
        score=Score.model_validate(row["score"]) if row["score"] else None,
    )


def _values(run: Training) -> dict[str, Any]:
    return {
        "ended_at": run.ended_at,
        "steps": [step.model_dump(mode="json") for step in run.steps],
        "report": run.report.model_dump(mode="json", exclude_none=True) | {"caller": run.caller},
        "score": run.score.model_dump(mode="json") if run.score else None,
    }


async def put(connection: AsyncConnection, run: Training) -> None:
    """A new run."""
    await connection.execute(
        insert(trainings).values(
            id=run.id,
            site=run.site,
            agent=run.agent,
            kind=str(run.kind),
            started_at=run.started_at,
            **_values(run),
        )
    )


async def save(connection: AsyncConnection, run: Training) -> None:
    """A run that went on."""
    await connection.execute(update(trainings).where(trainings.c.id == run.id).values(**_values(run)))


async def find(connection: AsyncConnection, site: str, training_id: str) -> Training | None:
    """One run."""
    query = select(trainings).where(trainings.c.site == site, trainings.c.id == training_id)
    row = (await connection.execute(query)).mappings().first()
    return _of(row) if row is not None else None


async def newest(connection: AsyncConnection, site: str, agent: str | None, limit: int) -> list[Training]:
    """The newest runs, of one trainee or of all."""
    query = select(trainings).where(trainings.c.site == site)
    if agent is not None:
        query = query.where(trainings.c.agent == agent)
    query = query.order_by(trainings.c.started_at.desc(), trainings.c.id).limit(limit)
    return [_of(row) for row in (await connection.execute(query)).mappings()]
