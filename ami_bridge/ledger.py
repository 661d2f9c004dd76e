"""Catch-up: what Asterisk wrote down while we were not looking.

CEL (one CSV line an event, microseconds) and queue_log (who answered, who ended) become the same
facts as live events, so the same state machine makes the record. Lines are read from an offset
that moves only past calls that have their record; a half line waits for its end.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ami_bridge.translate import STAMP, TRUNK, phone_of, user_fact, whole
from psap.calls import facts as f
from psap.calls.model import Source
from psap.calls.tracking import Tracker

COLUMNS = (
    "event",
    "time",
    "uniqueid",
    "linkedid",
    "channel",
    "number",
    "exten",
    "context",
    "app",
    "appdata",
    "extra",
    "peer",
    "user",
)


@dataclass(slots=True)
class Story:
    """One call's lines. ``over``: the caller's channel hung up."""

    linkedid: str
    rows: list[dict[str, str]] = field(default_factory=list)
    queue_lines: list[list[str]] = field(default_factory=list)

    @property
    def trunk(self) -> bool:
        return any(own(row) and row["channel"].startswith(TRUNK) for row in self.rows)

    @property
    def over(self) -> bool:
        return any(own(row) and row["event"] in ("HANGUP", "CHAN_END") for row in self.rows)


def own(row: dict[str, str]) -> bool:
    """Whether a line is about the caller's own channel."""
    return row["uniqueid"] == row["linkedid"]


def whole_lines(path: Path, offset: int) -> tuple[list[str], int]:
    """Complete lines from an offset on, and the offset after them. A shorter file is a new one."""
    try:
        with path.open("rb") as file:
            if path.stat().st_size < offset:
                offset = 0
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], 0
    end = data.rfind(b"\n") + 1
    return data[:end].decode("utf-8", "replace").splitlines(), offset + end


def stories(cel: Iterable[str], queue_log: Iterable[str]) -> dict[str, Story]:
    """Lines sorted by call. Lines that are no lines of ours are left out."""
    found: dict[str, Story] = {}
    for line in cel:
        row = _row(line)
        if row is not None:
            found.setdefault(row["linkedid"], Story(row["linkedid"])).rows.append(row)
    for line in queue_log:
        parts = line.split("|")
        if len(parts) >= 5 and parts[1] in found:
            found[parts[1]].queue_lines.append(parts)
    return {key: story for key, story in found.items() if story.trunk}


def _row(line: str) -> dict[str, str] | None:
    """A line by its columns; None for what a full disk or a torn write left of one.

    Each line is read by itself: an open quote harms its own line, not all that follow.
    """
    try:
        values = next(csv.reader((line,)), [])
        row = dict(zip(COLUMNS, values, strict=False))
        if len(values) < len(COLUMNS) or not row["linkedid"]:
            return None
        micros(row["time"])
    except (csv.Error, ValueError):
        return None
    return row


def micros(text: str) -> int:
    """``EPOCH.MICROSECONDS`` -> UTC microseconds. Raises ValueError."""
    stamp = STAMP.fullmatch(text)
    if stamp is None:
        raise ValueError("not a time")
    return int(stamp[1]) * 1_000_000 + int(((stamp[2] or "") + "000000")[:6])


def facts_of(story: Story, owner: Callable[[str | None], str | None]) -> list[f.Fact]:
    """A call's facts in order; ``owner`` tells whose telephone it is."""
    connects = {p[6]: p[3] for p in story.queue_lines if p[4] == "CONNECT" and len(p) > 6}
    ended_by = {"COMPLETECALLER": "caller", "COMPLETEAGENT": "agent"}
    ends = [ended_by[p[4]] for p in story.queue_lines if p[4] in ended_by]
    out: list[f.Fact] = []
    for row in story.rows:
        try:
            at = micros(row["time"])
        except ValueError:
            continue
        out.extend(_own_facts(row, at) if own(row) else _leg_facts(row, at, owner, connects, ends))
    out.sort(key=lambda fact: fact.at)
    return out


def _own_facts(row: dict[str, str], at: int) -> list[f.Fact]:
    call, event = row["linkedid"], row["event"]
    if event == "CHAN_START":
        return [f.Started(at, call, row["channel"], row["exten"] or None)]
    if row["user"]:  # of a user's event Asterisk writes its own name as the type
        fact = user_fact(row["user"], at, call, _pairs(row["extra"]))
        return [fact] if fact is not None else []
    if event == "APP_START" and row["app"] == "Queue":
        return [f.QueueEntered(at, call)]
    if event == "APP_END" and row["app"] == "Queue":
        return [f.QueueLeft(at, call, abandoned=False)]
    if event == "HANGUP":
        extra = _json(row["extra"])
        by_far_end = extra.get("hangupsource") == row["channel"]
        return [
            f.HangupSeen(at, call, by_far_end),
            f.Ended(at, call, whole(str(extra.get("hangupcause", "")))),
        ]
    return []


def _leg_facts(
    row: dict[str, str],
    at: int,
    owner: Callable[[str | None], str | None],
    connects: dict[str, str],
    ends: list[str],
) -> list[f.Fact]:
    call, leg, event = row["linkedid"], row["uniqueid"], row["event"]
    phone = phone_of(row["channel"])
    agent = connects.get(leg) or owner(phone)
    if event == "CHAN_START":
        return [f.Ringing(at, call, leg, agent, phone, queued=False)]
    if event == "ANSWER":
        return [f.Answered(at, call, leg, agent)]
    if event == "HANGUP":
        by_far_end = _json(row["extra"]).get("hangupsource") == row["channel"]
        if leg in connects and ends:
            return [f.TalkEnded(at, call, leg, ends[-1])]
        return [f.LegGone(at, call, leg, by_far_end)]
    return []


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _pairs(extra: str) -> dict[str, str]:
    """``Result=key0;Seconds=1.2``, which Asterisk wraps as ``{"extra": "..."}``."""
    wrapped = _json(extra).get("extra")
    text = str(wrapped) if wrapped is not None else extra
    return dict(part.split("=", 1) for part in text.split(";") if "=" in part)


def replay(
    story: Story, site: str, owner: Callable[[str | None], str | None], source: Source
) -> Tracker | None:
    """The state machine of a call as far as the ledger tells; None without the call's beginning."""
    tracker: Tracker | None = None
    for fact in facts_of(story, owner):
        if tracker is None:
            if isinstance(fact, f.Started):
                tracker = Tracker.begin(site, fact, source)
            continue
        tracker.apply(fact)
    return tracker


def last_moment(story: Story) -> int:
    """When the last line of a call was written, UTC microseconds."""
    return max((micros(row["time"]) for row in story.rows), default=0)
