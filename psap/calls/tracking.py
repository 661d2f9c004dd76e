"""One state machine per call: facts in, the call's record out. Pure.

It forgives: facts may come twice, late or not at all, and still every call ends as exactly one
record. What only a missing fact could tell stays None.
"""

from __future__ import annotations

from dataclasses import dataclass

from psap.calls import facts as f
from psap.calls.model import Call, EndedBy, Ending, Source, call_id
from psap.calls.progress import Progress, Stage
from psap.calls.transitions import TRANSITIONS
from psap.calls.transitions.end import ended

# heard again out of its order a fact would move a call back; what closes something does no harm
_CLOSING = f.RingEnded | f.LegGone | f.HangupSeen | f.Ended


@dataclass(slots=True)
class Tracker(Progress):
    """One call in progress."""

    @classmethod
    def begin(cls, site: str, fact: f.Started, source: Source = Source.LIVE) -> Tracker:
        """The tracker of a call that just came up."""
        call = Call(
            id=call_id(site, fact.call),
            site=site,
            uniqueid=fact.call,
            started_at=fact.at,
            dialled=fact.dialled,
            source=source,
        )
        tracker = cls(call, fact.name, latest=fact.at)
        tracker.note(fact.at, "started")
        return tracker

    @classmethod
    def of_record(cls, call: Call, number_key: str | None) -> Tracker:
        """A call that is not followed any more, so that a person's word can still be added."""
        return cls(call, "", Stage.ENDED, number_key)

    def apply(self, fact: f.Fact) -> bool:
        """Take one fact; True where the record changed in a way worth telling."""
        if self.ended:
            return False
        if fact.at > self.told_until:
            fact = self.steady(fact)
        elif not isinstance(fact, _CLOSING):
            return False
        transition = TRANSITIONS.get(type(fact))
        return transition(self, fact) if transition else False

    def lost(self, at: int) -> None:
        """The channel is gone and nobody saw how: Asterisk died, or its ledger is unreadable."""
        ended(self, f.Ended(at, self.call.uniqueid, 41))
        # also one in conversation: nobody wished its end (answered_at still tells of the answer)
        self.call.ending, self.call.ended_by = Ending.FAILED, EndedBy.SYSTEM
        self.call.timeline[-1].data.update(ending=Ending.FAILED, by=EndedBy.SYSTEM)
