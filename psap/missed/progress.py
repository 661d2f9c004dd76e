"""How a call-back goes, as one small state machine: steps in, result and record out. Pure.

Steps come live or from the ledger and may come twice; the machine cannot tell which. Two channels
share the channel id that we chose as their Linkedid: the agent's leg (its Uniqueid is that id) and
the citizen's. The result comes from the citizen's leg alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from psap.calls.model import Call, Caller, EndedBy, Ending, Leg, Source, TimelineEntry
from psap.missed.model import Attempt, AttemptState, Result

BUSY, NO_USER, NO_ANSWER, NORMAL = 17, 18, 19, 16  # Q.850


class What(StrEnum):
    AGENT_RINGS = "agent_rings"
    AGENT_ANSWERS = "agent_answers"
    DIALLING = "dialling"  # the dialplan took the token: from here on the citizen counts as dialled
    CITIZEN_RINGS = "citizen_rings"
    CITIZEN_ANSWERS = "citizen_answers"
    CITIZEN_GONE = "citizen_gone"
    DIAL_ENDED = "dial_ended"  # the dialplan's own word: BUSY, NOANSWER, CANCEL, ...
    END_ASKED = "end_asked"  # somebody hung up
    AGENT_GONE = "agent_gone"
    REFUSED = "refused"  # Asterisk made no channel


@dataclass(frozen=True, slots=True)
class Step:
    """What happened. ``at`` UTC microseconds; ``by`` who asked for a channel's end, where told."""

    at: int
    what: What
    cause: int | None = None
    status: str | None = None
    by: EndedBy | None = None


@dataclass(slots=True)
class Progress:
    """One call-back as far as it is known."""

    at: dict[What, int] = field(default_factory=dict)  # first time of each
    cause: int | None = None
    status: str | None = None
    by: EndedBy | None = None

    def take(self, step: Step) -> bool:
        """Take a step; True where it was news."""
        self.by = self.by or step.by
        if step.what is What.CITIZEN_GONE and step.cause:
            self.cause = step.cause
        if step.what is What.DIAL_ENDED:
            self.status = step.status or self.status
            self.cause = self.cause or step.cause
        if step.what in self.at:
            return False
        self.at[step.what] = step.at
        return True

    def has(self, *steps: What) -> bool:
        """Whether one of these was seen."""
        return any(step in self.at for step in steps)

    @property
    def begun(self) -> bool:
        """Whether Asterisk made a channel for it."""
        return self.has(*(step for step in What if step is not What.REFUSED))

    @property
    def dialled(self) -> bool:
        """Whether it went as far as the citizen."""
        return self.has(What.DIALLING, What.CITIZEN_RINGS, What.CITIZEN_GONE, What.DIAL_ENDED)

    @property
    def over(self) -> bool:
        return self.has(What.AGENT_GONE, What.REFUSED)

    @property
    def result(self) -> Result:
        """What came of it, once it is over."""
        if self.has(What.CITIZEN_ANSWERS):
            return Result.ANSWERED
        if not self.dialled:
            return Result.NOT_DIALLED
        words = {"BUSY": Result.BUSY, "NOANSWER": Result.NO_ANSWER, "CANCEL": Result.CANCELLED}
        if self.status in words:
            return words[self.status]
        causes = {BUSY: Result.BUSY, NO_USER: Result.NO_ANSWER, NO_ANSWER: Result.NO_ANSWER}
        if self.cause in causes:
            return causes[self.cause]
        if self.status is None and self.by is EndedBy.AGENT:
            return Result.CANCELLED
        return Result.FAILED

    @property
    def talk_seconds(self) -> float | None:
        """How long agent and citizen talked."""
        start = self.at.get(What.CITIZEN_ANSWERS)
        ends = [self.at[step] for step in (What.CITIZEN_GONE, What.AGENT_GONE) if step in self.at]
        return None if start is None or not ends else _seconds(start, min(ends))


def finished(attempt: Attempt, progress: Progress, now_us: int) -> Attempt:
    """The attempt with what came of it."""
    ended = progress.at.get(What.AGENT_GONE) or max(progress.at.values(), default=now_us)
    return attempt.model_copy(
        update={
            "state": AttemptState.DONE,
            "result": progress.result,
            "cause": progress.cause,
            "answered_at": progress.at.get(What.CITIZEN_ANSWERS),
            "ended_at": ended,
            "talk_seconds": progress.talk_seconds,
        }
    )


def record(
    attempt: Attempt, progress: Progress, caller: Caller, incident_id: str | None, source: Source
) -> Call:
    """The call-back as a call of its own: the agent's leg first, then the citizen's.

    Until the attempt is done it is one in progress: no ending yet.
    """
    at = progress.at
    answered = at.get(What.CITIZEN_ANSWERS)
    ended = attempt.ended_at
    legs = [_agents_leg(attempt, progress, ended)]
    if progress.has(What.DIALLING, What.CITIZEN_RINGS, What.CITIZEN_GONE):
        legs.append(_citizens_leg(attempt, progress, ended))
    timeline = [TimelineEntry(at=when, what=f"call_back.{what}") for what, when in at.items()]
    ending = by = None
    if attempt.state is AttemptState.DONE:
        ending = Ending.ANSWERED if answered is not None else Ending.FAILED
        by = _ended_by(progress, answered is not None)
        ended = ended or attempt.started_at
        told = {"result": str(attempt.result), "cause": attempt.cause, "missed_id": attempt.missed_id}
        timeline.append(TimelineEntry(at=ended, what="call_back.ended", data=told))
    return Call(
        id=attempt.call_id,
        site=attempt.site,
        uniqueid=attempt.channel_id,
        direction="outbound",
        dialled=caller.number,
        caller=caller,
        started_at=attempt.started_at,
        answered_at=answered,
        ended_at=ended,
        ending=ending,
        ended_by=by,
        legs=legs,
        agent=attempt.agent,
        ring_seconds=legs[-1].ring_seconds if len(legs) > 1 else None,
        talk_seconds=attempt.talk_seconds,
        incident_id=incident_id,
        source=source,
        timeline=sorted(timeline, key=lambda entry: entry.at),
    )


def _ended_by(progress: Progress, talked: bool) -> EndedBy:
    if progress.by is not None:
        return progress.by
    return EndedBy.NETWORK if progress.has(What.CITIZEN_GONE) and not talked else EndedBy.SYSTEM


def _agents_leg(attempt: Attempt, progress: Progress, ended: int | None) -> Leg:
    at = progress.at
    answered = at.get(What.AGENT_ANSWERS)
    return Leg(
        agent=attempt.agent,
        ring_seconds=_span(at.get(What.AGENT_RINGS), answered or ended),
        answered_at=answered,
        talk_seconds=_span(answered, ended),
        end="answered" if answered is not None else None if ended is None else _unanswered(progress),
    )


def _citizens_leg(attempt: Attempt, progress: Progress, ended: int | None) -> Leg:
    at = progress.at
    answered = at.get(What.CITIZEN_ANSWERS)
    over = at.get(What.CITIZEN_GONE) or ended
    return Leg(
        ring_seconds=_span(at.get(What.CITIZEN_RINGS), answered or over),
        answered_at=answered,
        talk_seconds=attempt.talk_seconds,
        end=None if attempt.result in (None, Result.UNKNOWN) else str(attempt.result),
    )


def _unanswered(progress: Progress) -> str:
    return "no_answer" if progress.begun else "failed"


def _span(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else _seconds(start, end)


def _seconds(start: int, end: int) -> float:
    return round(max(0, end - start) / 1_000_000, 3)
