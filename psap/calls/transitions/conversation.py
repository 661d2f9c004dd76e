"""In conversation: answered, held, sent on, given back, over. Pure."""

from __future__ import annotations

from psap.calls import facts as f
from psap.calls.causes import RING_CAUSES
from psap.calls.legs import LegState
from psap.calls.model import Flag, Leg
from psap.calls.parties import PartyKind, party, read_leg_id
from psap.calls.progress import Progress, Stage, Transitions, seconds


def answered(progress: Progress, fact: f.Answered) -> bool:
    state = progress.legs.get(fact.channel)
    if state is None:
        asked = read_leg_id(fact.channel) is not None  # listened before, and joins now
        state = LegState(Leg(agent=fact.agent), None, None, queued=not asked, invited=asked)
        progress.shared = progress.shared or asked
        progress.legs[fact.channel] = state
        progress.call.legs.append(state.leg)
    if state.talking or state.leg.answered_at is not None:
        return False
    leg = state.leg
    leg.agent = fact.agent or leg.agent
    leg.answered_at, leg.end = fact.at, "answered"
    leg.ring_seconds = seconds(state.rang_at, fact.at)
    state.talking = True
    if progress.call.answered_at is None and leg.agent is None and state.phone is None and not state.queued:
        progress.outside_answered = True
    for other in progress.ringing_legs():
        if not other.invited:
            progress.close_ring(other, fact.at, "cancelled")
    progress.call.agent = leg.agent or progress.call.agent
    if not state.invited:
        progress.call.ring_seconds = leg.ring_seconds
        # what ended an earlier conversation does not end the call
        progress.talk_ended_by = None
    if progress.call.answered_at is None:
        progress.call.answered_at = fact.at
        progress.close_wait(fact.at)
    progress.in_queue = False
    progress.stage = Stage.TALKING
    progress.note(fact.at, "answered", agent=leg.agent, party=leg.party)
    return True


def talk_ended(progress: Progress, fact: f.TalkEnded) -> bool:
    state = progress.legs.get(fact.channel)
    if state is None:
        # of a leg that the caller was led away from, or that we ended, the queue may tell late, without
        # its channel: it is the first that it has not told of yet, never a later conversation
        queued = [each for each in progress.legs.values() if each.queued and each.leg.answered_at is not None]
        untold = [each for each in queued if not each.completed]
        state = untold[0] if untold else None if queued else progress.talking_leg()
        if state is None or not state.talking:
            if state is not None:
                state.completed = True
            return False
    state.completed = True
    if state.moved:  # that the caller left is known
        return False
    closed = progress.close_talk(state, fact.at)
    if progress.talking_leg() is None:
        progress.talk_ended_by = fact.by or progress.talk_ended_by
    return closed


def leg_gone(progress: Progress, fact: f.LegGone) -> bool:
    state = progress.legs.get(fact.channel)
    if state is None:
        return False
    if state.leg.answered_at is None:
        state.cause = fact.cause or state.cause
    if state.talking:
        if fact.by_far_end and progress.far_end_hung_up is None and len(progress.talking_legs()) == 1:
            progress.far_end_hung_up = False
        return progress.close_talk(state, fact.at)
    if state.leg.end is None:
        progress.close_ring(state, fact.at, RING_CAUSES.get(fact.cause or 0, "cancelled"))
        return True
    return False


def transferred(progress: Progress, fact: f.Transferred) -> bool:
    data = {"kind": fact.kind, "id": fact.identity, "by": fact.by, "how": fact.how}
    progress.note(fact.at, "moved" if fact.how == "move" else "transferred", **data)
    if fact.how == "warm" or fact.kind not in set(PartyKind):  # the others go on; another place in the queue
        return True
    progress.sent_to = party(fact.kind, fact.identity)
    for state in progress.talking_legs():
        progress.close_talk(state, fact.at)
        state.moved = progress.shared = True
        progress.waiting_since = fact.at
    progress.stage = Stage.QUEUE
    progress.far_end_hung_up = progress.talk_ended_by = None
    return True


def held(progress: Progress, fact: f.Held) -> bool:
    state = progress.legs.get(fact.channel)
    if state is None or not state.talking or state.held is fact.held:
        return False
    state.held, progress.shared = fact.held, True
    return True


def returned(progress: Progress, fact: f.Returned) -> bool:
    progress.far_end_hung_up = None
    progress.talk_ended_by = None
    progress.note(fact.at, "returned", cause=fact.cause)
    return progress.flag(Flag.RESCUED)


CONVERSATION: Transitions = {
    f.Answered: answered,
    f.TalkEnded: talk_ended,
    f.LegGone: leg_gone,
    f.Transferred: transferred,
    f.Held: held,
    f.Returned: returned,
}
