"""Asterisk's security events, read over a login of their own that may do nothing else.

They must never come over the bridge's link: the account's name in them is what a stranger wrote, decoded,
up to 36 characters with line breaks and all (measured on 22.10.1), enough to end an event and begin
another. So this reader believes one thing only, which cannot be forged in 36 characters: three lines in
Asterisk's own order, SessionID, LocalAddress, RemoteAddress. Whatever else is written, it is the writer's
own address that is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Callable
from typing import Any

RETRY = 2.0  # seconds between two logins
LINE_LIMIT = 16 * 1024
PING_EVERY = 20.0  # seconds of quiet after which Asterisk is asked to say something

Heard = Callable[[str, bool], None]


class Reading:
    """Takes lines, gives (address, whether it is a telephone that proved its password)."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._last = ("", "")
        self._address: str | None = None  # told by the line before: what follows decides

    def line(self, line: str) -> None:
        """One line of the feed, without its end."""
        if self._address is not None:
            # only a proven password is followed by this word, and a stranger's text stands before
            self._heard(self._address, line.startswith("UsingPassword: "))
            self._address = None
        name = line.partition(":")[0]
        if name == "RemoteAddress" and self._last == ("SessionID", "LocalAddress"):
            self._address = _address(line.partition(": ")[2])
        self._last = (self._last[1], name)


def _address(told: str) -> str | None:
    """The address in ``IPV4/UDP/192.0.2.7/5060``; None for anything that is none."""
    words = told.split("/")
    if len(words) != 4 or words[1] not in ("UDP", "TCP", "TLS", "WS", "WSS"):
        return None
    try:
        return str(ipaddress.ip_address(words[2]))
    except ValueError:
        return None


class SecurityFeed:
    """Keeps the login until cancelled. Without it everything works as before, only less strictly."""

    def __init__(self, port: int, secret: Callable[[], str], heard: Heard, log: Any) -> None:
        self._port = port
        self._secret = secret
        self._reading = Reading(heard)
        self._log = log
        self._said: str | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.up = False

    def reconnect(self) -> None:
        """Log in again (the password is new)."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def run(self) -> None:
        """Listen, and again after each loss."""
        while True:
            try:
                await self._listen()
            except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
                if self.up or self._said is None:
                    self._said = type(error).__name__
                    self._log.warning("no security events from asterisk now", error=self._said)
            self.up = False
            await asyncio.sleep(RETRY)

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=LINE_LIMIT)
        self._writer = writer
        try:
            login = f"Action: Login\r\nUsername: guard\r\nSecret: {self._secret()}\r\n\r\n"
            writer.write(login.encode())
            async with asyncio.timeout(5):
                while not (line := await _line(reader)).startswith("Response:"):
                    pass
            if "Success" not in line:
                raise ValueError("refused")
            self.up, self._said = True, None
            while True:
                try:
                    async with asyncio.timeout(PING_EVERY):
                        line = await _line(reader)
                except TimeoutError:
                    writer.write(b"Action: Ping\r\n\r\n")
                    async with asyncio.timeout(5):  # no answer: the peer hangs
                        line = await _line(reader)
                self._reading.line(line)
        finally:
            self._writer = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _line(reader: asyncio.StreamReader) -> str:
    raw = await reader.readuntil(b"\n")
    return raw.decode("latin-1").rstrip("\r\n")
