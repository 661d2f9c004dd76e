"""GET /metrics: bounded, without a person in it, cheap, and there when everything else is away."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from console import metric_catalogue as catalogue
from console.looks import files
from console.metrics import Family, Metrics, told
from console.table import API
from psap.platform.heartbeat import write_heartbeat
from psap.platform.metrics import GATE_SECONDS, OTHER, Tally
from psap.platform.settings import Settings
from tests.console.conftest import Console

FAMILIES = (*catalogue.BRIDGE, *catalogue.AGI, *catalogue.WATCHDOG, *catalogue.LOOKS)
NUMBER, NAME = "081234567890", "Sutarmi binti Karyorejo"
HOSTILE = [
    NUMBER,
    f"+62{NUMBER[1:]}",
    NAME,
    'x"} 1\npsap_evil 1\n#',
    "..\\..\\etc",
    "agent1",
    "\x00\u202e",
    "a" * 5_000,
    "",
]


def bound(family: Family) -> set[tuple[str, ...]]:
    """The label sets that a family may ever have."""
    return {(word,) for word in (*family.words, OTHER)} if family.label else {()}


def check(text: str) -> None:
    """Every sample of the catalogue carries only labels of its closed set."""
    limits = {each.name: each for each in FAMILIES}
    for metric in text_string_to_metric_families(text):
        family = limits.get(metric.name) or limits.get(f"{metric.name}_total")
        if family is None:
            assert metric.name.startswith(("psap_http_", "psap_sign_in_failures")), metric.name
            continue
        for sample in metric.samples:
            labels = tuple(value for key, value in sample.labels.items() if key != "le")
            assert labels in bound(family), sample
            assert set(sample.labels) <= {family.label, "le"}, sample


anything: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(HOSTILE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(HOSTILE), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from([family.figure for family in FAMILIES]), anything))
def test_whatever_is_told_the_labels_are_ours(figures: dict[str, Any]) -> None:
    text = Metrics().text(told(FAMILIES, figures)).decode()
    check(text)
    for word in (NUMBER, NAME, "evil", "agent1"):
        assert word not in text


def test_an_unknown_word_is_counted_and_not_repeated() -> None:
    family = next(each for each in catalogue.BRIDGE if each.name == "psap_calls_ended_total")
    text = Metrics().text(told([family], {"ended": {"answered": 2, NUMBER: 3, NAME: 4}})).decode()
    assert 'psap_calls_ended_total{ending="answered"} 2.0' in text
    assert 'psap_calls_ended_total{ending="other"} 7.0' in text
    assert NUMBER not in text


def test_durations_become_a_histogram() -> None:
    tally = Tally({"conversations": ("decided",)}, {"seconds": GATE_SECONDS})
    for seconds in (0.5, 4.0, 4.0, 500.0, -1.0, float("nan"), None):
        tally.observe("seconds", seconds)
    tally.count("conversations", "decided")
    tally.count("conversations", NUMBER)
    text = Metrics().text(told(catalogue.AGI, tally.figures())).decode()
    assert 'psap_agi_seconds_bucket{le="1.0"} 1.0' in text
    assert 'psap_agi_seconds_bucket{le="5.0"} 3.0' in text
    assert 'psap_agi_seconds_bucket{le="+Inf"} 4.0' in text
    assert "psap_agi_seconds_count 4.0" in text
    assert 'psap_agi_conversations_total{end="other"} 1.0' in text


def test_every_name_is_told_once_and_means_something() -> None:
    names = [family.name for family in FAMILIES]
    assert len(names) == len(set(names))
    assert all(
        family.meaning.endswith(".") and bool(family.label) == bool(family.words) for family in FAMILIES
    )


async def metrics(console: Console) -> str:
    async with console.http.get(f"{console.origin}/metrics") as answer:
        assert answer.status == 200
        return await answer.text()


async def test_strangers_paths_numbers_and_methods_become_no_series(console: Console) -> None:
    """Hundreds of different addresses, methods and headers: as many series as before."""

    async def wave(number: int) -> None:
        for path in (
            f"/calls/0812{number:08d}",
            f"/nothing/{NAME}-{number}",
            f"/blocklist/{number}",
            f"/{number}.js",
        ):
            await console.ask("GET", path, "agent1", headers={"X-Number": NUMBER})
        async with console.http.request(("PROPFIND", "LINK", "TRACE")[number % 3], console.url("/calls")):
            pass
        await console.ask("POST", "/session", json={"username": f"{NAME}{number}", "password": NUMBER})

    for number in range(20):  # what there is to see at all: refusals for too many tries, too
        await wave(number)
    await metrics(console)
    before = (await metrics(console)).count("\n")
    for number in range(20, 40):
        await wave(number)
    text = await metrics(console)
    assert text.count("\n") == before
    check(text)
    for word in (NUMBER, "Sutarmi", "0812", "PROPFIND", "nothing"):
        assert word not in text
    assert f'route="{API}/calls/{{id}}"' in text
    assert 'method="OTHER"' in text


async def test_it_asks_nobody_and_costs_little(console: Console) -> None:
    for number in range(30):  # a page with something on it
        await console.ask("GET", f"/calls/{number}", "agent1")
    asked = [name for name, _ in console.bridge.asked if name == "snapshot"]
    began = time.process_time()
    for _ in range(10):
        await metrics(console)
    cost = (time.process_time() - began) / 10
    assert [name for name, _ in console.bridge.asked if name == "snapshot"] == asked
    assert cost < 0.05, f"{cost * 1000:.0f} ms of processor time"  # the reading of it included


async def test_it_answers_while_bridge_and_database_are_away(console: Console) -> None:
    console.bridge.answers["health"]["figures"] = {"events": 7, "agents": {"ready": 2, "agent1": 1}}
    await _until(console, "psap_ami_events_total 7.0")
    assert 'psap_agents{state="ready"} 2.0' in await metrics(console)
    console.bridge.hangs = True
    await _until(console, "psap_bridge_up 0.0")
    text = await metrics(console)
    assert "psap_ami_events_total" not in text  # old news would look like news
    assert "psap_disk_free_bytes" in text
    console.redis.kill()
    (console.home / "psap.db").rename(console.home / "away.db")
    (console.home / "psap.db").write_bytes(b"no database " * 1_000)
    await _until(console, "psap_database_up 0.0", "psap_redis_up 0.0")


async def _until(console: Console, *wanted: str) -> None:
    async with asyncio.timeout(30):
        while True:
            text = await metrics(console)
            if all(f"\n{line}" in text for line in wanted):
                return
            await asyncio.sleep(0.2)  # nobody tells when a figure has changed


async def test_heartbeats_tell_of_gate_and_restarts(console: Console) -> None:
    run = console.home / "run"
    write_heartbeat(run, "agi", "up", "", {"figures": {"calls_now": 3, "conversations": {"late": 1}}})
    write_heartbeat(run, "watchdog", "up", "", {"figures": {"ended": {"ami_bridge": 2, NAME: 1}}})
    text = await metrics(console)
    assert "psap_agi_calls_now 3.0" in text
    assert 'psap_watchdog_ends_total{part="ami_bridge"} 2.0' in text
    assert 'psap_part_started_timestamp_seconds{part="agi"}' in text
    assert 'psap_process_resident_bytes{part="agi"}' in text
    assert NAME not in text
    # one that beats no more says nothing of now; when it was started stays true
    beat = json.loads((run / "agi.json").read_text())
    (run / "agi.json").write_text(json.dumps({**beat, "monotonic": beat["monotonic"] - 60}))
    text = await metrics(console)
    assert "psap_agi_calls_now" not in text
    assert 'psap_part_started_timestamp_seconds{part="agi"}' in text
    (run / "agi.json").write_text('{"half": ')
    assert "psap_agi_calls_now" not in await metrics(console)


def test_files_are_looked_at(tmp_path: Path, certificate: Path) -> None:
    made = Settings(home=tmp_path, tls_cert=certificate, tls_key=certificate)
    found = files(made)
    assert found["disk_free_bytes"] > 0
    assert "backup_at" not in found
    assert 364 < (found["certificate_until"] - time.time()) / 86_400 < 366
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "calls.jsonl").write_text("{}\n")
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "psap-auto-20261122T030000.000Z.tar.gz").write_bytes(b"")
    certificate.write_text("-----BEGIN CERTIFICATE-----\nx\n")
    found = files(made)
    assert found["spool_bytes"] == 3
    assert found["backup_at"] > 0
    assert "certificate_until" not in found


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A PEM file of its own."""
    import subprocess

    path = tmp_path / "cert.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=112.test -keyout /dev/null -out"
    subprocess.run(["openssl", *words.split(), str(path)], check=True, capture_output=True, timeout=60)
    return path


