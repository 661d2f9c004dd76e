"""Every call of a replay against its record: is there one, and is it right?"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.bogor_day import LEAVES, SILENT
from bench.bogor_replay import Told
from psap.platform.settings import Settings

SETTLE = 60.0  # seconds for the last records
NEAR = 0.5  # seconds: the caller hung up as the receiver was lifted; either may have come first
SOON = 1.0  # seconds: who gave up so soon after the key may not have reached the queue
CLOSE = 1.5  # seconds of the run between the record's wait and the caller's own
COLUMNS = "dialled, ending, ended_by, agent, wait_seconds, classification, number, source, gate"


@dataclass(slots=True)
class Checked:
    """``wrong``: one line a fault. ``off``: the record's wait minus the caller's, seconds of the run.

    ``late``: callers who had pressed their key and gave up before the gate had taken it. ``through``: silent
    callers whom a starved gate, which may have missed a key, took to a person.
    """

    records: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    late: int = 0
    through: int = 0

    @property
    def good(self) -> bool:
        return not (self.lost or self.wrong)


Rows = dict[str, list[dict[str, Any]]]


def read(settings: Settings) -> Rows:
    """The closed records by the number that was dialled: each call dialled one of its own."""
    out: Rows = defaultdict(list)
    with sqlite3.connect(f"file:{settings.home / 'psap.db'}?mode=ro", uri=True) as base:
        base.row_factory = sqlite3.Row
        for row in base.execute(f"select {COLUMNS} from calls where ending is not null"):  # noqa: S608
            out[row["dialled"]].append(dict(row))
    return out


async def settled(settings: Settings, placed: Sequence[Told]) -> Rows:
    """The records, once each answered call has one, or after a minute."""
    wanted = {each.dialled for each in placed if each.answered}
    deadline = time.monotonic() + SETTLE
    while True:
        rows = await asyncio.to_thread(read, settings)
        if wanted <= rows.keys() or time.monotonic() > deadline:
            return rows
        await asyncio.sleep(0.5)


def check(placed: Sequence[Told], rows: Rows) -> Checked:
    """Every call: one record, how it ended, by whom, with whom, what it was, how long it waited."""
    out = Checked(records=sum(len(found) for found in rows.values()))
    for each in placed:
        found = rows.get(each.dialled, [])
        what = f"{each.dialled} ({each.arrival.kind.name}{', again' if each.again else ''})"
        if not each.answered:
            out.lost.append(f"{what}: refused, status {each.status}")
        elif each.joined and each.person is None and each.left is None and each.taken is None:
            out.lost.append(f"{what}: wanted a person, did not hang up, and reached nobody ({each.by})")
        if each.answered and len(found) != 1:
            (out.wrong if found else out.lost).append(f"{what}: {len(found)} records")
        if len(found) == 1:
            out.wrong += [f"{what}: {fault}" for fault in faults(each, found[0])]
            out.late += each.joined is not None and found[0]["ending"] == "abandoned_in_gate"
            out.through += each.arrival.kind.name == SILENT and each.taken is not None
            if each.joined and each.person and found[0]["wait_seconds"] is not None:
                out.off.append(found[0]["wait_seconds"] - (each.person - each.joined))
    strangers = rows.keys() - {each.dialled for each in placed}
    out.wrong += [f"{dialled}: a record of a call that nobody placed" for dialled in sorted(strangers)]
    return out


def faults(told: Told, record: dict[str, Any]) -> list[str]:
    """What is wrong with one record."""
    kind, out = told.arrival.kind, []

    def must(name: str, *wanted: object) -> None:
        if record[name] not in wanted:
            out.append(f"{name} is {record[name]}, not {' or '.join(map(str, wanted))}")

    must("number", told.arrival.number)
    must("source", "live")
    if kind.name == LEAVES:
        must("ending", "abandoned_in_gate")
        must("ended_by", "caller")
        return out
    if kind.name == SILENT:
        through = told.taken is not None
        must("ending", "answered" if through else "no_response")
        must("ended_by", "agent" if through else "system")
        must("agent", told.taker)
        return out
    crossed = told.left is not None and told.taken is not None and abs(told.left - told.taken) < NEAR
    if told.person is None and not crossed:
        soon = told.left is not None and told.joined is not None and told.left - told.joined < SOON
        # a key that fell between two commands of the gate is taken at its window's end: the record knows it
        heard = kind.keys in str(json.loads(record["gate"]).get("keys"))
        must("ending", "abandoned_in_queue", *(["abandoned_in_gate"] if soon or heard else []))
        must("ended_by", "caller")
        return out
    if crossed and record["ending"] != "answered":
        must("ending", "abandoned_in_queue")
        return out
    must("ending", "answered")
    must("agent", told.taker)
    if crossed:
        return out
    must("ended_by", kind.ended_by)
    must("classification", kind.classification)
    if told.person is not None and told.joined is not None:
        off = (record["wait_seconds"] or 0.0) - (told.person - told.joined)
        if abs(off) > CLOSE:
            out.append(f"its wait is {off:+.1f} s off the caller's own")
    return out
