"""The end: by whom, and what kind of end it was. Pure."""

from __future__ import annotations

from psap.calls import facts as f
from psap.calls.causes import INTERWORKING, NETWORK_CAUSES
from psap.calls.model import EndedBy, Ending, Flag, GateResult
from psap.calls.progress import Progress, Stage, Transitions


def declared(progress: Progress, fact: f.EndDeclared) -> bool:
    progress.declared = fact
    return False


def hangup_seen(progress: Progress, fact: f.HangupSeen) -> bool:
    if progress.far_end_hung_up is None:
        progress.far_end_hung_up = fact.by_far_end
    return False


def ended(progress: Progress, fact: f.Ended) -> bool:
    call = progress.call
    for state in list(progress.legs.values()):
        if state.talking:
            progress.close_talk(state, fact.at)
        elif state.leg.end is None:
            progress.close_ring(state, fact.at, "cancelled")
    progress.close_wait(fact.at)
    progress.listener.finish(fact.at)
    if progress.packets == 0:
        progress.flag(Flag.NO_AUDIO)
    call.ended_at = fact.at
    call.ended_by = _by(progress, fact.cause)
    call.ending = _ending(progress, call.ended_by)
    if call.ending is Ending.ABANDONED_IN_GATE and call.gate.result is None:
        call.gate.result = GateResult.HUNG_UP
    progress.in_queue = False
    progress.stage = Stage.ENDED
    if call.ending is Ending.ABANDONED_IN_QUEUE:
        progress.note(fact.at, "abandoned")
    progress.note(fact.at, "ended", ending=call.ending, by=call.ended_by)
    return True


def _by(progress: Progress, cause: int | None) -> EndedBy | None:
    if progress.declared is not None and progress.declared.by in set(EndedBy):
        return EndedBy(progress.declared.by)
    # the cause of a leg that died, or of one that failed, stays on the caller's channel, which went on
    left_over = Flag.RESCUED in progress.call.flags or _failed_so(progress, cause)
    went_on = progress.far_end_hung_up is True and left_over
    cancelled = cause == INTERWORKING and progress.far_end_hung_up is True and progress.joined_at is None
    if cause in NETWORK_CAUSES and not went_on and not cancelled:
        return EndedBy.NETWORK
    if progress.call.answered_at is not None and progress.talk_ended_by in ("caller", "agent"):
        return EndedBy(progress.talk_ended_by)
    if progress.far_end_hung_up is True:
        return EndedBy.CALLER
    if progress.far_end_hung_up is False and progress.call.answered_at is not None:
        return EndedBy.AGENT
    return EndedBy.SYSTEM


def _failed_so(progress: Progress, cause: int | None) -> bool:
    """Whether somebody whom this caller was sent to could not be reached for this very reason."""
    return any(each.leg.end == "failed" and each.cause == cause for each in progress.legs.values())


def _ending(progress: Progress, by: EndedBy | None) -> Ending:
    if progress.call.answered_at is not None:
        return Ending.OVERFLOWED if progress.outside_answered else Ending.ANSWERED
    if progress.declared is not None and progress.declared.ending in set(Ending):
        return Ending(progress.declared.ending)
    if by in (EndedBy.SYSTEM, EndedBy.NETWORK):
        return Ending.FAILED
    if progress.joined_at is not None:
        return Ending.ABANDONED_IN_QUEUE
    return Ending.ABANDONED_IN_GATE


END: Transitions = {
    f.EndDeclared: declared,
    f.HangupSeen: hangup_seen,
    f.Ended: ended,
}
