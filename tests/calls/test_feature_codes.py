"""Feature codes of a desk phone: what they say is so of the browser's telephone too."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from psap.platform import pbx_root
from psap.queue.model import web_name
from tests.faults.breaking import killed, recovered
from tests.faults.feature_code import dial
from tests.support.centre import Centre, phone_account

pytestmark = [pytest.mark.calls, pytest.mark.timeout(120)]


async def test_a_code_at_the_desk_counts_for_the_browser_too(centre: Centre, tmp_path: Path) -> None:
    """The desk said "logged out", and the page's telephone went on being rung."""
    home = centre.home
    account = await asyncio.to_thread(phone_account, home, "agent3")
    names = [f"PJSIP/{account['username']}", f"PJSIP/{web_name(account['username'])}"]

    async def asterisk(command: str) -> str:
        return await asyncio.to_thread(pbx_root.asterisk_rx, home.settings, command)

    async def join(name: str) -> None:
        await asterisk(f"queue add member {name} to psap112 penalty 1 as agent3 state_interface {name}")

    async def members() -> list[str]:
        lines = (await asterisk("queue show psap112")).splitlines()
        return [line for line in lines if any(f"({name}" in line for name in names)]

    async with killed(home, "ami_bridge"):  # it would bring the desk back where no browser is
        await join(names[1])  # as of who works with the page
        await dial(home, account, "*13", tmp_path)
        (line,) = await members()
        assert "(paused:phone" in line
        await join(names[0])
        await dial(home, account, "*14", tmp_path)
        lines = await members()
        assert len(lines) == 2
        assert not any("paused" in line or "penalty" in line for line in lines)
        await dial(home, account, "*12", tmp_path)
        assert await members() == []
    await recovered(home)
