"""A real Prometheus with monitoring/'s own rules, scraping a running home once a second."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.monitoring.files import ALERTS, FOLDER
from tests.support.home import free_ports

FAST = 20  # the rules' waits are this much shorter here
PATIENCE = 90.0  # seconds
DURATION = re.compile(r"(\d+)(s|m|h)")


class Prometheus:
    """Its HTTP API."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self._http = http

    async def ask(self, path: str, **params: str) -> Any:
        """One question; its ``data``."""
        async with self._http.get(f"{self.url}/api/v1/{path}", params=params) as answer:
            told = await answer.json()
            assert told["status"] == "success", told
            return told["data"]

    async def values(self, expression: str) -> list[dict[str, Any]]:
        """The result of an expression now."""
        found: list[dict[str, Any]] = (await self.ask("query", query=expression))["result"]
        return found

    async def alerts(self) -> dict[str, str]:
        """``{name: pending or firing}``."""
        return {row["labels"]["alertname"]: row["state"] for row in (await self.ask("alerts"))["alerts"]}

    async def until(
        self, wanted: Callable[[dict[str, str]], bool], seconds: float = PATIENCE
    ) -> dict[str, str]:
        """Wait until the alerts are as wanted."""
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(seconds):
                while not wanted(found := await self.alerts()):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise AssertionError(f"the alerts are {found}") from None
        return found


def faster(rules: str) -> str:
    """The same rules with shorter waits; expressions are left as they are."""
    read = yaml.safe_load(rules)
    for group in read["groups"]:
        for rule in group["rules"]:
            if (wait := DURATION.fullmatch(rule.get("for", ""))) is not None:
                seconds = int(wait[1]) * {"s": 1, "m": 60, "h": 3600}[wait[2]]
                rule["for"] = f"{max(1, seconds // FAST)}s"
    return yaml.safe_dump(read, allow_unicode=True)


@asynccontextmanager
async def watching(target: str, folder: Path) -> AsyncIterator[Prometheus]:
    """Prometheus over ``target`` (host:port), with its data in ``folder``, until the end of the block."""
    program = shutil.which("prometheus")
    assert program is not None, "prometheus is missing: apt-get install prometheus (./112 test does it)"
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    (folder / ALERTS.name).write_text(faster(ALERTS.read_text("utf-8")), "utf-8")
    (port,) = free_ports(1)
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        async with aiohttp.ClientSession() as http:
            one = Prometheus(f"http://127.0.0.1:{port}", http)
            await _ready(one, http, process, folder / "prometheus.log")
            yield one
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _ready(
    one: Prometheus, http: aiohttp.ClientSession, process: asyncio.subprocess.Process, log: Path
) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            assert process.returncode is None, log.read_text("utf-8", "replace")[-2000:]
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(f"{one.url}/-/ready") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.2)
