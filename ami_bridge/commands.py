"""Wishes from console and command line, served on ``run/bridge.sock``: one JSON object a line.

The names are psap/platform/control.py's and docs/architecture/contracts.md's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from ami_bridge.wire import LinkAwayError, LinkError
from psap.platform.control import LIMIT, ControlError

Params = dict[str, Any]
Method = Callable[[Params], Awaitable[Any]]


class Log(Protocol):
    def error(self, event: str, **fields: object) -> object: ...


def text(params: Params, name: str, *, longest: int = 128, needed: bool = True) -> str | None:
    """A text parameter. Raises ControlError(bad_request)."""
    value = params.get(name)
    if value is None and not needed:
        return None
    if not isinstance(value, str) or (needed and not value) or len(value) > longest:
        raise ControlError("bad_request", f"{name} must be a text of 1 to {longest} characters")
    try:
        value.encode()
    except UnicodeEncodeError:  # half a character, which JSON can write and nothing else can
        raise ControlError("bad_request", f"{name} is no text") from None
    return value


def must(params: Params, name: str, *, longest: int = 128) -> str:
    """A text parameter that cannot be left out. Raises ControlError(bad_request)."""
    return text(params, name, longest=longest) or ""


class CommandServer:
    """Answers each line on its own; a slow command does not hold up the others."""

    def __init__(self, socket: Path, methods: dict[str, Method], log: Log) -> None:
        self._socket = socket
        self._methods = methods
        self._log = log
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the socket, readable by the centre's own account only."""
        self._socket.parent.mkdir(parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._client, str(self._socket), limit=LIMIT)
        self._socket.chmod(0o600)

    async def stop(self) -> None:
        """Close the socket and every conversation on it."""
        if self._server is not None:
            self._server.close()
        for task in list(self._clients):
            task.cancel()
        self._socket.unlink(missing_ok=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            while line := await reader.readline():
                answer = await self._answer(line)
                writer.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass  # the client is gone, or its line is longer than any command
        finally:
            self._clients.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        number: object = None
        try:
            try:
                request = json.loads(line)
                given = request.get("id")
                number = given if isinstance(given, str | int) else None
                name, params = request["method"], request.get("params") or {}
            except (ValueError, KeyError, AttributeError, RecursionError) as error:
                raise ControlError("bad_request", f"not a command: {error!r}") from error
            method = self._methods.get(name) if isinstance(name, str) else None
            if method is None or not isinstance(params, dict):
                raise ControlError("unknown_method", f"no such command: {str(name)[:40]!r}")
            return {"id": number, "ok": True, "result": await method(params)}
        except ControlError as error:
            return _refusal(number, error.key, error.detail)
        except LinkAwayError as error:
            return _refusal(number, "asterisk_away", str(error))
        except LinkError as error:
            return _refusal(number, "bad_request", f"Asterisk refused: {error}")
        except Exception as error:
            self._log.error("command failed", error=repr(error), exc_info=True)
            return _refusal(number, "failed", "the bridge could not do this; its log says why")


def _refusal(number: object, key: str, detail: str) -> dict[str, Any]:
    return {"id": number, "ok": False, "error": {"key": key, "detail": detail}}
