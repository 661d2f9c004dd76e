"""``./112 bench report``: a month's figures over a million calls, beside DuckDB over the same rows."""

# ruff: noqa: E501 - sentences
from __future__ import annotations

import asyncio
import cProfile
import pstats
import sqlite3
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from sqlalchemy import text

from bench.page import Side, machine, table, write_section
from bench.report_plain import as_month, as_told, ask_plainly, bounds, duck_each, duck_sets
from bench.report_rows import Filled, Reading, filled
from psap.cli.say import RefusedError, step
from psap.platform.database import Database
from psap.reports import store
from tests.support.many_calls import SITE, ZONE
from tests.support.postgres import PostgresServer

AIM = 5.0  # times DuckDB
ASKS, CHANGES = 25, 5
SIDES = ("SQLite", "PostgreSQL")
DUCKS = {"DuckDB, a query each": duck_each, "DuckDB, grouping sets": duck_sets}


@dataclass(slots=True)
class Result:
    """One reading's figures. ``sides``: ms; ``others``: ms of what was done once or after a change."""

    reading: Reading
    inbound: int = 0
    fill_seconds: float = 0.0
    postgres: str = "PostgreSQL"
    sides: dict[str, Side] = field(default_factory=dict)
    others: dict[str, Side] = field(default_factory=dict)
    shares: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)

    @property
    def limit(self) -> Side:
        """DuckDB in the way in which it is faster."""
        return min((self.sides[name] for name in DUCKS), key=lambda side: side.median)

    def ratio(self, name: str) -> float:
        return self.sides[name].median / self.limit.median

    @property
    def met(self) -> bool:
        return all(self.ratio(name) <= AIM for name in SIDES)


def command(
    calls: Annotated[int, typer.Option("--calls", min=1_000, help="Panggilan / calls")] = 1_000_000,
    asks: Annotated[int, typer.Option("--asks", min=3, help="Berapa kali ditanyakan / times asked")] = ASKS,
    write: Annotated[bool, typer.Option("--write", help="Ke docs/benchmarks.md / into the page")] = False,
) -> None:
    """Laporan sebulan di samping DuckDB / a month's report beside DuckDB over the same rows."""
    readings = (
        Reading("whole", calls, date(2026, 10, 1), 31, date(2026, 10, 1)),
        Reading("part", calls, date(2026, 1, 1), 365, date(2026, 10, 1)),
    )
    try:
        results = [measure(reading, asks) for reading in readings]
    except (RuntimeError, AssertionError) as error:
        raise RefusedError(f"bench report: {error}") from error
    lines = section(results)
    print("\n".join(lines))
    if write:
        write_section(
            "report",
            "A month's report",
            "`psap.reports.store.month` (calls, endings, answered, mean and p90 wait, in all and by day, hour, category, "
            f"agent) against DuckDB over the same rows in a table of its own, in memory, loaded before. Aim: at most {AIM:.0f} times DuckDB.",
            lines,
        )


def measure(reading: Reading, asks: int) -> Result:
    """Fill three databases with the same calls and ask them in turns."""
    with tempfile.TemporaryDirectory(prefix="psap-report-") as folder, PostgresServer() as server:
        step(f"Mengisi {reading.calls:,} panggilan ({reading.name})", "filling SQLite, PostgreSQL and DuckDB")
        began = time.monotonic()
        made = filled(reading, server, Path(folder))
        result = Result(reading, fill_seconds=time.monotonic() - began, postgres=_version(server))
        return asyncio.run(_asked_and_closed(made, result, asks))


def _version(server: PostgresServer) -> str:
    return "PostgreSQL " + server.sql("SHOW server_version").split()[0]


async def _asked_and_closed(made: Filled, result: Result, asks: int) -> Result:
    try:
        return await ask_in_turns(made, result, asks)
    finally:
        await made.close()


async def ask_in_turns(made: Filled, result: Result, asks: int) -> Result:
    """Everything that is measured of one filling. Raises AssertionError where any figure differs."""
    asked = result.reading.asked
    wanted = as_month(duck_each(made.duck, asked), asked)
    result.inbound = wanted["total"]["calls"]
    ours = dict(zip(SIDES, (made.sqlite, made.postgres), strict=True))
    step("Menghitung hari untuk pertama kali", "counting each day for the first time")
    for name, database in ours.items():
        await _timed(result, f"{name}, first time", database, asked, wanted)
    step(f"Bertanya bergantian, {asks} kali", "asking in turns")
    result.sides = {name: Side(name) for name in (*SIDES, *DUCKS)}
    for _ in range(asks):
        for name, database in ours.items():
            began = time.perf_counter()
            month = await store.month(database, SITE, ZONE, asked)
            result.sides[name].samples.append((time.perf_counter() - began) * 1000)
            _same(as_told(month), wanted, name)
        for name, ask in DUCKS.items():
            began = time.perf_counter()
            rows = ask(made.duck, asked)
            result.sides[name].samples.append((time.perf_counter() - began) * 1000)
            _same(as_month(rows, asked), wanted, name)
    await _after_changes(made, ours, result)
    wanted = as_month(duck_each(made.duck, asked), asked)
    for name, database in ours.items():
        result.shares[name] = await _shares(database, asked)
        result.plans[name] = await _plan(database, asked)
        began = time.perf_counter()
        plain = await ask_plainly(database, asked)
        _note(result, f"{name}, plain GROUP BY", began)
        _same(plain, wanted, f"{name}, plainly")
    return result


