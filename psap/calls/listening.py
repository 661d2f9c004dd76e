"""Telling a caller who speaks from one who is silent and from noise. Pure.

Speech comes in bursts; steady noise is one burst that does not end. In the gate's silent window
``SPEECH_SECONDS`` of bursts count as the caller's answer: with a pause between two of them, or one
as long as a sentence with the pause after it. While a burst runs, the gate is told to wait for its end.
"""

from __future__ import annotations

from dataclasses import dataclass

SPEECH_SECONDS = 1.0
HANGOVER = 0.2  # seconds of silence after which TALK_DETECT says that a burst ended
SENTENCE_SECONDS = 3.5  # a single burst longer than that is a passing noise
ECHO = 0.3  # seconds into the window that still belong to the prompt's echo
LONGEST_BURST = 8.0  # seconds: nobody speaks longer without the shortest pause


@dataclass(slots=True)
class Listener:
    """Counts bursts of the caller's sound, in the gate's window and towards an agent."""

    window_open: bool = False
    began_at: int | None = None
    window_from: int = 0
    bursts: int = 0  # in the window, ended
    window_seconds: float = 0.0
    agent_seconds: float = 0.0
    agent_bursts: int = 0
    longest: float = 0.0  # seconds of the window's longest burst
    told: str = ""  # the last word the gate was told
    heard: bool = False  # any talk event at all: the detector works on this channel
    with_agent: bool = False

    def window(self, at: int, is_open: bool) -> None:
        """The silent window opens or closes; each window counts from nothing."""
        if is_open and not self.window_open:
            self.bursts, self.window_seconds, self.window_from = 0, 0.0, at
            self.longest, self.told = 0.0, ""
        self.window_open = is_open

    def talk(self, at: int, talking: bool, *, with_agent: bool) -> None:
        """A burst begins or ends."""
        self.heard = True
        if talking:
            self.began_at, self.with_agent = at, with_agent
            return
        if self.began_at is None:
            return
        seconds = max(0.0, (at - self.began_at) / 1_000_000 - HANGOVER)
        if self.window_open:
            # who spoke over the prompt's end is heard too, the prompt's own echo is not
            begun_before = self.began_at < self.window_from
            early = (self.window_from - self.began_at) / 1_000_000 + ECHO if begun_before else 0.0
            counted = max(0.0, seconds - early) if seconds <= LONGEST_BURST else 0.0
            if counted > 0:
                self.bursts += 1
                self.window_seconds += counted
                self.longest = max(self.longest, seconds)
        if (self.with_agent or with_agent) and seconds <= LONGEST_BURST:
            self.agent_seconds += seconds
            self.agent_bursts += 1
        self.began_at = None

    def spoke(self) -> bool:
        """Whether the open window holds enough speech; noise that goes on without an end never does."""
        enough = self.window_open and self.window_seconds >= SPEECH_SECONDS
        return enough and (self.bursts >= 2 or self.longest <= SENTENCE_SECONDS)

    def word(self) -> str | None:
        """What the gate should be told now: ``1`` speech, ``talking``, ``quiet``; None: nothing new."""
        if not self.window_open:
            return None
        talking = self.began_at is not None and (
            self.window_from - self.began_at < SENTENCE_SECONDS * 1_000_000
        )
        word = "1" if self.spoke() else "talking" if talking else "quiet"
        if word == self.told:
            return None
        self.told = word
        return word

    def finish(self, at: int) -> None:
        """The call is over: a burst that still runs ends now."""
        self.talk(at, False, with_agent=self.with_agent)
