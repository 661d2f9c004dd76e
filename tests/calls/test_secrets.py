"""Passwords are changed in the middle of a conversation, and only whoever stole the old ones notices."""

from __future__ import annotations

import asyncio
import json
import secrets
import stat

import aiohttp
import pytest

from psap.platform.settings import Secrets, Settings, load_secrets
from psap.sip.phone import DeskPhone
from psap.sip.sipp import SippError
from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, fresh_number, hum

pytestmark = pytest.mark.calls


async def ami_lets_in(settings: Settings, username: str, secret: str) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.ami_port)
    try:
        writer.write(f"Action: Login\r\nUsername: {username}\r\nSecret: {secret}\r\n\r\n".encode())
        async with asyncio.timeout(20):
            while not (line := await reader.readline()).startswith(b"Response:"):
                assert line
        return b"Success" in line
    finally:
        writer.close()


async def doors(settings: Settings, held: Secrets) -> dict[str, bool]:
    """Which passwords open something."""
    found = {
        name: await ami_lets_in(settings, name, getattr(held, f"ami_{name}"))
        for name in ("bridge", "status", "guard")
    }
    url = f"http://127.0.0.1:{settings.pbx_http_port}/ari/asterisk/info"
    async with (
        aiohttp.ClientSession(auth=aiohttp.BasicAuth("psap", held.ari)) as http,
        http.get(url) as answer,
    ):
        assert answer.status in (200, 401)
        return found | {"ari": answer.status == 200}


async def test_rotating_in_the_middle_of_a_conversation(centre: Centre) -> None:
    settings, number = centre.home.settings, fresh_number()
    old = load_secrets(settings.home)
    assert all((await doors(settings, old)).values())
    async with centre.seat("agent1") as seat, centre.caller(number) as caller:
        await caller.answered(20)
        await caller.press("0")
        call = await seat.phone.ringing(20)
        await call.answer()
        await centre.live.wait("call.answered", number=number, timeout=20)
        told = await asyncio.to_thread(centre.home.cli, "secrets", "rotate", "--json")
        assert json.loads(told.stdout[told.stdout.index("{") :])["bridge"] is True
        new = load_secrets(settings.home)
        assert not set(old.model_dump().values()) & {new.ami_bridge, new.ami_status, new.ami_guard, new.ari}
        assert new.audit == old.audit
        assert not any((await doors(settings, old)).values())
        assert all((await doors(settings, new)).values())
        caller.media.background = list(hum(CALLER_TONE))
        await asyncio.gather(
            caller.media.hears(AGENT_TONE, timeout=20), seat.phone.media.hears(CALLER_TONE, timeout=20)
        )
        hung_up = caller.hang_up()
        assert await call.ended(20) == "caller"
        record = await centre.record(number, timeout=20)
        assert (record["ending"], record["ended_by"], record["agent"]) == ("answered", "caller", "agent1")
        assert record["gate"]["result"] == "key0"
        assert call.talked_from is not None
        assert record["talk_seconds"] == pytest.approx(hung_up - call.talked_from, abs=1.0)
        assert [leg["end"] for leg in record["legs"]] == ["answered"]
        # the next call, seen by a bridge that logged in anew
        again = fresh_number()
        async with centre.caller(again) as second:
            await second.answered(20)
            await second.press("0")
            rings = await seat.phone.ringing(20)
            await rings.answer()
            second.hang_up()
            await rings.ended(20)
        assert (await centre.record(again, timeout=20))["ending"] == "answered"
    assert centre.home.status()["healthy"] is True
    assert stat.S_IMODE((settings.home / "secrets.json").stat().st_mode) == 0o600


@pytest.mark.long
async def test_one_telephones_password(centre: Centre) -> None:
    """The old password registers nothing any more, the new one does; the name stays."""
    name = f"putar{secrets.randbelow(10**6)}"
    home = centre.home

    async def cli(*words: str) -> str:
        return (await asyncio.to_thread(home.cli, *words)).stdout

    await cli("users", "add", name)
    old = json.loads(await cli("phone", name, "--json"))

    def phone(account: dict[str, str]) -> DeskPhone:
        return DeskPhone(
            centre.desk_lines, account["username"], account["password"], domain=account["domain"]
        )

    async with phone(old):
        pass
    new = json.loads(await cli("secrets", "rotate", "--phone", name, "--json"))
    assert new["username"] == old["username"]
    assert new["password"] != old["password"]
    async with phone(new):
        pass
    with pytest.raises((SippError, TimeoutError, AssertionError, OSError)):
        async with phone(old):
            pass
    await cli("users", "disable", name)
