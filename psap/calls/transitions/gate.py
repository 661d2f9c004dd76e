"""In the gate: who calls, from where, what was pressed and said. Pure."""

from __future__ import annotations

from psap.calls import facts as f
from psap.calls.model import Flag, Gate, GateResult, Location, LocationSource, Policy
from psap.calls.progress import Progress, Stage, Transitions


def identified(progress: Progress, fact: f.Identified) -> bool:
    progress.number_key = fact.key
    progress.call.dialled = fact.dialled or progress.call.dialled
    progress.call.caller.number = fact.number
    progress.call.caller.presentation = fact.presentation
    progress.note(fact.at, "identified")
    return True


def located(progress: Progress, fact: f.Located) -> bool:
    where = Location(
        latitude=fact.latitude,
        longitude=fact.longitude,
        radius_m=fact.radius_m,
        source=LocationSource.NETWORK,
        at=fact.at,
    )
    return progress.locate(where)


def policy(progress: Progress, fact: f.PolicyMade) -> bool:
    progress.call.policy = Policy(rung=fact.rung, decision=fact.decision, block_id=fact.block_id)
    progress.note(fact.at, "policy", rung=fact.rung, decision=fact.decision)
    return True


def gate_left(progress: Progress, fact: f.GateLeft) -> bool:
    result = GateResult(fact.result) if fact.result in set(GateResult) else None
    progress.call.gate = Gate(result=result, seconds=fact.seconds, keys=fact.keys)
    if result is not GateResult.HUNG_UP:
        progress.prefer(fact.priority)
    for word in fact.flags:
        if word in set(Flag):
            progress.flag(Flag(word))
    progress.note(fact.at, "gate", result=fact.result, seconds=fact.seconds)
    return True


def recorded(progress: Progress, fact: f.Recorded) -> bool:
    progress.note(fact.at, "recorded", state=fact.state)
    return False


# -- the caller's voice


def window(progress: Progress, fact: f.WindowChanged) -> bool:
    progress.listener.window(fact.at, fact.open)
    return False


def talk(progress: Progress, fact: f.TalkChanged) -> bool:
    progress.listener.talk(fact.at, fact.talking, with_agent=progress.stage is Stage.TALKING)
    return False


def audio(progress: Progress, fact: f.AudioCounted) -> bool:
    progress.packets = max(progress.packets or 0, fact.packets)
    return False


GATE: Transitions = {
    f.Identified: identified,
    f.Located: located,
    f.PolicyMade: policy,
    f.GateLeft: gate_left,
    f.Recorded: recorded,
    f.WindowChanged: window,
    f.TalkChanged: talk,
    f.AudioCounted: audio,
}
