"""pyst2 made safe: one conversation with Asterisk about one call. The only importer of pyst2.

pyst2's own constructor installs signal handlers and prints the caller to stderr, escapes nothing
and turns a hang-up into ValueError; what is used of it is its command vocabulary and its errors.
Every command is preceded by a renewal of ``TIMEOUT(absolute)``, so that this process may hang at
any moment and the caller goes on after the command's length plus ``GRACE`` seconds. A process that is
not hung but slow would use up that grace again and again: past ``MOST_LATE`` it gives the caller up itself.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from typing import IO

from asterisk.agi import AGI, AGIAppError, AGIHangup, AGIUnknownError

from agi.variables import ASKED_AT

GRACE = 2  # seconds after a command's own length until Asterisk goes on without us
LONGEST = 6  # seconds that one command may last
MOST_LATE = 2.0  # seconds that a caller may lose to our slowness before we let go
SMALL = 0.25  # seconds over a command's own length that are no slowness
LINE_LIMIT = 8192  # bytes; Asterisk's own lines are far shorter
ENV_LINES = 100
ANSWER = re.compile(r"^([0-9]{3})[ -](?:result=(-?[0-9]{1,9}))?\s*(?:\((.*)\))?")

TOGETHER = re.compile(r"[A-Za-z0-9_.&*#+-]*")  # values that may be set several at once
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
ENDPOS = re.compile(r"endpos=([0-9]{1,15})")
RATE = 8000  # samples a second of endpos: what is played and heard is G.711


class HangUp(AGIHangup):  # type: ignore[misc]
    """The caller is gone, or Asterisk took the call out of our hands."""


class LateError(HangUp):
    """We are too slow for this caller: the dialplan goes on alone."""


class UnsafeError(ValueError):
    """A value that would be a command of its own."""


class Conversation(AGI):  # type: ignore[misc]
    """One FastAGI session over a connected socket."""

    def __init__(self, link: socket.socket) -> None:
        # pyst2's constructor is not called on purpose: see above
        self._link = link
        self._link.settimeout(GRACE)
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stdin: IO[bytes] = link.makefile("rb")
        self._got_sighup = False
        self._line = ""
        self.env: dict[str, str] = {}
        for _ in range(ENV_LINES):
            line = self._read()
            if not line:
                break
            key, _, value = line.partition(":")
            self.env[key.strip()] = value.strip()
        self.late = self.longest_gap = self._late_from_the_start()
        self._answered = time.monotonic()

    @property
    def script(self) -> str:
        """What Asterisk asked for: the path of the AGI address."""
        return self.env.get("agi_network_script", "").strip("/")

    @property
    def arguments(self) -> dict[str, str]:
        """``NAME=value`` arguments of the AGI application."""
        pairs = (v.partition("=") for k, v in self.env.items() if k.startswith("agi_arg_"))
        return {name: value for name, equals, value in pairs if equals}

    def close(self) -> None:
        """End the conversation; the dialplan goes on."""
        self.stdin.close()
        self._link.close()

    # ---- commands -----------------------------------------------------------------------------

    def stream(self, path: str, seconds: float, keys: str = "0123456789*#") -> str:
        """Play a recording of ``seconds``; returns the key that interrupted it, or ''."""
        self.allow(seconds)
        return self._key(self.execute("STREAM FILE", self._quote(path), self._quote(keys), seconds=seconds))

    def wait_key(self, milliseconds: int) -> str:
        """Wait for a key; '' when none came. Call ``allow`` first, for all slices of a window."""
        return self._key(self.execute("WAIT FOR DIGIT", milliseconds, seconds=milliseconds / 1000))

    def allow(self, seconds: float) -> None:
        """Renew the call's time limit for what comes next."""
        if seconds > LONGEST:
            raise UnsafeError(f"no command may last {seconds} s")
        self.set_word("TIMEOUT(absolute)", f"{seconds + GRACE:.1f}")

    def get_word(self, name: str) -> str:
        """A channel or global variable, '' where it is not set."""
        data: str = self.execute("GET VARIABLE", self._quote(name))["result"][1]
        return data

    def set_word(self, name: str, value: str) -> None:
        """Set a channel variable or writable function."""
        self.execute("SET VARIABLE", self._quote(name), self._quote(value))

    def set_words(self, words: Mapping[str, str], seconds: float = 0.0) -> None:
        """Set several variables in their order by one command, the call's time limit for ``seconds`` first.

        Each command is a turn of both processes; a value here holds nothing that parts or quotes.
        """
        for value in words.values():
            if TOGETHER.fullmatch(value) is None:
                raise UnsafeError("a value that cannot be set together with others")
        limit = f"TIMEOUT(absolute)={seconds + GRACE:.1f}"
        body = ",".join([limit, *(f"{name}={value}" for name, value in words.items())])
        answer = self.execute("EXEC", "MSet", self._quote(body))
        if answer["result"][0] != "0":
            raise AGIUnknownError(f"MSet: {answer['result'][0]}")

    def tell(self, event: str, **fields: str) -> None:
        """A UserEvent; values hold neither comma nor line break."""
        body = ",".join([event, *(f"{name}: {value}" for name, value in fields.items())])
        self.execute("EXEC", "UserEvent", self._quote(body))

    # ---- pyst2's parts, replaced --------------------------------------------------------------

    def execute(self, command: str, *args: object, seconds: float = 0.0) -> dict[str, tuple[str, str]]:
        """Send one command, which may last ``seconds`` by itself, and read its answer.

        Raises:
            HangUp: the caller or the connection is gone.
            LateError: we have kept the caller waiting for too long.
            AGIUnknownError: Asterisk refused the command.
        """
        if self.late > MOST_LATE:
            raise LateError(f"{self.late:.1f} s late")
        self.send_command(command, *args)
        answer = self.get_result()
        if played := ENDPOS.search(self._line):  # a key may have cut the prompt short
            seconds = min(seconds, int(played[1]) / RATE)
        # from answer to answer: wherever this process was held up lies in between
        now = time.monotonic()
        gap = max(0.0, now - self._answered - seconds - SMALL)
        self.late += gap
        self.longest_gap = max(self.longest_gap, gap)
        self._answered = now
        return answer

    def _late_from_the_start(self) -> float:
        """Seconds between Asterisk's asking and our reading it, by the one clock that both have."""
        try:
            late = time.time() - float(self.arguments.get(ASKED_AT, ""))
        except ValueError:
            return 0.0
        return late if 0 < late < LONGEST else 0.0  # else the clock was set in between

    def send_command(self, command: str, *args: object) -> None:
        text = " ".join([command, *map(str, args)])
        if "\r" in text or "\n" in text:
            raise UnsafeError("a line break inside a command")
        # a hung Asterisk must not hold this thread for ever; its longest command is known
        self._link.settimeout(LONGEST + GRACE + 2)
        try:
            self._link.sendall(text.encode() + b"\n")
        except OSError as error:
            raise HangUp(f"not sent: {error}") from error

    def get_result(self, stdin: object = None) -> dict[str, tuple[str, str]]:
        line = self._read()
        while line.startswith("520-"):  # usage, several lines
            line = self._read()
        match = ANSWER.match(line)
        if match is None or match[1] != "200":
            if match is not None and match[1] == "511":
                raise HangUp("the channel is dead")
            raise AGIUnknownError(line[:80])
        result, data = match[2] or "", match[3] or ""
        if data == "hangup" or result == "-1":
            raise HangUp("hung up")
        return {"result": (result, data)}

    def _quote(self, string: object) -> str:
        text = str(string)
        if CONTROL.search(text):
            raise UnsafeError("a control character inside a value")
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def _read(self) -> str:
        """One line; Asterisk's word HANGUP, an end or a silence of the line is a hang-up."""
        try:
            raw = self.stdin.readline(LINE_LIMIT)
        except (OSError, ValueError) as error:
            raise HangUp(f"no answer: {error}") from error
        if not raw:
            raise HangUp("the connection ended")
        line = self._line = raw.decode("utf-8", "replace").strip("\r\n")
        if line == "HANGUP":
            raise HangUp("hung up")
        return line

    @staticmethod
    def _key(answer: dict[str, tuple[str, str]]) -> str:
        code = int(answer["result"][0] or 0)
        return chr(code) if 0 < code < 128 else ""


__all__ = [
    "GRACE",
    "LONGEST",
    "AGIAppError",
    "AGIUnknownError",
    "Conversation",
    "HangUp",
    "LateError",
    "UnsafeError",
]
