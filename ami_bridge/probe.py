"""Asks agi each second whether it works, as Asterisk would: one whole FastAGI exchange."""

from __future__ import annotations

import asyncio
import contextlib

TIMEOUT = 1.0  # seconds for the whole exchange


class AgiProbe:
    """Remembers what the last exchanges said."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._slow = 0
        self.up: bool | None = None  # None: not asked yet
        self.detail = "not asked yet"

    async def ask(self) -> None:
        """One exchange. A refusal counts at once; slowness only the second time, so that one
        busy moment of the machine does not take the gate away from every caller."""
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._exchange()
        except TimeoutError:
            self._slow += 1
            if self._slow >= 2 or self.up is None:
                self.up, self.detail = False, f"agi does not answer within {TIMEOUT:.0f} s"
            return
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            self.up, self.detail = False, f"agi is away: {error}"
            return
        self._slow = 0
        self.up, self.detail = True, "answers"

    async def _exchange(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            lines = [
                "agi_network: yes",
                "agi_network_script: probe",
                f"agi_request: agi://127.0.0.1:{self._port}/probe",
                "agi_channel: probe",
                "agi_uniqueid: probe",
            ]
            writer.write(("\n".join(lines) + "\n\n").encode())
            command = await reader.readline()
            if not command.strip():
                raise ValueError("it closed without a command")
            writer.write(b"200 result=1\n")
            await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
