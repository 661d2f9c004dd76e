"""Telling a caller who speaks from one who is silent and from noise. Pure.

Speech comes in bursts; steady noise is one burst that does not end. In the gate's silent window
``SPEECH_SECONDS`` of bursts with a pause between two of them count as the caller's answer.
"""

from __future__ import annotations

from dataclasses import dataclass

SPEECH_SECONDS = 1.0
HANGOVER = 0.2  # seconds of silence after which TALK_DETECT says that a burst ended
LONGEST_BURST = 8.0  # seconds: nobody speaks longer without the shortest pause


@dataclass(slots=True)
class Listener:
    """Counts bursts of the caller's sound, in the gate's window and towards an agent."""

    window_open: bool = False
    began_at: int | None = None
    window_from: int = 0
    bursts: int = 0
    window_seconds: float = 0.0
    agent_seconds: float = 0.0
    agent_bursts: int = 0
    heard: bool = False  # any talk event at all: the detector works on this channel
    with_agent: bool = False

    def window(self, at: int, is_open: bool) -> None:
        """The silent window opens or closes; each window counts from nothing."""
        if is_open and not self.window_open:
            self.bursts, self.window_seconds, self.window_from = 0, 0.0, at
        self.window_open = is_open
        if is_open and self.began_at is not None:
            # what began before the window is the prompt's echo, or noise
            self.began_at = None

    def talk(self, at: int, talking: bool, *, with_agent: bool) -> None:
        """A burst begins or ends."""
        self.heard = True
        if talking:
            self.began_at, self.with_agent = at, with_agent
            if self.window_open:
                self.bursts += 1
            return
        if self.began_at is None:
            return
        seconds = max(0.0, (at - self.began_at) / 1_000_000 - HANGOVER)
        if self.window_open and self.began_at >= self.window_from:
            self.window_seconds += seconds
        if (self.with_agent or with_agent) and seconds <= LONGEST_BURST:
            self.agent_seconds += seconds
            self.agent_bursts += 1
        self.began_at = None

    def spoke(self) -> bool:
        """Whether the open window holds speech: enough of it, in two bursts or more.

        Only bursts that ended count, so noise that goes on without an end never does.
        """
        return self.window_open and self.bursts >= 2 and self.window_seconds >= SPEECH_SECONDS

    def finish(self, at: int) -> None:
        """The call is over: a burst that still runs ends now."""
        self.talk(at, False, with_agent=self.with_agent)
