"""One call's id in every part's log, from the first line to the last, and the story that it tells."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.monitoring.calling import answered
from tests.support.centre import Centre
from tests.support.home import Home
from tests.support.persons import in_logs

pytestmark = [pytest.mark.calls, pytest.mark.timeout(180)]

PARTS = ("agi", "ami_bridge", "console")


def lines(path: Path) -> list[dict[str, Any]]:
    """Every line of a part's log; each is an object."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.startswith("{")]


async def test_the_id_goes_through_every_log(home: Home, centre: Centre) -> None:
    logs = home.settings.logs
    before = {part: len(lines(logs / f"{part}.log")) for part in PARTS}
    number, call_id = await answered(centre)
    report = {"call_id": call_id, "category": None, "description": "uji"}
    await centre.supervisor.post("/incidents", {key: value for key, value in report.items() if value})
    record = await centre.supervisor.get(f"/calls/{call_id}")
    async with asyncio.timeout(40):
        # the last line about it comes when its recording is put in its place
        while (call_id, "recording filed") not in {  # noqa: ASYNC110 - a file tells nobody
            (line.get("call_id"), line["event"]) for line in lines(logs / "ami_bridge.log")
        }:
            await asyncio.sleep(0.2)
    new = {part: lines(logs / f"{part}.log")[before[part] :] for part in PARTS}
    ours = {part: [line for line in new[part] if line.get("call_id") == call_id] for part in PARTS}

    assert [line["event"] for line in ours["agi"]] == ["gate_begins", "gate"]
    began, *_, last = ours["ami_bridge"]
    assert began["event"] == "call began"
    assert {"call answered", "call ended"} <= {line["event"] for line in ours["ami_bridge"]}
    assert last["event"] == "recording filed"
    routes = {(line["method"], line["route"]) for line in ours["console"]}
    assert {("PATCH", "/api/v1/calls/{id}"), ("GET", "/api/v1/calls/{id}")} <= routes
    assert ("POST", "/api/v1/incidents") in routes  # named in its body
    for part in PARTS:
        # nothing about the call goes without its id, by whatever name it is called
        about = (call_id, record["uniqueid"])
        bare = [line for line in new[part] if line.get("call_id") is None]
        assert not [line for line in bare if any(word in json.dumps(line) for word in about)]
        assert part != "agi" or not bare  # it has nothing but calls
        named = [
            line for line in new[part] if "{id}" in str(line.get("route")) and "/calls/" in line["route"]
        ]
        assert all(line.get("call_id") for line in named), named
    assert number not in "".join(json.dumps(line) for part in PARTS for line in new[part])
    assert in_logs(home.folder) == []

    told = home.cli("logs", call_id).stdout.splitlines()
    assert sum(len(rows) for rows in ours.values()) == len(told)
    assert told == sorted(told)  # each begins with its time
    order = [line.split()[1] for line in told]
    assert order.index("agi") < order.index("console")
    assert "ending=answered" in "".join(told)
    first = json.loads(home.cli("logs", call_id, "--json").stdout.splitlines()[0])
    assert first["call_id"] == call_id


def test_what_is_no_call_is_said(home: Home) -> None:
    for word in ("0812", "00000000-0000-5000-8000-000000000000"):
        done = home.cli("logs", word, check=False)
        assert done.returncode != 0
        assert " / " in done.stderr + done.stdout
