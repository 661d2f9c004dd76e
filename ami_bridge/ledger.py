"""Catch-up: what Asterisk wrote down while we were not looking.

CEL (one CSV line an event, microseconds) and queue_log (who answered, who ended) become the same
facts as live events, so the same state machine makes the record. What counts is the order of the
lines: a clock that was set back does not turn a call around. books.py finds the lines.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ami_bridge.translate import TRUNK, came, invited, phone_of, user_fact, whole
from psap.calls import facts as f
from psap.calls.causes import RING_CAUSES
from psap.calls.model import Flag, Source
from psap.calls.parties import call_of, read_leg_id
from psap.calls.progress import STEP_US
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
# a line begins like this; inside a value Asterisk doubles the quotes, so that nobody can write it there
BEGINNING = re.compile(r'"[A-Za-z_]{1,40}","[0-9]{1,11}\.[0-9]{1,9}","')
TIME = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,9}))?")
LAST_US = 7_258_118_400_000_000  # the year 2200: a later time is no time
ENDED_BY = {"COMPLETECALLER": "caller", "COMPLETEAGENT": "agent"}
RANG = ("RINGNOANSWER", "RINGCANCELED")
# what a call's record needs of queue_log
TELLING = frozenset({"CONNECT", *ENDED_BY, *RANG})

# What only live events tell: in these a record that was caught up may differ from a live one, in
# nothing else but milliseconds. Seconds of speech and packets of sound stand in none of Asterisk's
# files, so nothing is suggested from them. What a person said of a call is in the database, not here.
LIVE_ONLY_FIELDS = frozenset({"source", "evidence"})
LIVE_ONLY_FLAGS = frozenset({Flag.NO_AUDIO, Flag.SUSPECTED_PRANK, Flag.SUSPECTED_GHOST})

Owner = Callable[[str | None], str | None]


@dataclass(slots=True)
class Story:
    """One call's lines. ``over``: the caller's channel hung up. ``closed``: no line can follow."""

    linkedid: str
    rows: list[dict[str, str]] = field(default_factory=list)
    queue_lines: list[list[str]] = field(default_factory=list)
    closed: bool = False

    @property
    def trunk(self) -> bool:
        return any(own(row) and row["channel"].startswith(TRUNK) for row in self.rows)

    @property
    def over(self) -> bool:
        return any(own(row) and row["event"] in ("HANGUP", "CHAN_END") for row in self.rows)

    def add(self, row: dict[str, str]) -> None:
        """The call's next line."""
        self.rows.append(row)
        self.closed = self.closed or row["event"] == "LINKEDID_END"


def own(row: dict[str, str]) -> bool:
    """Whether a line is about the caller's own channel."""
    return row["uniqueid"] == row["linkedid"]


def whole_lines(path: Path, offset: int) -> tuple[list[str], int]:
    """Complete lines of a file from an offset on, and the offset after them; a shorter file is a new one."""
    try:
        with path.open("rb") as file:
            return cut_lines(file, line_start(file, offset), -1)
    except FileNotFoundError:
        return [], 0


def cut_lines(file: BinaryIO, offset: int, limit: int, *, torn: bool = False) -> tuple[list[str], int]:
    """About ``limit`` bytes of lines (``torn``: also one without an end), and the offset after them."""
    file.seek(offset)
    data = file.read(limit)
    while limit > 0 and b"\n" not in data and (more := file.read(limit)):
        data += more
    if torn and data and not data.endswith(b"\n") and not file.read(1):
        return data.decode("utf-8", "replace").rstrip("\n").split("\n"), offset + len(data)
    end = data.rfind(b"\n") + 1
    return data[:end].decode("utf-8", "replace").split("\n")[:-1], offset + end


