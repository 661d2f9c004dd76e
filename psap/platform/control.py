"""Wishes flow to the bridge as commands over its local socket: one JSON object a line.

Request ``{"id", "method", "params"}``; answer ``{"id", "ok": true, "result"}`` or
``{"id", "ok": false, "error": {"key", "detail"}}``. The bridge serves it (ami_bridge/commands.py);
console and command line are clients. It works with Redis away.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

LIMIT = 16 * 1024 * 1024  # bytes in one line: a snapshot of thousands of calls fits


class ControlError(Exception):
    """The bridge refused: ``key`` is stable for programs, ``detail`` is for people."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(detail)
        self.key = key
        self.detail = detail


class BridgeAwayError(ControlError):
    """Nobody answers on the bridge's socket."""

    def __init__(self, detail: str) -> None:
        super().__init__("bridge_away", detail)


async def ask(
    socket: Path, method: str, params: dict[str, Any] | None = None, *, timeout: float = 3.0
) -> Any:
    """Send one command and return its result.

    Raises:
        BridgeAwayError: no bridge, or no answer within ``timeout`` seconds.
        ControlError: the bridge refused.
    """
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_unix_connection(str(socket), limit=LIMIT)
            try:
                request = {"id": 1, "method": method, "params": params or {}}
                writer.write(json.dumps(request).encode() + b"\n")
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        raise BridgeAwayError(f"the AMI bridge does not answer on {socket}: {error!r}") from error
    if not line:
        raise BridgeAwayError(f"the AMI bridge closed {socket} without an answer")
    answer = json.loads(line)
    if not answer["ok"]:
        raise ControlError(answer["error"]["key"], answer["error"]["detail"])
    return answer["result"]
