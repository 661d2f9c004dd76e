"""What the bridge counts for ``GET /metrics``: how calls end, how long callers wait, who is there.

Counts begin with the bridge (a call that Asterisk's ledger tells later counts when it is told); what happens
now is counted when it is asked. Only words from closed sets, and no one's name or number.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

from psap.calls.model import Classification, Ending, GateResult
from psap.calls.progress import Stage
from psap.calls.service import Following
from psap.platform.events import Event, EventType
from psap.platform.metrics import ANSWER_SECONDS, GATE_SECONDS, TALK_SECONDS, Tally
from psap.queue.model import AgentState

REMEMBERED = 2_000  # ended calls: a record that is corrected later is not a second call
STAGES = (Stage.GATE, Stage.QUEUE, Stage.RINGING, Stage.TALKING)
REFUSALS = ("overload", "too_many", "draining")
RECORDED = ("on", "low", "failed")  # PSAP_RECORDED, dialplan/record.conf
RUNGS = tuple(str(rung) for rung in range(6))


class Figures:
    """Counts from what is told anyway; no wish, no question to anybody."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self.tally = Tally(
            {
                "ended": Ending,
                "gate": GateResult,
                "classified": Classification,
                "refused": REFUSALS,
                "rungs": RUNGS,
                "recordings": RECORDED,
                "call_backs": Ending,
                "from_ledger": (),
            },
            {
                "answer_seconds": ANSWER_SECONDS,
                "abandon_seconds": ANSWER_SECONDS,
                "gate_seconds": GATE_SECONDS,
                "talk_seconds": TALK_SECONDS,
            },
        )
        self._answered: set[str] = set()
        self._ended: OrderedDict[str, str] = OrderedDict()  # call id -> the classification that was counted

    def told(self, event: Event) -> None:
        """One event on its way to browsers."""
        if event.type is EventType.CALL_ANSWERED:
            if event.data["call_id"] not in self._answered:
                self._answered.add(event.data["call_id"])
                self.tally.observe("answer_seconds", event.data.get("wait_seconds"))
        elif event.type is EventType.CALL_ENDED:
            self._call_ended(event.data["call"])
        elif event.type is EventType.CALL_UPDATED and event.data["call_id"] in self._ended:
            self._classified(event.data["call"])

    def listen(self, event: Mapping[str, str]) -> None:
        """One AMI event: whether a call is recorded is told there alone."""
        if event.get("UserEvent") == "PsapRecord":
            self.tally.count("recordings", event.get("State", ""))

    def _call_ended(self, call: Mapping[str, Any]) -> None:
        answered_before = call["id"] in self._answered
        self._answered.discard(call["id"])
        if call["id"] in self._ended:
            self._classified(call)
            return
        self._remember(call)
        if call["direction"] != "inbound":
            self.tally.count("call_backs", call["ending"])
            return
        self.tally.count("ended", call["ending"])
        if call["source"] == "ledger":
            self.tally.count("from_ledger")
        gate, policy = call["gate"], call["policy"]
        if gate["result"] is not None:
            self.tally.count("gate", gate["result"])
            self.tally.observe("gate_seconds", gate["seconds"])
        if policy["decision"] in REFUSALS:
            self.tally.count("refused", policy["decision"])
        elif policy["rung"] is not None:
            self.tally.count("rungs", policy["rung"])
        wait = call["queue"]["wait_seconds"]
        if call["ending"] == Ending.ABANDONED_IN_QUEUE:
            self.tally.observe("abandon_seconds", wait)
        elif call["answered_at"] is not None and call["ending"] != Ending.OVERFLOWED:
            self.tally.observe("talk_seconds", call["talk_seconds"])
            if not answered_before:  # while nobody listened: the ledger tells it
                self.tally.observe("answer_seconds", wait)

    def _remember(self, call: Mapping[str, Any]) -> None:
        self._ended[call["id"]] = str(Classification.UNCLASSIFIED)
        self._classified(call)
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)

    def _classified(self, call: Mapping[str, Any]) -> None:
        """A word that is changed later counts once more, as what it became."""
        word = call["classification"]
        if word != self._ended[call["id"]]:
            self._ended[call["id"]] = word
            self.tally.count("classified", word)

    def figures(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        following = self._following
        self._answered &= following.by_id.keys()
        trackers = following.calls.values()
        now = following.clock.now_us()
        waiting = [tracker.waiting_since or now for tracker in trackers if tracker.waiting]
        stages = Counter(tracker.stage for tracker in trackers)
        agents = Counter(agent.state for agent in following.desk.agents())
        return {
            **self.tally.figures(),
            "stages": {str(stage): stages[stage] for stage in STAGES},
            "waiting": len(waiting),
            "longest_wait_seconds": max(0.0, (now - min(waiting, default=now)) / 1_000_000),
            "agents": {str(state): agents[state] for state in AgentState},
        }
