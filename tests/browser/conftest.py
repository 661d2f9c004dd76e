"""A real Chromium, one for all browser tests; each test gets a profile of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import expect

from tests.browser.desk import Desk, chromium
from tests.browser.speaking import go_ready, leave, sign_in, speaking
from tests.support.centre import Centre
from tests.support.home import Home

# two cores may be shared by much: what shows at all shows within this; who measures gives a time of its own
expect.set_options(timeout=20_000)


@pytest.fixture
async def desk(home: Home) -> AsyncIterator[Desk]:
    """agent1's browser, not signed in yet. A script error or a refused resource fails the test."""
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(chromium())
        made = await Desk.open(browser, home.http_url)
        yield made
        assert made.complaints == []


@pytest.fixture
async def phone(centre: Centre) -> AsyncIterator[Desk]:
    """agent1, ready, with this browser as the telephone."""
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(speaking())
        desk = await sign_in(browser, centre.home.http_url)
        await go_ready(desk)
        yield desk
        await leave(desk)
        assert desk.complaints == []
