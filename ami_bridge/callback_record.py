"""What is known of one call-back, and its record among the calls."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ami_bridge.data import Data
from psap.calls.model import Caller, Source
from psap.calls.recorder import Recorder
from psap.calls.store import call_of
from psap.missed import progress as p
from psap.missed.model import Attempt, Result

WORDS = ("classification", "classified_by", "note", "evidence")  # what people say of a call


@dataclass(slots=True)
class Running:
    """A call-back that is not over, or whose result is not written yet. ``unsure``: look it up."""

    attempt: Attempt
    caller: Caller
    number_key: str | None
    incident_id: str | None
    progress: p.Progress = field(default_factory=p.Progress)
    unsure: bool = False
    looks: int = 0
    moved: float = field(default_factory=time.monotonic)
    asked: float = 0.0
    done: bool = False
    source: Source = Source.LIVE
    stage: str = "starting"


async def record(running: Running, recorder: Recorder, data: Data) -> None:
    """The call-back as a call of its own, if Asterisk ever had a channel for it; people's words stay."""
    call_id = running.attempt.call_id
    await recorder.flush(1.0)  # a person's word may just be on its way to the database
    found = (await data.calls([call_id])).get(call_id)
    row = recorder.pending(call_id)
    known = call_of(row) if row is not None else found[0] if found is not None else None
    if known is None and not running.progress.begun and running.attempt.result is not Result.UNKNOWN:
        return
    # only now: it may have ended while we read
    call = p.record(running.attempt, running.progress, running.caller, running.incident_id, running.source)
    if known is not None:
        said = {name: getattr(known, name) for name in WORDS}
        call = call.model_copy(update=said | {"incident_id": known.incident_id or call.incident_id})
    recorder.put(call, running.number_key)
