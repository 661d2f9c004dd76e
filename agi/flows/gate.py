"""The press-0 gate: greet, listen for a key or a voice, and let through.

Order: block, challenge, 55, recent drop, greeting. No key pressed is not proof of no emergency:
speaking leads to an operator too, and who cannot speak presses 55.
"""

from __future__ import annotations

from agi.flows.challenge import announce, challenge
from agi.flows.decision import Decision, Facts, Rules
from agi.line import Line
from psap.calls.model import Flag, GateResult, Priority

WINDOW_SECONDS = 3.5  # a second of speech and a pause in it fit
SECOND_FIVE_SECONDS = 1.5  # between the two fives of 55
SHORTEST_WINDOW = 1.0


class Gate:
    """One caller at the gate. ``keys`` holds what was pressed, for the record."""

    def __init__(self, line: Line, facts: Facts, rules: Rules) -> None:
        self.line = line
        self.facts = facts
        self.rules = rules
        self.keys = ""
        self._asked_again = False
        self._until = line.now() + rules.seconds

    def run(self) -> Decision:
        """The whole gate."""
        if self.facts.treatment == "announce":
            return announce(self.line, self.rules)
        if self.facts.treatment == "challenge":
            decision, self.keys = challenge(self.line, self.facts, self.rules)
            return decision
        if self.facts.recent_drop and self.rules.recent_drop:
            return Decision(GateResult.RECENT_DROP, flags=(Flag.CALLED_AGAIN,))
        if self.facts.treatment in ("warn", "warning") and (done := self._play(self._first, "warning")):
            return done
        for language in self.rules.languages:
            if done := self._ask(language):
                return done
        return self._no_response()

    @property
    def _first(self) -> str:
        return self.rules.languages[0]

    def _ask(self, language: str) -> Decision | None:
        """One greeting and the silent window after it."""
        return self._play(language, "greeting") or self._window(language)

    def _play(self, language: str, name: str) -> Decision | None:
        """A prompt, if it still fits; a key pressed in it decides."""
        if self.line.prompt_seconds(language, name) > self._left():
            return None
        key = self.line.play(language, name)
        return self._pressed(language, key) if key else None

    def _window(self, language: str) -> Decision | None:
        seconds = min(WINDOW_SECONDS, self._left())
        if seconds < SHORTEST_WINDOW:
            return None
        key, spoke = self.line.listen(seconds)
        if key:
            return self._pressed(language, key)
        if spoke and self.rules.speaking:
            return Decision(GateResult.SPOKE)
        return self._missed()

    def _missed(self) -> Decision | None:
        """A key that went by between two of our commands, and that the bridge heard."""
        heard = self.line.heard_keys()
        if len(heard) <= len(self.keys):
            return None
        self.keys = heard
        if "0" in heard:
            return Decision(GateResult.KEY0)
        if "55" in heard and self.rules.cannot_speak:
            return self._cannot_speak()
        return Decision(GateResult.OTHER_KEY)

    def _pressed(self, language: str, key: str) -> Decision | None:
        """0 goes on; 55 goes on flagged; any other key is asked about once, then goes on too."""
        self.keys += key
        if key == "0":
            return Decision(GateResult.KEY0)
        if key == "5" and self.rules.cannot_speak:
            if self.keys.endswith("55"):  # pressed slowly: the second came while we asked again
                return self._cannot_speak()
            second = self.line.key(SECOND_FIVE_SECONDS)
            self.keys += second
            if second == "5":
                return self._cannot_speak()
            if second == "0":
                return Decision(GateResult.KEY0)
        if self._asked_again:
            return Decision(GateResult.OTHER_KEY)
        self._asked_again = True
        return self._play(language, "again") or self._window(language) or Decision(GateResult.OTHER_KEY)

    def _cannot_speak(self) -> Decision:
        priority = Priority.HIGH if self.facts.may_55 else Priority.NORMAL
        return Decision(GateResult.CANNOT_SPEAK, priority, flags=(Flag.CANNOT_SPEAK,))

    def _no_response(self) -> Decision:
        """Neither key nor speech. Only an identified caller whom we could have heard is sent off."""
        if done := self._missed():
            return done
        if self.line.was_deaf():
            return Decision(GateResult.LOCAL)
        queued = Decision(GateResult.NO_RESPONSE, Priority.LOW)
        if self.rules.no_response_queues or not self.facts.key:
            return queued
        if self.rules.speaking and not self.line.hears():
            return queued
        for language in self.rules.languages:
            if done := self._play(language, "how-to"):
                return done
        return Decision(GateResult.NO_RESPONSE, Priority.LOW, end=True)

    def _left(self) -> float:
        return self._until - self.line.now()
