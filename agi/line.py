"""What a flow may do with a caller: play, listen, know. Flows are written against this alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from agi.conversation import LONGEST, Conversation
from agi.variables import ASKED_AT
from psap.pbx.prompts import PromptError, seconds, texts
from psap.platform.pbx_names import GLOBAL_BRIDGE, GLOBAL_FREE, HEARD, SPOKE

SLICE_MS = 300  # how long speech may go unnoticed inside a window
AFTER_SOUND = 1.0  # seconds that the window stays open after the caller's last sound
DEAF_SECONDS = 0.3  # without a command of ours Asterisk drops what is pressed: long enough for a key
LONGEST_EXTRA = 4.0  # seconds that it stays open beyond its own end: noise never stops
FRESH_SECONDS = 3.5  # the bridge writes its words each second


class Line(Protocol):
    """A caller at the gate."""

    def now(self) -> float:
        """Seconds of a clock that does not jump."""

    def prompt_seconds(self, language: str, name: str) -> float:
        """How long a prompt lasts; 0 where there is none."""

    def play(self, language: str, name: str, *, keys: bool = True) -> str:
        """Play a prompt; a key ends it and is returned ('' otherwise, also if keys are ignored)."""

    def key(self, seconds: float) -> str:
        """Wait for a key, '' when none came."""

    def listen(self, seconds: float) -> tuple[str, bool]:
        """The silent window: (key or '', whether the caller spoke).

        Who still speaks at its end is heard out.
        """

    def hears(self) -> bool:
        """Whether speech and keys were noticed: the bridge is there since before this gate began."""

    def heard_keys(self) -> str:
        """Every key that somebody heard of this caller in the gate, in order: also those that we did not."""

    def was_deaf(self) -> bool:
        """Whether this process was held up for so long that a key may have gone by unheard."""

    def free_agents(self) -> int:
        """Call takers ready now; 0 if unknown."""


class AgiLine:
    """A Line over a conversation with Asterisk."""

    def __init__(self, call: Conversation, prompts: Prompts, wall: Callable[[], float] = time.time) -> None:
        self._call = call
        self._prompts = prompts
        self._wall = wall

    def now(self) -> float:
        return time.monotonic()

    def prompt_seconds(self, language: str, name: str) -> float:
        return self._prompts.seconds(language, name)

    def play(self, language: str, name: str, *, keys: bool = True) -> str:
        length = self._prompts.seconds(language, name)
        if not length:
            return ""  # a missing recording costs words, never the call
        return self._call.stream(self._prompts.path(language, name), length, "0123456789*#" if keys else "")

    def key(self, seconds: float) -> str:
        seconds = min(seconds, LONGEST)
        self._call.allow(seconds)
        return self._call.wait_key(int(seconds * 1000))

    def listen(self, seconds: float) -> tuple[str, bool]:
        seconds = min(seconds, LONGEST)
        until = self.now() + seconds
        latest = until + LONGEST_EXTRA
        allowed = self.now() + seconds
        self._call.allow(seconds)
        self._call.tell("PsapWindow", State="open")
        try:
            while (left := until - self.now()) > 0:
                # between two commands Asterisk drops keys: as few commands as can be
                key = self._call.wait_key(max(1, min(SLICE_MS, int(left * 1000))))
                if key:
                    return key, False
                word = self._call.get_word(SPOKE)
                if word == "1":
                    return "", True
                if word == "talking":
                    until = max(until, min(latest, self.now() + AFTER_SOUND))
                    if until > allowed:
                        allowed = self.now() + AFTER_SOUND
                        self._call.allow(AFTER_SOUND)
        finally:
            self._call.tell("PsapWindow", State="closed")
        return "", False

    def hears(self) -> bool:
        word, fresh, since = self._global(GLOBAL_BRIDGE)
        try:
            return fresh and word == "up" and int(since) <= float(self._call.arguments[ASKED_AT])
        except (KeyError, ValueError):
            return False

    def heard_keys(self) -> str:
        return self._call.get_word(HEARD).replace("s", "*").replace("h", "#")

    def was_deaf(self) -> bool:
        return self._call.longest_gap > DEAF_SECONDS

    def free_agents(self) -> int:
        word, fresh, _ = self._global(GLOBAL_FREE)
        return int(word) if fresh and word.isascii() and word.isdigit() else 0

    def _global(self, name: str) -> tuple[str, bool, str]:
        """A global ``WORD:EPOCH[:MORE]`` of the bridge: its word, whether it is fresh, what more."""
        word, _, rest = self._call.get_word(name).partition(":")
        epoch, _, more = rest.partition(":")
        fresh = epoch.isascii() and epoch.isdigit() and abs(self._wall() - int(epoch)) <= FRESH_SECONDS
        return word, fresh, more


class Prompts:
    """The home's recordings and their lengths, read once at start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seconds: Mapping[tuple[str, str], float] = {
            (language, name): length
            for language in ("id", "en")
            for name in texts(language)
            if 0 < (length := self._measure(language, name)) <= LONGEST
        }

    def seconds(self, language: str, name: str) -> float:
        """Length of a prompt; 0 where it is missing or unusable."""
        return self._seconds.get((language, name), 0.0)

    def path(self, language: str, name: str) -> str:
        """What Asterisk plays: the whole path without its ending."""
        return str(self._folder / language / name)

    def _measure(self, language: str, name: str) -> float:
        try:
            return seconds(self._folder / language / f"{name}.wav")
        except PromptError:
            return 0.0