async def test_the_state_in_words(console: Console) -> None:
    status, told_ = await console.ask("GET", "/state/detail", "agent1")
    assert status == 403
    console.bridge.answers["health"] = {
        "state": "degraded",
        "parts": {"agi": {"state": "down", "detail": "x", "id": "Gerbang mati.", "en": "The gate is down."}},
        "figures": {"longest_wait_seconds": 4.5, "unsaved": NAME},
    }
    async with asyncio.timeout(30):
        while True:
            status, told_ = await console.ask("GET", "/state/detail", "supervisor1")
            rows = {row["part"]: row for row in told_["parts"]}
            if rows["agi"]["state"] == "down":
                break
            await asyncio.sleep(0.2)
    assert status == 200
    assert rows["agi"]["said"] == ["Gerbang mati.", "The gate is down."]
    assert rows["agi"]["since"] is not None
    assert rows["agi"]["means"][0].startswith("Gerbang")
    assert rows["agi"]["do"][1].startswith("It is restarted")
    assert rows["agi"]["runbook"] == "/api/docs/runbook#a-part-is-away"
    assert rows["watchdog"]["state"] == "up"
    assert rows["database"]["said"] is None
    assert told_["figures"]["longest_wait_seconds"] == 4.5
    assert told_["figures"]["unsaved"] is None
    async with console.http.get(f"{console.origin}{rows['disk']['runbook']}") as answer:
        page = await answer.text()
        assert answer.status == 200
        assert 'id="the-disk-fills-up"' in page
        assert "<script" not in page
