"""Recordings over HTTP: who may, in pieces or whole, and how often a listening is noted."""

from __future__ import annotations

import wave
from typing import Any

import pytest
from sqlalchemy import update

from psap.platform.schema import recordings
from psap.recordings.model import recording_id
from psap.recordings.service import Shelf
from tests.console.conftest import Console
from tests.console.test_calls import call, record

SAMPLES = b"\x10\x20" * 16_000  # two seconds


@pytest.fixture
async def heard(console: Console) -> str:
    """The id of a recording of agent1's call, which ended just now."""
    parts = console.parts
    now = parts.clock.now_us()
    mine = call(1, started_at=now - 9_000_000, ended_at=now - 1_000_000)
    mine.legs[0].answered_at = now - 8_000_000
    await record(console, mine)
    shelf = Shelf(parts.settings, parts.database, parts.profile, parts.clock)
    shelf.spool.mkdir(parents=True)
    path = shelf.spool / f"{mine.uniqueid}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(SAMPLES)
    # filed under the id that the console's call has
    made = await shelf.file(mine.uniqueid, path, mine)
    assert made is not None
    async with parts.database.write() as connection:
        await connection.execute(update(recordings).values(call_id=mine.id))
    return made.id


async def fetch(console: Console, path: str, who: str, **headers: str) -> tuple[int, str | None, bytes]:
    """(status, Content-Type, bytes)."""
    sent = {"Authorization": f"Bearer {console.tokens[who]}"} | headers
    async with console.http.get(console.url(path), headers=sent) as answer:
        return answer.status, answer.headers.get("Content-Type"), await answer.read()


async def noted(console: Console, subject: str) -> list[str]:
    status, told = await console.ask(
        "POST", "/audit/search", "admin1", json={"subject": subject, "action": "recording.played"}
    )
    assert status == 200
    return [entry["actor"] for entry in told["items"]]


async def test_one_listening_is_one_entry_however_many_pieces(console: Console, heard: str) -> None:
    path = f"/recordings/{heard}"
    for _ in range(3):
        status, kind, part = await fetch(console, f"{path}?listening=a1b2c3d4e5", "qc1", Range="bytes=0-99")
        assert (status, kind, len(part)) == (206, "audio/wav", 100)
    assert await noted(console, heard) == ["qc1"]
    await fetch(console, f"{path}?listening=another-one", "qc1", Range="bytes=0-99")
    assert await noted(console, heard) == ["qc1", "qc1"]
    # a tool that knows nothing of listenings: whole is a listening, pieces belong to it
    status, _, whole = await fetch(console, path, "supervisor1")
    assert (status, whole[44:]) == (200, SAMPLES)
    await fetch(console, path, "supervisor1", Range="bytes=100-199")
    await fetch(console, path, "supervisor1")
    assert await noted(console, heard) == ["supervisor1", "supervisor1", "qc1", "qc1"]
    # what is refused is not a listening, and the waveform says nothing that was said
    status, _, _ = await fetch(console, f"{path}?listening=x", "qc1")
    assert status == 422
    status, drawn = await console.ask("GET", f"{path}/waveform", "qc1")
    assert (status, drawn["seconds"]) == (200, 2.0)
    assert len(await noted(console, heard)) == 4


@pytest.mark.parametrize(
    ("who", "status", "reason"),
    [("agent1", 206, "allowed"), ("agent2", 403, "not_yours"), ("dispatcher1", 403, "role")],
)
async def test_who_may_not_listen_is_told_why(
    console: Console, heard: str, who: str, status: int, reason: str
) -> None:
    found = (await console.ask("GET", f"/calls/{call(1).id}/recordings", who))[1]
    assert (found["hearing"], [each["id"] for each in found["items"]]) == (reason, [heard])
    assert found["why"]["id"]
    assert found["why"]["en"]
    got = await fetch(console, f"/recordings/{heard}", who, Range="bytes=0-9")
    assert got[0] == status
    assert await noted(console, heard) == (["agent1"] if status == 206 else [])


async def test_a_file_that_is_gone_is_said_to_be_gone(console: Console, heard: str) -> None:
    for path in (console.parts.settings.home / "recordings").rglob("*.wav"):
        path.unlink()
    for path in (f"/recordings/{heard}", f"/recordings/{heard}/waveform"):
        status, problem = await console.ask("GET", path, "supervisor1")
        assert (status, problem["key"]) == (404, "recording_gone")
    unknown: Any = await console.ask("GET", f"/recordings/{recording_id('nobody')}", "supervisor1")
    assert unknown[0] == 404
    assert unknown[1]["key"] == "not_found"
    assert await noted(console, heard) == []
