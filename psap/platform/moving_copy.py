"""Copying every table from one open side to the other, and comparing column by column."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from itertools import zip_longest

from psap.platform.moving_sides import MovingError, Row, Shape, Side, fitted, plain_json
from psap.platform.schema import audit

Progress = Callable[[int, int], None]  # rows done, rows in all


@dataclass(frozen=True, slots=True)
class TableCopied:
    """One table: how many rows, and the digest (SHA-256) of its content that both sides have."""

    table: str
    rows: int
    columns: int
    digest: str | None  # None: only counted


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied from ``engine``. ``instant``: UTC microseconds; the rows are as they were then."""

    instant: int
    engine: str
    revision: str
    tables: tuple[TableCopied, ...]
    left: tuple[str, ...] = ()  # tables that are not ours: they stay where they are
    fitted: int = 0  # texts that were cut, or had a NUL replaced, to fit

    @property
    def counts(self) -> dict[str, int]:
        return {each.table: each.rows for each in self.tables}


class Move:
    """From one open side to the other."""

    def __init__(
        self, source: Side, target: Side, *, compare: bool, fit: bool, progress: Progress | None
    ) -> None:
        self._source, self._target, self._compare, self._fit = source, target, compare, fit
        self._fitted = 0
        self._progress, self._done, self._whole = progress, 0, 0
        self._left: tuple[str, ...] = ()

    async def all(self, instant: int, replace: bool) -> Copied:
        """Every table; the caller commits."""
        shapes = await self._shapes()
        counts = {shape.table: await self._source.count(shape.table) for shape in shapes}
        self._whole = sum(counts.values()) * (3 if self._compare else 1)
        if not replace:
            await self._must_be_empty(shapes)
        await self._target.make_ready(shapes, empty=replace)
        for shape in shapes:
            # as it lies there: by time, mostly
            async with aclosing(self._source.rows(shape, ordered=False)) as rows:
                async for batch in rows:
                    batch, changed = self._made_fit(shape, batch)
                    self._fitted += changed
                    await self._target.write(shape, batch)
                    self._step(len(batch))
        tables = [await self._compared(shape, counts[shape.table]) for shape in shapes]
        await self._target.finish(shapes)
        return Copied(
            instant, self._source.engine, str(self._source.revision), tuple(tables), self._left, self._fitted
        )

    async def _shapes(self) -> list[Shape]:
        ours, theirs = self._source.revision, self._target.revision
        if ours is None or ours != theirs:
            raise MovingError(
                f"versi berbeda: {self._source.name} {ours}, {self._target.name} {theirs} / "
                "the two are not of the same version"
            )
        source, target = await self._source.shapes(), await self._target.shapes()
        lacking = sorted(name for name, shape in source.items() if target.get(name, shape) != shape)
        self._left = tuple(sorted(set(source) - set(target)))
        shared = [shape for name, shape in source.items() if name in target]
        unknown = sorted(set(target) - set(source))
        if lacking or unknown:
            raise MovingError(
                f"tabel tidak sama bentuknya / tables differ in their columns: {', '.join(lacking + unknown)}"
            )
        return shared

    async def _must_be_empty(self, shapes: list[Shape]) -> None:
        full = [shape.table for shape in shapes if await self._target.count(shape.table)]
        if full:
            raise MovingError(
                f"{self._target.name} tidak kosong ({', '.join(full)}); tidak ada yang diubah / "
                "is not empty; nothing was changed"
            )

    async def _compared(self, shape: Shape, count: int) -> TableCopied:
        found = await self._target.count(shape.table)
        if found != count:
            raise MovingError(f"{shape.table}: {count} baris menjadi {found} / {count} rows became {found}")
        if not self._compare:
            return TableCopied(shape.table, count, len(shape.columns), None)
        ours, theirs = await self._digests(shape, plain=False)
        if ours != theirs and any(kind == "json" for _, kind in shape.columns):
            ours, theirs = await self._digests(shape, plain=True)  # an engine may spell JSON its own way
        if ours != theirs:
            unlike = [
                name for name, mine, other in zip(shape.names, ours, theirs, strict=True) if mine != other
            ]
            where = await self._first_difference(shape)
            raise MovingError(
                f"{shape.table}: isi berbeda pada kolom {', '.join(unlike)}, pertama {where} / "
                f"the content differs, first at {where}"
            )
        whole = hashlib.sha256("\n".join(ours).encode()).hexdigest()
        return TableCopied(shape.table, count, len(shape.columns), whole)

    async def _digests(self, shape: Shape, *, plain: bool) -> tuple[list[str], list[str]]:
        return await self._digest(self._source, shape, plain), await self._digest(self._target, shape, plain)

    async def _digest(self, side: Side, shape: Shape, plain: bool) -> list[str]:
        """One SHA-256 for each column, over its values in the order of the key."""
        sums = [hashlib.sha256() for _ in shape.columns]
        async with aclosing(side.rows(shape, ordered=True)) as rows:
            async for batch in rows:
                if side is self._source:
                    batch, _ = self._made_fit(shape, batch)
                for place, values in enumerate(zip(*batch, strict=True)):
                    if plain and shape.columns[place][1] == "json":
                        values = tuple(map(plain_json, values))
                    # repr has no line breaks, and a form of its own for each kind of value
                    text = "\n".join(map(repr, values)) + "\n"
                    sums[place].update(text.encode("utf-8", "surrogatepass"))
                self._step(len(batch))
        return [each.hexdigest() for each in sums]

    async def _first_difference(self, shape: Shape) -> str:
        async with (
            aclosing(self._source.rows(shape, ordered=True)) as ours,
            aclosing(self._target.rows(shape, ordered=True)) as theirs,
        ):
            async for batch in ours:
                other: list[Row] = await anext(theirs, [])
                for mine, its in zip_longest(self._made_fit(shape, batch)[0], other):
                    if mine != its:
                        return str(shape.key_of(mine or its))
        return "?"

    def _made_fit(self, shape: Shape, rows: list[Row]) -> tuple[list[Row], int]:
        limits = self._target.limits.get(shape.table) if self._fit and shape.table != audit.name else None
        return (rows, 0) if limits is None else fitted(shape, rows, limits)

    def _step(self, rows: int) -> None:
        self._done += rows
        if self._progress is not None:
            self._progress(min(self._done, self._whole), self._whole)
