"""In the queue: waiting, and each telephone that rings. Pure."""

from __future__ import annotations

from psap.calls import facts as f
from psap.calls.legs import LegState
from psap.calls.model import Leg
from psap.calls.progress import Progress, Stage, Transitions
from psap.calls.transitions.conversation import answered


def queue_entered(progress: Progress, fact: f.QueueEntered) -> bool:
    before = (progress.call.priority, progress.in_queue, progress.stage)
    progress.prefer(fact.priority)
    if progress.joined_at is None:
        progress.joined_at = fact.at
    if not progress.in_queue:
        progress.in_queue = True
        progress.waiting_since = progress.joined_at if progress.call.answered_at is None else fact.at
        progress.note(fact.at, "queued", priority=progress.call.priority)
    if progress.stage is Stage.GATE or (progress.stage is Stage.TALKING and progress.talking_leg() is None):
        progress.stage = Stage.QUEUE
        # what ended the conversation does not end the call
        progress.far_end_hung_up = progress.talk_ended_by = None
    return before != (progress.call.priority, progress.in_queue, progress.stage)


def queue_left(progress: Progress, fact: f.QueueLeft) -> bool:
    if not progress.in_queue:
        return False
    progress.in_queue = False
    return True


def ringing(progress: Progress, fact: f.Ringing) -> bool:
    known = progress.legs.get(fact.channel)
    if known is not None:  # the queue's own word may come after the channel's
        known.leg.agent = fact.agent or known.leg.agent
        known.queued = known.queued or fact.queued
        return False
    outside = fact.party
    if outside is None and fact.agent is None and fact.phone is None and progress.sent_to is not None:
        outside = progress.sent_to.outside
    state = progress.legs[fact.channel] = LegState(
        Leg(agent=fact.agent, party=outside),
        fact.phone,
        fact.at,
        queued=fact.queued,
        invited=fact.invited,
    )
    progress.call.legs.append(state.leg)
    progress.shared = progress.shared or fact.invited
    if not fact.invited:  # who is asked in is not yet whose call it is
        progress.call.agent = fact.agent or progress.call.agent
    if progress.talking_leg() is None:
        progress.stage = Stage.RINGING
    progress.note(fact.at, "ringing", agent=fact.agent, party=outside)
    return True


def ring_ended(progress: Progress, fact: f.RingEnded) -> bool:
    state = progress.legs.get(fact.channel)
    if state is None or state.leg.end is not None or state.talking:
        return False
    if fact.end == "answered":
        if state.queued:
            return False  # the queue says so itself, with the agent
        return answered(progress, f.Answered(fact.at, fact.call, fact.channel, state.leg.agent))
    progress.close_ring(state, fact.at, fact.end)
    return True


QUEUE: Transitions = {
    f.QueueEntered: queue_entered,
    f.QueueLeft: queue_left,
    f.Ringing: ringing,
    f.RingEnded: ring_ended,
}
