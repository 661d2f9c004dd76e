"""What is away is told, on request and by itself, and is gone when it is well again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from psap.platform.troubles import Trouble
from tests.console.conftest import Console

TOLD_WITHIN = 20.0  # seconds here; a person reads it within ten on a machine that is not overloaded


async def told(socket: Any, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first state on the live channel that is as wanted."""
    async with asyncio.timeout(TOLD_WITHIN):
        while True:
            message = json.loads((await socket.receive()).data)
            if message["type"] == "state" and wanted(message["data"]):
                assert (message["v"], "seq" in message) == (1, False)
                return dict(message["data"])


def unwell(data: dict[str, Any]) -> set[str]:
    return {name for name, row in data["parts"].items() if row["state"] != "up"}


async def test_everything_away_is_told_and_everything_back(console: Console) -> None:
    disk: list[Trouble] = []
    console.parts.state.troubles.append(lambda: disk[0] if disk else None)
    async with console.live("agent1") as socket:
        await socket.send_str("state")
        await told(socket, lambda data: data["healthy"] and not unwell(data))

        disk.append(
            Trouble("disk", "degraded", "Ruang disk tinggal 1 GB.", "1 GB of disk is left.", "/home/x")
        )
        console.redis.kill()
        await console.bridge.stop()
        away = {"disk", "redis", "ami_bridge", "asterisk", "agi"}
        data = await told(socket, lambda data: unwell(data) >= away)
        assert not data["healthy"]
        assert data["parts"]["disk"] == {
            "state": "degraded",
            "detail": "1 GB of disk is left.",
            "id": "Ruang disk tinggal 1 GB.",
            "en": "1 GB of disk is left.",
        }
        assert "tetap masuk ke telepon meja" in data["parts"]["ami_bridge"]["id"]
        assert str(console.home) not in json.dumps(data)  # no path of this machine

        disk.clear()
        await console.redis.start()
        await console.bridge.start()
        await told(socket, lambda data: data["healthy"] and not unwell(data))
    status, data = await console.ask("GET", "/state", "qc1")
    assert (status, data["healthy"]) == (200, True)


async def test_the_bridge_speaks_for_asterisk_and_its_figures_are_metrics(console: Console) -> None:
    row = {"state": "down", "detail": "refused", "id": "Sandi salah.", "en": "Wrong secret."}
    console.bridge.answers["health"] = {
        "state": "degraded",
        "parts": {"ami": row, "database": row},
        "figures": {"link_up": 0.0, "events": 12345, "losses": 3, "resync_seconds": 0.25, "strange": 1},
    }
    async with console.live("supervisor1") as socket:
        await socket.send_str("state")
        data = await told(socket, lambda data: "ami" in unwell(data))
    assert data["parts"]["ami"]["id"] == "Sandi salah."
    assert data["parts"]["database"]["state"] == "down"  # what only who writes can know
    assert data["parts"]["asterisk"]["state"] == "down"  # it was looked at: nobody answers there
    _, health = await console.ask("GET", "/healthz")
    assert (health["healthy"], health["bridge"], health["asterisk"]) == (True, "up", "down")
    _, text = await console.ask("GET", "/metrics")
    assert "psap_ami_events_total 12345.0\n" in text
    assert "# TYPE psap_ami_losses_total counter" in text
    assert 'psap_part_up{part="ami"} 0.0\n' in text
    assert 'psap_part_up{part="redis"} 1.0\n' in text
    assert "strange" not in text


async def test_the_state_is_for_who_is_signed_in(console: Console) -> None:
    status, _ = await console.ask("GET", "/state")
    assert status == 401