async def _after_changes(made: Filled, ours: dict[str, Database], result: Result) -> None:
    """A call taker corrects a classification, days later: the next report counts that day again."""
    asked = result.reading.asked
    first, last = bounds(asked)
    for turn in range(CHANGES):
        at = first + (last - first) * (2 * turn + 1) // (2 * CHANGES)
        some = f"started_at = (SELECT min(started_at) FROM calls WHERE direction = 'inbound' AND started_at >= {at})"  # noqa: S608
        change = f"UPDATE calls SET classification = 'wrong_number' WHERE {some}"  # noqa: S608
        made.duck.execute(change)
        wanted = as_month(duck_each(made.duck, asked), asked)
        for name, database in ours.items():
            async with database.write() as connection:
                await connection.execute(text(change))
            await _timed(result, f"{name}, after a change", database, asked, wanted)


async def _timed(result: Result, name: str, database: Database, asked: date, wanted: dict[str, Any]) -> None:
    began = time.perf_counter()
    month = await store.month(database, SITE, ZONE, asked)
    _note(result, name, began)
    _same(as_told(month), wanted, name)


def _note(result: Result, name: str, began: float) -> None:
    result.others.setdefault(name, Side(name)).samples.append((time.perf_counter() - began) * 1000)


def _same(mine: dict[str, Any], theirs: dict[str, Any], when: str) -> None:
    """All figures alike, exactly; else the measurement is worth nothing."""
    for kind in theirs:
        if mine.get(kind) != theirs[kind]:
            raise AssertionError(
                f"the figures differ from DuckDB's ({when}, {kind}): {_unlike(mine[kind], theirs[kind])}"
            )


def _unlike(mine: dict[str, Any], theirs: dict[str, Any]) -> str:
    keys = [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]
    return f"{keys[0]}: {mine.get(keys[0])} and {theirs.get(keys[0])}"


_PARTS = (  # what a function's file or name says of where the time goes
    ("poll", "waiting for the database"),
    ("decoder.py", "reading JSON"),
    ("raw_decode", "reading JSON"),
    ("reports/", "adding up and showing"),
    ("pydantic", "adding up and showing"),
    ("sqlalchemy", "SQLAlchemy and the driver"),
    ("sqlite", "SQLAlchemy and the driver"),
    ("asyncpg", "SQLAlchemy and the driver"),
)


async def _shares(database: Database, asked: date) -> list[tuple[str, float]]:
    """Where the time of one report goes, from a profile, largest first."""
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(5):
        await store.month(database, SITE, ZONE, asked)
    profile.disable()
    stats: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    whole = sum(entry[2] for entry in stats.values())
    found: dict[str, float] = {}
    for (file, _, function), entry in stats.items():
        part = next((word for mark, word in _PARTS if mark in f"{file}:{function}"), "everything else")
        found[part] = found.get(part, 0.0) + entry[2] / whole
    return sorted(found.items(), key=lambda item: -item[1])


async def _plan(database: Database, asked: date) -> str:
    """How the database finds a day's calls."""
    first, _ = bounds(asked)
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    query = f"{explain} SELECT started_at FROM calls WHERE site = '{SITE}' AND started_at >= {first} AND started_at < {first + 86_400_000_000} AND direction = 'inbound' ORDER BY started_at"  # noqa: S608
    async with database.read() as connection:
        rows = (await connection.execute(text(query))).all()
    return str(rows[0][-1]).strip()


def section(results: list[Result]) -> list[str]:
    """What stands on the page."""
    lines = [
        machine(f"SQLite {sqlite3.sqlite_version}", results[0].postgres, f"DuckDB {duckdb.__version__}"),
        "",
    ]
    for result in results:
        reading = result.reading
        lines += [
            f"**{reading.calls:,} calls in the table over {reading.days} days; {result.inbound:,} of citizens in the month asked for.** "
            f"All three gave the same figures each time (also the plain query, and after each change). Made in {result.fill_seconds:.0f} s.",
            "",
        ]
        rows: list[tuple[object, ...]] = []
        for name, side in result.sides.items():
            aim = "" if name in DUCKS else ("met" if result.ratio(name) <= AIM else "missed")
            rows.append(
                (name, side.n, f"{side.median:.1f}", f"{side.p99:.1f}", f"{result.ratio(name):.2f}", aim)
            )
        for name, side in sorted(result.others.items()):
            rows.append(
                (
                    name,
                    side.n,
                    f"{side.median:.1f}",
                    f"{side.p99:.1f}",
                    f"{side.median / result.limit.median:.2f}",
                    "",
                )
            )
        lines += [
            *table(("asked of", "n", "median ms", "p99 ms", "times DuckDB", f"aim {AIM:.0f}"), rows),
            "",
        ]
        lines += [_dominates(result), ""]
    return lines[:-1]


def _dominates(result: Result) -> str:
    shares = "; ".join(
        f"{name}: " + ", ".join(f"{part} {share:.0%}" for part, share in found)
        for name, found in result.shares.items()
    )
    plans = "; ".join(f"{name} `{plan}`" for name, plan in result.plans.items())
    verdict = "The aim is met." if result.met else "The aim is missed: what dominates is named here."
    return (
        f"{verdict} A month is put together from days that were counted before, so it does not grow with the calls; what its time goes into "
        f"(a profile): {shares}. A day in which a call changed is counted again from its calls, found by: {plans}."
    )
