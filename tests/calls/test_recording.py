"""What was said is kept: both sides, every agent, whoever of us was dead; and hearing it is noted."""

from __future__ import annotations

import array
import asyncio
import contextlib
import io
import os
import shutil
import signal
import time
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from psap.platform import disk
from psap.platform.control import ask
from psap.platform.settings import load_secrets
from psap.sip import audio
from psap.sip.caller import Caller
from psap.sip.phone import PhoneCall
from tests.faults.surroundings import small_disk
from tests.support.api import Api, ApiError
from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, Seat, fresh_number, hum
from tests.support.ears import prompts_heard
from tests.support.health import well_again
from tests.support.home import Home

pytestmark = [pytest.mark.calls, pytest.mark.timeout(180)]

SECOND_TONE = 1320.0  # the second call taker's voice
SLICE = audio.RATE // 5  # samples looked at together


@asynccontextmanager
async def ami(home: Home) -> AsyncIterator[Any]:
    """A second AMI session: ``await do("Hangup", Channel=..., Cause="31")``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", home.settings.ami_port)

    async def do(action: str, **fields: str) -> None:
        lines = [
            f"Action: {action}",
            "ActionID: test",
            *(f"{name}: {value}" for name, value in fields.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()
        while True:
            told = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode("utf-8", "replace")
            if "ActionID: test" in told:
                assert "Response: Success" in told, told
                return

    await reader.readline()
    await do("Login", Username="bridge", Secret=load_secrets(home.settings.home).ami_bridge, Events="off")
    try:
        yield do
    finally:
        writer.close()


@asynccontextmanager
async def talking(centre: Centre, number: str, seat: Seat) -> AsyncIterator[tuple[Caller, PhoneCall]]:
    """A citizen and a call taker who hear each other."""
    async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
        await caller.answered(20)
        await caller.press("0")
        call = await seat.phone.ringing(40)
        await call.answer(20)
        await asyncio.gather(
            caller.media.hears(AGENT_TONE, timeout=30), seat.phone.media.hears(CALLER_TONE, timeout=30)
        )
        yield caller, call


async def filed(centre: Centre, call_id: str, timeout: float = 30) -> dict[str, Any]:
    """The one recording of a call, once it is on the shelf."""
    try:
        async with asyncio.timeout(timeout):
            while not (found := await centre.supervisor.get(f"/calls/{call_id}/recordings"))["items"]:  # noqa: ASYNC110 - asked
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"no recording of {call_id} within {timeout} s") from None
    (one,) = found["items"]
    return dict(one)


async def sound_of(api: Api, recording: str, **headers: str) -> tuple[int, bytes]:
    """(status, bytes) of ``GET /recordings/{id}``."""
    address = f"{api.url}/api/v1/recordings/{recording}"
    async with api.session.get(address, headers=headers, timeout=aiohttp.ClientTimeout(total=30)) as answer:
        return answer.status, await answer.read()


def seconds_of(data: bytes, hertz: float) -> float:
    """For how many seconds of a recording a tone is a good part of what is heard."""
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 8000, 2)
        return seconds_in(file.readframes(file.getnframes()), hertz)


def seconds_in(frames: bytes, hertz: float) -> float:
    """The same of bare samples."""
    samples = array.array("h", frames[: len(frames) // 2 * 2])
    found = 0.0
    for start in range(0, len(samples) - SLICE, SLICE):
        part = audio.from_samples(samples[start : start + SLICE].tolist())
        if audio.level(b"".join(part)) > 200 and audio.tone_share(part, hertz) > 0.2:
            found += SLICE / audio.RATE
    return found


async def kept(centre: Centre, number: str, *tones: float, seconds: float = 0.6, timeout: float = 90) -> None:
    """Wait until so much of each tone stands in the file that grows: a machine without time for its threads
    loses sound, and what it lost is not what is asked here."""
    call = (await centre.supervisor.calls_of(number))[0]
    path = centre.home.settings.pbx / "spool" / "monitor" / f"{call['uniqueid']}.wav"
    found: dict[float, float] = {}
    try:
        async with asyncio.timeout(timeout):
            while min(found.values(), default=0.0) < seconds:
                await asyncio.sleep(0.3)
                frames = path.read_bytes()[44:] if path.exists() else b""
                found = {hertz: seconds_in(frames, hertz) for hertz in tones}
    except TimeoutError:
        raise AssertionError(f"{path} holds only {found} after {timeout} s") from None


async def played(centre: Centre, recording: str) -> list[str]:
    """Who heard a recording, as the audit tells it; newest first."""
    async with Api(centre.home.http_url, "admin1") as admin:
        told = await admin.post("/audit/search", {"subject": recording, "action": "recording.played"})
    return [entry["actor"] for entry in told["items"]]


async def test_both_sides_are_kept_and_each_hearing_is_noted_once(centre: Centre) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat:
        async with talking(centre, number, seat) as (caller, call):
            await kept(centre, number, CALLER_TONE, AGENT_TONE)
            caller.hang_up()
            await call.ended(20)
        record = await centre.record(number, timeout=20)
        found = await filed(centre, record["id"])
        name = found["id"]
        # who may: supervisors and assessors everything, a call taker the own calls
        for who, may in (("agent1", "allowed"), ("agent2", "not_yours"), ("dispatcher1", "role")):
            async with Api(centre.home.http_url, who) as api:
                told = await api.get(f"/calls/{record['id']}/recordings")
                assert told["hearing"] == may
                status, _ = await sound_of(api, name)
                assert status == (200 if may == "allowed" else 403)
        async with Api(centre.home.http_url, "qc1") as api:
            status, data = await sound_of(api, name)
            assert status == 200
            status, part = await sound_of(api, name, Range="bytes=44-1043")
            assert (status, part) == (206, data[44:1044])
            for start in range(0, len(data), 4096):  # as a browser fetches: in pieces
                await sound_of(api, name, Range=f"bytes={start}-{start + 4095}")
            drawn = await api.get(f"/recordings/{name}/waveform")
    assert (await centre.supervisor.get(f"/calls/{record['id']}"))["recording_ids"] == [name]
    assert seconds_of(data, CALLER_TONE) >= 0.4
    assert seconds_of(data, AGENT_TONE) >= 0.4
    assert drawn["seconds"] == pytest.approx((len(data) - 44) / 16000, abs=0.01)
    assert max(drawn["peaks"]) > 0.05
    assert sorted(await played(centre, name)) == ["agent1", "qc1"]
    # it begins where the call's own story says so, and lies under the city's date
    began = next(entry for entry in record["timeline"] if entry["what"] == "recorded")
    assert (began["data"], began["at"]) == ({"state": "on"}, found["started_at"])
    (path,) = (centre.home.settings.home / "recordings").rglob(f"{record['id']}.wav")
    assert path.stat().st_mode & 0o077 == 0
    assert not list((centre.home.settings.pbx / "spool" / "monitor").glob(f"{record['uniqueid']}*"))


async def test_a_caller_who_comes_back_to_the_queue_has_both_call_takers_in_one_recording(
    centre: Centre,
) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat, talking(centre, number, seat) as (caller, call):
        async with centre.seat("agent2", sound=list(hum(SECOND_TONE))) as other, ami(centre.home) as do:
            await kept(centre, number, CALLER_TONE, AGENT_TONE)
            # the first telephone's leg dies of something that nobody wished
            await do("Hangup", Channel=f"/^PJSIP\\/{seat.phone.username}-/", Cause="31")
            await call.ended(20)
            again = await other.phone.ringing(40)
            await again.answer(20)
            await caller.media.hears(SECOND_TONE, timeout=30)
            await kept(centre, number, SECOND_TONE)
            again.hang_up()
            await caller.ended(20)
        record = await centre.record(number, timeout=20)
    assert "rescued" in record["flags"]
    assert [entry["what"] for entry in record["timeline"]].count("recorded") == 1
    _, data = await sound_of(centre.supervisor, (await filed(centre, record["id"]))["id"])
    heard = {hertz: seconds_of(data, hertz) for hertz in (CALLER_TONE, AGENT_TONE, SECOND_TONE)}
    assert min(heard.values()) >= 0.4, (heard, len(data))


async def test_a_bridge_that_dies_before_the_end_costs_no_recording(centre: Centre) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat:
        async with talking(centre, number, seat) as (caller, call):
            await kept(centre, number, CALLER_TONE)
            os.kill(centre.home.pid("ami_bridge"), signal.SIGKILL)
            caller.hang_up()
            await call.ended(20)
        await well_again(centre.home, 60)
        record = await centre.record(number, timeout=40)
        found = await filed(centre, record["id"])
    _, data = await sound_of(centre.supervisor, found["id"])
    assert seconds_of(data, CALLER_TONE) >= 0.2
    assert (record["ending"], found["mended"]) == ("answered", False)


async def test_a_fresh_word_that_the_disk_is_low_records_nothing_and_keeps_nobody_waiting(
    centre: Centre,
) -> None:
    """The dialplan alone decides: whoever wrote the word stands still meanwhile."""
    number = fresh_number()
    pid = centre.home.pid("ami_bridge")
    async with centre.seat("agent1") as seat, ami(centre.home) as do:
        async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
            await caller.answered(20)
            os.kill(pid, signal.SIGSTOP)
            try:
                await do("Setvar", Variable="PSAP_RECORD", Value=f"off:{int(time.time()) + 4}")
                await caller.press("0")
                call = await seat.phone.ringing(40)
                await call.answer(20)
                await caller.media.hears(AGENT_TONE, timeout=20)
            finally:
                os.kill(pid, signal.SIGCONT)
            caller.hang_up()
            await call.ended(20)
        record = await centre.record(number, timeout=30)
    assert (record["ending"], record["agent"]) == ("answered", "agent1")
    assert [entry["data"] for entry in record["timeline"] if entry["what"] == "recorded"] == [
        {"state": "low"}
    ]
    assert not list((centre.home.settings.pbx / "spool" / "monitor").glob(f"{record['uniqueid']}*"))
    assert (await centre.supervisor.get(f"/calls/{record['id']}/recordings"))["items"] == []


async def test_how_well_a_browser_heard_is_kept_with_the_call(centre: Centre) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat:
        async with talking(centre, number, seat) as (caller, call):
            running = (await centre.supervisor.calls_of(number))[0]["id"]
            for loss, jitter in ((0.0, 4.0), (0.1, 30.0)):
                await seat.api.post(f"/calls/{running}/quality", {"loss": loss, "jitter_ms": jitter})
            async with Api(centre.home.http_url, "agent2") as stranger:
                with pytest.raises(ApiError) as refused:
                    await stranger.post(f"/calls/{running}/quality", {"loss": 0.5})
                assert refused.value.status == 403
            caller.hang_up()
            await call.ended(20)
        record = await centre.record(number, timeout=20)
    (mine,) = record["quality"]
    assert (mine["agent"], mine["samples"], mine["level_in"]) == ("agent1", 2, None)
    assert (mine["loss"], mine["loss_worst"]) == (0.05, 0.1)
    assert (mine["jitter_ms"], mine["jitter_ms_worst"]) == (17.0, 30.0)


async def test_where_the_city_wants_it_callers_are_told_before_the_queue_but_not_who_cannot_speak(
    centre: Centre,
) -> None:
    sounds = centre.home.settings.pbx / "sounds" / "psap"
    names = ["id/recorded", "en/recorded"]
    heard: dict[str, list[str]] = {}
    async with centre.seat("agent1") as seat, ami(centre.home) as do:
        await do("Setvar", Variable="PSAP_ANNOUNCE", Value="&".join(str(sounds / name) for name in names))
        try:
            for keys in ("0", "55"):
                await centre.agent_is("agent1", "ready")
                number = fresh_number()
                async with centre.caller(number) as caller:
                    since = await caller.answered(20)
                    await caller.press(keys)
                    call = await seat.phone.ringing(40)
                    heard[keys] = [name for _, name in prompts_heard(caller.media, sounds, names, since)]
                    await call.answer(20)
                    caller.hang_up()
                    await call.ended(20)
                record = await centre.record(number, timeout=20)
                what = [entry["what"] for entry in record["timeline"]]
                assert what.index("recorded") < what.index("queued")
        finally:
            await do("Setvar", Variable="PSAP_ANNOUNCE", Value="")
    assert heard == {"0": names, "55": []}


@pytest.mark.parametrize(
    "how", ["cold", pytest.param("warm", marks=pytest.mark.long)], ids=["sent-on", "asked-in-and-left"]
)
async def test_a_recording_of_a_transferred_call_holds_both_call_takers(centre: Centre, how: str) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat, talking(centre, number, seat) as (caller, call):
        async with centre.seat("agent2", sound=list(hum(SECOND_TONE))) as other:
            await kept(centre, number, CALLER_TONE, AGENT_TONE)
            mine = (await centre.supervisor.calls_of(number))[0]["id"]
            to = {"to": {"kind": "agent", "id": "agent2"}, "how": how}
            await seat.api.post(f"/calls/{mine}/transfer", to)
            second = await other.phone.ringing(40)
            await second.answer(20)
            await caller.media.hears(SECOND_TONE, timeout=30, share=0.2)
            if how == "warm":  # the three of them, until the first one leaves
                await seat.api.post(f"/calls/{mine}/leave")
            await call.ended(20)
            await kept(centre, number, SECOND_TONE)
            second.hang_up()
            await caller.ended(20)
        record = await centre.record(number, timeout=20)
    assert [entry["what"] for entry in record["timeline"]].count("recorded") == 1
    _, data = await sound_of(centre.supervisor, (await filed(centre, record["id"]))["id"])
    heard = {hertz: seconds_of(data, hertz) for hertz in (CALLER_TONE, AGENT_TONE, SECOND_TONE)}
    assert min(heard.values()) >= 0.4, (heard, len(data))


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_disk_that_fills_up_stops_recordings_and_no_call(tmp_path: Path) -> None:
    """Low: new calls are not recorded. Full: what is being recorded stops. Room again: recorded again."""
    with small_disk(tmp_path / "small") as folder:
        home = Home(folder / "home", env={"PSAP_TIMER_SCALE": "0.2"}).start()
        filler = home.settings.home / "filler"

        def leave(free: int) -> None:
            with filler.open("ab") as file:
                for _ in range(100):  # what is being recorded takes room between the look and the taking
                    size = shutil.disk_usage(folder).free - free
                    with contextlib.suppress(OSError):
                        os.posix_fallocate(file.fileno(), 0, filler.stat().st_size + max(1, size))
                        return
            raise AssertionError(f"no way to leave {free} bytes: {shutil.disk_usage(folder)}")

        async def states(centre: Centre, number: str) -> list[str]:
            record = await centre.record(number, timeout=40)
            assert record["ending"] == "answered"
            return [entry["data"]["state"] for entry in record["timeline"] if entry["what"] == "recorded"]

        try:
            async with AsyncExitStack() as stack:
                centre = Centre(home, stack)
                await centre.open()
                async with centre.seat("agent1") as seat:
                    numbers = [fresh_number() for _ in range(3)]
                    async with talking(centre, numbers[0], seat) as (caller, _):
                        spool = home.settings.pbx / "spool" / "monitor"
                        (path,) = spool.glob("*.wav")
                        await asyncio.to_thread(leave, 4096)
                        await stands_still(path)
                        assert seat.phone.media.share(CALLER_TONE) > 0.3  # the call went on
                        caller.hang_up()
                    assert await states(centre, numbers[0]) == ["on"]
                    await asyncio.to_thread(filler.unlink)
                    await asyncio.to_thread(leave, disk.low_limit(shutil.disk_usage(folder).total) * 3 // 4)
                    await disk_is(home, "degraded")
                    await centre.agent_is("agent1", "ready")
                    async with talking(centre, numbers[1], seat) as (caller, _):
                        caller.hang_up()
                    assert await states(centre, numbers[1]) == ["low"]
                    await asyncio.to_thread(filler.unlink)
                    await disk_is(home, "up")
                    await centre.agent_is("agent1", "ready")
                    async with talking(centre, numbers[2], seat) as (caller, _):
                        caller.hang_up()
                    assert await states(centre, numbers[2]) == ["on"]
                    for number, count in zip(numbers, (1, 0, 1), strict=True):
                        record = await centre.record(number)
                        if count:
                            await filed(centre, record["id"])
                        else:
                            told = await centre.supervisor.get(f"/calls/{record['id']}/recordings")
                            assert told["items"] == []
        finally:
            home.stop()


async def stands_still(path: Path, timeout: float = 40) -> None:
    """Wait until nothing was written to a file for three seconds."""
    async with asyncio.timeout(timeout):
        while time.time() - path.stat().st_mtime < 3:  # noqa: ASYNC110 - Asterisk tells nobody
            await asyncio.sleep(0.2)


async def disk_is(home: Home, state: str, timeout: float = 40) -> None:
    """Wait until the bridge says this of the disk, and two seconds of its words to the dialplan more."""
    found = ""
    async with asyncio.timeout(timeout):
        while found != state:
            parts = (await ask(home.settings.bridge_socket, "health"))["parts"]
            found = parts.get("disk", {}).get("state", "up")
            await asyncio.sleep(0.2)
    await asyncio.sleep(2)