def line_start(file: BinaryIO, offset: int) -> int:
    """The beginning of the line that an offset lies in; 0 where the file is shorter."""
    if file.seek(0, 2) < offset:
        return 0
    while offset > 0:
        start = max(0, offset - 4096)
        file.seek(start)
        at = file.read(offset - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        offset = start
    return 0


def rows(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Lines as columns. What is no line of ours is left out; a line that was never finished (a full
    disk, a killed Asterisk) costs itself, not the one written behind it."""
    for line in lines:
        starts = [match.start() for match in BEGINNING.finditer(line)]
        for start, end in itertools.pairwise([*starts, len(line)]):
            try:
                values = next(csv.reader((line[start:end],)))
            except (csv.Error, StopIteration):
                continue
            if len(values) >= len(COLUMNS):
                row = dict(zip(COLUMNS, values, strict=False))
                call = call_of(row["linkedid"])
                if call != row["linkedid"]:
                    if row["event"] == "LINKEDID_END":
                        continue  # somebody was rung into a call, which goes on
                    row["linkedid"] = call
                if call:
                    yield row


def queue_parts(lines: Iterable[str]) -> Iterator[list[str]]:
    """Those lines of queue_log that a record needs: time, call, queue, agent, word, ..."""
    for line in lines:
        parts = line.split("|")
        if len(parts) >= 5 and parts[4] in TELLING:
            yield parts


def stories(cel: Iterable[str], queue_log: Iterable[str]) -> dict[str, Story]:
    """Lines sorted by call. Lines that are no lines of ours are left out."""
    found: dict[str, Story] = {}
    for row in rows(cel):
        found.setdefault(row["linkedid"], Story(row["linkedid"])).add(row)
    for parts in queue_parts(queue_log):
        if parts[1] in found:
            found[parts[1]].queue_lines.append(parts)
    return {key: story for key, story in found.items() if story.trunk}


def micros(text: str) -> int:
    """``EPOCH.MICROSECONDS`` -> UTC microseconds. Raises ValueError where that is no time."""
    match = TIME.fullmatch(text)
    at = int(match[1]) * 1_000_000 + int(((match[2] or "") + "000000")[:6]) if match else LAST_US
    if at >= LAST_US:
        raise ValueError("no time of this century or the next")
    return at


def facts_of(story: Story, owner: Owner) -> list[f.Fact]:
    """A call's facts in order; ``owner`` tells whose telephone it is."""
    teller = _Teller(story, owner)
    out: list[f.Fact] = []
    latest = shift = 0
    for index, row in enumerate(story.rows):
        try:
            at = micros(row["time"])
        except ValueError:
            continue
        at += shift
        if latest - at > STEP_US:  # the clock was set back: what is written later happened later
            shift += latest - at
            at = latest
        latest = max(latest, at)
        out.extend(teller.own_facts(row, at) if own(row) else teller.leg_facts(index, row, at))
    out.sort(key=lambda fact: fact.at)  # neighbouring lines of two channels may change places
    return out


class _Teller:
    """Tells one story's lines as facts."""

    def __init__(self, story: Story, owner: Owner) -> None:
        self._rows = story.rows
        self._owner = owner
        lines = story.queue_lines
        self._connects = {p[6]: p[3] for p in lines if p[4] == "CONNECT" and len(p) > 6}
        self._ended_by = _ended_by(lines)
        self._rings = [(p[3], p[4]) for p in lines if p[4] in RANG]
        self._answered: set[str] = set()
        self._declared = False

    def own_facts(self, row: dict[str, str], at: int) -> list[f.Fact]:
        """What a line about the caller's channel says."""
        call, event = row["linkedid"], row["event"]
        if event == "CHAN_START":
            return [f.Started(at, call, row["channel"], row["exten"] or None)]
        if row["user"]:  # of a user's event Asterisk writes its own name as the type
            fact = user_fact(row["user"], at, call, _pairs(row["extra"]))
            self._declared = self._declared or isinstance(fact, f.EndDeclared)
            return [fact] if fact is not None else []
        if event == "APP_START" and row["app"] == "Queue":
            return [f.QueueEntered(at, call)]
        if event == "APP_END" and row["app"] == "Queue":
            return [f.QueueLeft(at, call, abandoned=False)]
        return self._over(row, at, call) if event == "HANGUP" else []

    def _over(self, row: dict[str, str], at: int, call: str) -> list[f.Fact]:
        extra = _json(row["extra"])
        source, cause = extra.get("hangupsource"), whole(str(extra.get("hangupcause", "")))
        out: list[f.Fact] = [f.HangupSeen(at, call, source == row["channel"]), f.Ended(at, call, cause)]
        if source == "" and cause == 16 and self._answered and not self._declared:
            # neither telephone: the call taker's "end this call", carried out by a bridge that then died
            out.insert(0, f.EndDeclared(at, call, None, "agent"))
        return out

    def leg_facts(self, index: int, row: dict[str, str], at: int) -> list[f.Fact]:
        """What a line about a telephone's channel says."""
        call, leg, event = row["linkedid"], row["uniqueid"], row["event"]
        phone = phone_of(row["channel"])
        if read_leg_id(leg) is not None:
            return self._invited_facts(row, at, phone)
        if row["user"]:
            fact = user_fact(row["user"], at, call, _pairs(row["extra"]))
            return [fact] if fact is not None else []
        agent = self._connects.get(leg) or self._owner(phone)
        if event == "CHAN_START":
            return [f.Ringing(at, call, leg, agent, phone, queued=False)]
        if event == "ANSWER":
            self._answered.add(leg)
            return [f.Answered(at, call, leg, agent)]
        if event != "HANGUP":
            return []
        extra = _json(row["extra"])
        by_far_end = extra.get("hangupsource") == row["channel"]
        cause = whole(str(extra.get("hangupcause", "")))
        if leg in self._answered:
            if leg in self._connects and self._ended_by:
                return [f.TalkEnded(at, call, leg, self._ended_by)]
            return [f.LegGone(at, call, leg, by_far_end, cause)]
        in_vain = self._in_vain(agent) if row["app"] == "AppQueue" else self._goes_on(index)
        if in_vain and RING_CAUSES.get(cause or 0) is None:
            return [f.RingEnded(at, call, leg, "no_answer")]
        return [f.LegGone(at, call, leg, by_far_end, cause)]

    def _invited_facts(self, row: dict[str, str], at: int, phone: str | None) -> list[f.Fact]:
        """What a line about somebody who is rung into the conversation says."""
        leg, fact = row["uniqueid"], None
        if row["event"] == "CHAN_START":
            fact = invited(at, leg, phone)
        elif row["user"] == "PsapTalk":
            return [said] if (said := came(at, leg)) is not None else []
        elif row["event"] == "HANGUP":
            extra = _json(row["extra"])
            by_far_end, cause = (
                extra.get("hangupsource") == row["channel"],
                whole(str(extra.get("hangupcause", ""))),
            )
            return [f.LegGone(at, row["linkedid"], leg, by_far_end, cause)]
        return [fact] if fact is not None else []

    def _in_vain(self, agent: str | None) -> bool:
        """What queue_log says of the agent's next ring that nobody answered."""
        for place, (name, word) in enumerate(self._rings):
            if agent is None or name == agent:
                del self._rings[place]
                return word == "RINGNOANSWER"
        return False

    def _goes_on(self, index: int) -> bool:
        """Whether the caller was still there when a telephone outside the queue ceased to ring."""
        after = next((row for row in self._rows[index + 1 :] if own(row)), None)
        return after is not None and after["event"] != "HANGUP"


def _ended_by(lines: list[list[str]]) -> str | None:
    """Who ended the last conversation. Of one that we ended (a dead browser's) the queue tells only at the
    end of the call, after the last one's own line."""
    found: str | None = None
    for parts in lines:
        if parts[4] == "CONNECT":
            found = None
        elif found is None:
            found = ENDED_BY.get(parts[4])
    return found


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _pairs(extra: str) -> dict[str, str]:
    """``Result=key0;Seconds=1.2``, which Asterisk wraps as ``{"extra": "..."}``."""
    wrapped = _json(extra).get("extra")
    text = str(wrapped) if wrapped is not None else extra
    return dict(part.split("=", 1) for part in text.split(";") if "=" in part)


def replay(story: Story, site: str, owner: Owner, source: Source) -> Tracker | None:
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
    last = 0
    for row in story.rows:
        try:
            last = max(last, micros(row["time"]))
        except ValueError:
            continue
    return last
