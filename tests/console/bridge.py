"""A bridge for the console's tests: the real control socket with a scripted other end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any


class ScriptedBridge:
    """Answers commands from ``snapshot`` and ``answers``; remembers what was asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server: asyncio.Server | None = None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.snapshot: dict[str, Any] = {"calls": [], "waiting": [], "agents": [], "health": {}}
        self.answers: dict[str, Any] = {
            "blocks.sync": {"written": 1, "deleted": 0},
            "call.quality": {"quality": []},
            "waiting.move": {
                "call_id": "6f2c1f4e-0d0c-5c53-a7c4-3f8f0a6f6d10",
                "since": "2026-01-01T00:00:00+00:00",
            },
            "phone.open": {
                "username": "p0",
                "password": "acak",
                "domain": "127.0.0.1",
                "registered_elsewhere": False,
                "telephone": None,
            },
            "health": {"state": "up", "detail": "", "parts": {}, "figures": {}},
        }
        self.hangs = False
        self.errors: dict[str, tuple[str, str]] = {}

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self._path))

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    def params(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of a method."""
        return [params for name, params in self.asked if name == method]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = json.loads(await reader.readline())
        method, params = request["method"], request["params"]
        self.asked.append((method, params))
        if self.hangs:
            await reader.read()  # until the asker gives up
            writer.close()
            return
        answer: dict[str, Any] = {"id": request["id"], "ok": True}
        if method in self.errors:
            key, detail = self.errors[method]
            answer = {"id": request["id"], "ok": False, "error": {"key": key, "detail": detail}}
        elif method == "snapshot":
            answer["result"] = self.snapshot
        elif method.startswith("agent."):
            answer["result"] = agent(params["agent"], {"agent.pause": "paused"}.get(method, "ready"))
        else:
            answer["result"] = self.answers.get(method)
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()


def agent(name: str, state: str = "ready") -> dict[str, Any]:
    """One call taker as the bridge shows them."""
    return {
        "agent": name,
        "name": name.title(),
        "state": state,
        "since": "2026-01-01T00:00:00.000000+00:00",
        "reason": None,
        "call_id": None,
        "phone_registered": True,
    }
