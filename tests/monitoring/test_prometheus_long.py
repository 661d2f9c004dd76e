"""A real Prometheus watches a running home: faults fire and resolve, every panel's query has an answer."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.faults.breaking import killed, recovered
from tests.monitoring.calling import answered, gave_up, shows, silent
from tests.monitoring.files import queries
from tests.monitoring.prometheus import Prometheus, watching
from tests.support.centre import Centre, fresh_number
from tests.support.home import Home
from tests.support.told import tell

pytestmark = [pytest.mark.calls, pytest.mark.long, pytest.mark.timeout(900)]

# what a healthy home of an hour has nothing to say about: no backup yet, no certificate of its own
EMPTY_HERE = ("psap_backup_timestamp_seconds", "psap_certificate_expires_timestamp_seconds")
GRAFANAS = {"$__rate_interval": "30s", "$__interval": "30s", "$__range": "5m", "$instance": ".*"}


def filled(expression: str) -> str:
    """A query as Grafana sends it."""
    for word, value in GRAFANAS.items():
        expression = expression.replace(word, value)
    return expression


async def answers(prometheus: Prometheus, expression: str) -> bool:
    """Whether a panel has something to draw; not-a-number is nothing."""
    return any(row["value"][1] != "NaN" for row in await prometheus.values(filled(expression)))


async def test_faults_fire_and_resolve_and_every_panel_draws(
    home: Home, centre: Centre, tmp_path: Path
) -> None:
    await recovered(home)
    async with watching(f"127.0.0.1:{home.settings.http_port}", tmp_path) as prometheus:
        await _stopped_bridge(home, prometheus)
        await _killed_redis(home, prometheus)
        await _somebody_waits(centre, prometheus)
        await _panels(centre, prometheus)


async def _stopped_bridge(home: Home, prometheus: Prometheus) -> None:
    """kill -STOP: pending, then firing; gone when it goes on."""
    await prometheus.until(lambda now: "PsapBridgeDown" not in now and "PsapRedisDown" not in now)
    seen: list[str] = []
    pid = await asyncio.to_thread(home.pid, "ami_bridge")
    os.kill(pid, signal.SIGSTOP)
    try:
        await prometheus.until(lambda now: _note(seen, now.get("PsapBridgeDown")) == "firing")
    finally:
        os.kill(pid, signal.SIGCONT)
    await prometheus.until(lambda now: "PsapBridgeDown" not in now)
    history = await prometheus.values('max_over_time(ALERTS{alertname="PsapBridgeDown"}[5m])')
    assert {row["metric"]["alertstate"] for row in history} == {"pending", "firing"}
    await recovered(home)


def _note(seen: list[str], state: str | None) -> str | None:
    if state is not None and state not in seen:
        seen.append(state)
    return state


async def _killed_redis(home: Home, prometheus: Prometheus) -> None:
    """Dead until the end of the block; calls and figures go on."""
    async with killed(home, "redis"):
        found = await prometheus.until(lambda now: now.get("PsapRedisDown") == "firing")
        assert "PsapConsoleAway" not in found
        assert "PsapDatabaseDown" not in found
    await prometheus.until(lambda now: "PsapRedisDown" not in now)
    await recovered(home)


async def _somebody_waits(centre: Centre, prometheus: Prometheus) -> None:
    """Nobody is there, and a citizen waits: the wait is seen in Prometheus while it grows."""
    async with centre.caller(fresh_number()) as caller:
        await caller.answered()
        await caller.press("0")
        async with asyncio.timeout(60):
            while not await prometheus.values("psap_longest_wait_seconds > 1"):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.2)
        await prometheus.until(lambda now: now.get("PsapNobodyTakesCalls") == "firing")
        caller.hang_up()
        await caller.ended(10)


async def _panels(centre: Centre, prometheus: Prometheus) -> None:
    """After a few calls every drawing has something to draw, also what is a rate."""
    wanted = [pair for pair in queries() if not any(name in pair[1] for name in EMPTY_HERE)]
    left = wanted
    async with asyncio.timeout(150):
        while left:  # the records are counted each 15 s, and a rate needs a slope
            await answered(centre)
            await gave_up(centre)
            await silent(centre)
            await shows(centre, lambda now: now["psap_calls_in_progress"] == 0)
            left = [(title, words) for title, words in wanted if not await answers(prometheus, words)]
            print("\n".join(f"nothing to draw yet: {title}: {words}" for title, words in left))
    count = len(wanted)
    tell(
        "Prometheus",
        [f"{count} queries of the dashboard answered; stopped bridge and killed Redis fired, resolved"],
    )
