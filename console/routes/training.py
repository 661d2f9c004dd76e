"""Training: a simulated caller rings the trainee's own telephone; what the trainee does is scored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from console.problem import Problem
from console.table import Ask, Body, RouteTable, who_may
from psap.accounts.model import Permission
from psap.training import service, store
from psap.training.callers import simulated_callers
from psap.training.model import Kind, Score, Step, Text, Training, TrainingError, TrainingReport, What, shown

table = RouteTable("training")

TRAIN = who_may(Permission.TAKE_CALLS)
SEE = who_may(Permission.SEE_TRAINING)
NEWEST = 50


class Wish(Body):
    """Whom to practise with; left out: anybody."""

    kind: Kind | None = None
    caller: Annotated[str, Field(max_length=32)] | None = None


class TrainingShown(BaseModel):
    """An exercise. ``title`` and ``lines``, what the caller said, are told when it is over; ``score`` too."""

    id: str
    site: str
    agent: str
    kind: Kind
    caller: str
    number: str
    gate: str
    stage: Literal["waiting", "ringing", "talking", "ended"]
    started_at: str
    ended_at: str | None
    steps: list[Step]
    report: TrainingReport
    score: Score | None
    title: Text | None
    lines: list[Text]


class TrainingList(BaseModel):
    """The newest exercises: one's own, or everybody's for who trains others."""

    items: list[TrainingShown]


def _shown(run: Training) -> dict[str, Any]:
    return shown(run, simulated_callers()[run.caller])


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except TrainingError as error:
        raise Problem(error.key if error.key == "not_found" else "bad_request", str(error)) from error


@table.add(
    "POST",
    "/trainings",
    roles=TRAIN,
    body=Wish,
    answer=TrainingShown,
    status=201,
    summary=("Mulai latihan: telepon Anda berdering", "Begin an exercise: your telephone rings"),
    problems=(
        *("in_queue", "no_phone", "phone_away", "agent_busy"),
        *("bridge_away", "asterisk_away", "database_away"),
    ),
)
async def begin(ask: Ask[Wish, None]) -> dict[str, Any]:
    parts = ask.parts
    with _refusals():
        caller = service.choose(ask.body.kind, ask.body.caller)
    async with parts.database.write() as connection:
        run = await service.begin(connection, parts.site, ask.user.username, caller, parts.clock.now_us())
    try:
        await parts.bridge.command(
            "training.start", training_id=run.id, agent=ask.user.username, caller=caller.id
        )
    except Problem:
        async with parts.database.write() as connection:
            await service.step(connection, parts.site, run.id, What.FAILED, parts.clock.now_us())
        raise
    return _shown(run)


@table.add(
    "GET",
    "/trainings",
    roles=SEE,
    answer=TrainingList,
    summary=("Latihan terbaru", "The newest exercises"),
    problems=("database_away",),
)
async def newest(ask: Ask[None, None]) -> dict[str, Any]:
    parts = ask.parts
    only = None if ask.user.may(Permission.SEE_ALL_TRAINING) else ask.user.username
    async with parts.database.read() as connection:
        runs = await store.newest(connection, parts.site, only, NEWEST)
    return {"items": [_shown(run) for run in runs]}


@table.add(
    "GET",
    "/trainings/{id}",
    roles=SEE,
    answer=TrainingShown,
    summary=("Satu latihan dengan nilainya", "One exercise with its score"),
    problems=("not_found", "database_away"),
)
async def one(ask: Ask[None, None]) -> dict[str, Any]:
    return _shown(await _own(ask))


@table.add(
    "PUT",
    "/trainings/{id}/report",
    roles=TRAIN,
    body=TrainingReport,
    answer=TrainingShown,
    summary=("Simpan laporan latihan, seluruhnya", "Save the exercise's report, whole"),
    problems=("not_found", "database_away"),
)
async def write(ask: Ask[TrainingReport, None]) -> dict[str, Any]:
    parts = ask.parts
    run = await _own(ask, writing=True)
    with _refusals():
        async with parts.database.write() as connection:
            run = await service.write(connection, parts.site, run.id, ask.body, parts.clock.now_us())
    return _shown(run)


async def _own(ask: Ask[Any, None], *, writing: bool = False) -> Training:
    """An exercise of one's own; who trains others may look at each. Another's is one that there is not."""
    parts = ask.parts
    with _refusals():
        async with parts.database.read() as connection:
            run = await service.find(connection, parts.site, ask.id)
    if run.agent != ask.user.username and (writing or not ask.user.may(Permission.SEE_ALL_TRAINING)):
        raise Problem("not_found")
    return run
