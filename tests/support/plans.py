"""How an engine answers a query: by which index, or by reading everything."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

_ASK = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}


async def plan_of(connection: AsyncConnection, query: Executable) -> str:
    """The engine's plan of a query with its values in it, a line a step."""
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    return await plan_of_words(connection, str(compiled))


async def plan_of_words(connection: AsyncConnection, statement: str, parameters: Any = None) -> str:
    """The engine's plan of a statement as it was sent."""
    asked = await connection.exec_driver_sql(_ASK[connection.dialect.name] + statement, parameters)
    return "\n".join(str(row[-1]) for row in asked)


def scanned(plan: str, table: str) -> bool:
    """Whether the plan reads a whole table."""
    lines = [line.strip(" ->") for line in plan.splitlines()]
    return any(
        line.startswith((f"Seq Scan on {table} ", f"Parallel Seq Scan on {table} "))
        or line == f"SCAN {table}"
        or line.startswith(f"SCAN {table} USING COVERING INDEX")
        for line in lines
    )
