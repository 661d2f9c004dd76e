"""AMI event or CEL line -> a step of a call-back. Pure; the same steps from both.

Of a call-back's two channels the agent's has the id that we chose as its Uniqueid, and both have it
as their Linkedid.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ami_bridge.ledger import COLUMNS, micros
from ami_bridge.translate import Headers, at_us, whole
from psap.calls.model import EndedBy
from psap.missed.progress import Step, What

CEL = Path("log/cel-custom/psap.csv")  # under Asterisk's own folder
CITIZEN = "PJSIP/psap-out-"
USER_EVENT = "PsapBack"
UP = "Up"


# the events that live_step reads
NAMES = ("OriginateResponse", "UserEvent", "Newchannel", "Newstate", "HangupRequest", "Hangup")


def live_step(event: Headers, channel_id: str) -> Step | None:
    """What an event says about the call-back of this channel id; None: nothing."""
    name, at = event.get("Event"), at_us(event)
    if name == "OriginateResponse":
        refused = event.get("Response") == "Failure" and event.get("Uniqueid") == channel_id
        return Step(at, What.REFUSED) if refused else None
    if event.get("Linkedid") != channel_id:
        return None
    if name == "UserEvent" and event.get("UserEvent") == USER_EVENT:
        return told(event, at)
    agents = event.get("Uniqueid") == channel_id
    if not agents and not event.get("Channel", "").startswith(CITIZEN):
        return None
    if name == "Newchannel":
        return Step(at, What.AGENT_RINGS if agents else What.CITIZEN_RINGS)
    if name == "Newstate" and event.get("ChannelStateDesc") == UP:
        return Step(at, What.AGENT_ANSWERS if agents else What.CITIZEN_ANSWERS)
    if name == "HangupRequest":
        return Step(at, What.END_ASKED, by=EndedBy.AGENT if agents else EndedBy.CALLER)
    if name == "Hangup":
        return Step(at, What.AGENT_GONE if agents else What.CITIZEN_GONE, cause=whole(event.get("Cause")))
    return None


def told(values: Headers, at: int) -> Step | None:
    """The dialplan's own word (dialplan/callback.conf)."""
    if values.get("Step") == "dialling":
        return Step(at, What.DIALLING)
    if values.get("Step") == "ended":
        return Step(
            at, What.DIAL_ENDED, cause=whole(values.get("Cause")), status=values.get("Status") or None
        )
    return None


def ledger_steps(lines: Iterable[str], channel_id: str) -> list[Step]:
    """What CEL tells of the call-back of this channel id, in order."""
    steps: list[Step] = []
    for values in csv.reader(lines):
        if len(values) < len(COLUMNS):
            continue
        row = dict(zip(COLUMNS, values, strict=False))
        if row["linkedid"] != channel_id:
            continue
        try:
            step = _ledger_step(row, micros(row["time"]), channel_id)
        except ValueError:
            continue
        if step is not None:
            steps.append(step)
    return sorted(steps, key=lambda step: step.at)


def _ledger_step(row: dict[str, str], at: int, channel_id: str) -> Step | None:
    if row["user"] == USER_EVENT:
        return told(_pairs(row["extra"]), at)
    agents = row["uniqueid"] == channel_id
    if not agents and not row["channel"].startswith(CITIZEN):
        return None
    if row["event"] == "CHAN_START":
        return Step(at, What.AGENT_RINGS if agents else What.CITIZEN_RINGS)
    if row["event"] == "ANSWER":
        return Step(at, What.AGENT_ANSWERS if agents else What.CITIZEN_ANSWERS)
    if row["event"] == "HANGUP":
        extra = _json(row["extra"])
        source = str(extra.get("hangupsource", ""))
        by = EndedBy.CALLER if source.startswith(CITIZEN) else None
        if agents and source == row["channel"]:
            by = EndedBy.AGENT
        cause = whole(str(extra.get("hangupcause", "")))
        return Step(at, What.AGENT_GONE if agents else What.CITIZEN_GONE, cause=cause, by=by)
    return None


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _pairs(extra: str) -> dict[str, str]:
    """``Step=ended;Status=BUSY``, which Asterisk wraps as ``{"extra": "..."}``."""
    text = str(_json(extra).get("extra", extra))
    return dict(part.split("=", 1) for part in text.split(";") if "=" in part)


def lines_about(cel: Path, channel_id: str, since_s: float) -> list[str]:
    """CEL lines that name a channel id, out of every file of the ledger that was written since then."""
    found: list[str] = []
    for path in sorted(cel.parent.glob(f"{cel.name}*"), reverse=True):
        try:
            # a clock may be set back by hours; a file of an earlier day tells nothing
            if path.stat().st_mtime < since_s - 86_400:
                continue
            with path.open(encoding="utf-8", errors="replace") as file:
                found += [line for line in file if channel_id in line and line.endswith("\n")]
        except OSError:
            continue
    return found
