"""One side of ``./112 bench bridge``, a process of its own: ``python -m bench.bridge_side SIDE PORT``.

It connects to the AMI server on PORT as the home's bridge (PSAP_HOME), says ``ready``, and for each line
``COUNT`` or ``COUNT profile`` on its input takes so many more events, works until nothing is left to do,
and answers with a line of JSON: ``{"cpu": seconds, "profile": [[share, module, function], ...]}``.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import logging
import pstats
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from panoramisk.manager import Manager

from ami_bridge.bridge import Bridge
from ami_bridge.link import Link
from ami_bridge.publisher import Publisher
from ami_bridge.translate import agent_fact, call_fact
from ami_bridge.wire import Headers
from psap.agencies.profile import load_profile
from psap.callers.numbers import normalise
from psap.calls.service import Following, Ports
from psap.platform.clock import SystemClock
from psap.platform.hot import Hot
from psap.platform.log import setup_log
from psap.platform.settings import ROOT, Settings, load_secrets, load_settings

SIDES = ("split", "panoramisk", "parse", "translate", "track", "publish", "bridge")
SHOWN = 12  # functions of a profile
LOOKS_EVERY = 0.005  # seconds


class Side(Protocol):
    """What is measured. ``seen``: events so far; ``idle``: nothing of them is left to do.

    ``greeting``: how many events it counts before ours (Asterisk's FullyBooted).
    """

    greeting: int

    @property
    def seen(self) -> int: ...
    @property
    def idle(self) -> bool: ...
    async def run(self) -> None: ...


class Split(asyncio.Protocol):
    """The least that anybody could do with the bytes: find where events end."""

    idle = True
    greeting = 1

    def __init__(self, settings: Settings, secret: str) -> None:
        self._settings, self._secret = settings, secret
        self._rest = b""
        self.seen = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", self._settings.ami_link_port)
        login = ["Action: Login", "ActionID: 1", "Username: bridge", f"Secret: {self._secret}"]
        transport.write(("\r\n".join(login) + "\r\n\r\n").encode())
        await asyncio.Event().wait()

    def data_received(self, data: bytes) -> None:
        *events, self._rest = (self._rest + data).split(b"\r\n\r\n")
        self.seen += sum(event.startswith(b"Event: ") for event in events)


class Panoramisk:
    """panoramisk as it is meant to be used, with one pattern that does nothing."""

    idle = True
    greeting = 1

    def __init__(self, settings: Settings, secret: str) -> None:
        self._manager = Manager(
            host="127.0.0.1", port=settings.ami_link_port, username="bridge", secret=secret, ping_delay=10
        )
        self._manager.register_event("*", self._take)
        self.seen = 0

    def _take(self, _manager: Manager, _event: Any) -> None:
        self.seen += 1

    async def run(self) -> None:
        self._manager.loop = asyncio.get_running_loop()
        await self._manager.connect()
        await asyncio.Event().wait()


class Linked:
    """Our link, and of the work behind it as much as ``on_event`` does."""

    greeting = 0

    def __init__(self, settings: Settings, secret: str, on_event: Callable[[Headers], None]) -> None:
        async def up() -> None:
            pass

        self._link = Link(
            "127.0.0.1",
            settings.ami_link_port or settings.ami_port,
            "bridge",
            secret,
            on_event=on_event,
            on_up=up,
            on_down=lambda why: None,
            log=setup_log("bench"),
        )
        self.publisher: Publisher | None = None

    @property
    def seen(self) -> int:
        return int(self._link.figures()["events"])

    @property
    def idle(self) -> bool:
        return self.publisher is None or not self.publisher.waiting

    async def run(self) -> None:
        tasks = [self._link.run()] + ([self.publisher.run()] if self.publisher else [])
        await asyncio.gather(*tasks)


class Whole:
    """The bridge as ``python -m ami_bridge`` runs it."""

    greeting = 0

    def __init__(self, settings: Settings) -> None:
        profile = load_profile(settings.home / "profile.toml")
        self._bridge = Bridge(settings, profile, SystemClock(), setup_log("ami_bridge"))

    @property
    def seen(self) -> int:
        return int(self._bridge.link.figures()["events"])

    @property
    def idle(self) -> bool:
        bridge = self._bridge
        return not (bridge.following.calls or bridge.publisher.waiting or bridge.recorder.waiting)

    async def run(self) -> None:
        await self._bridge.run(asyncio.Event())


def follow(following: Following) -> Callable[[Headers], None]:
    """Events into a tracker, as the bridge puts them there."""

    def on_event(headers: Headers) -> None:
        if (fact := call_fact(headers)) is not None:
            following.take(fact)
        elif (about_agent := agent_fact(headers)) is not None:
            following.take_agent(about_agent)

    return on_event


def translate(headers: Headers) -> None:
    """Events into facts that nobody takes."""
    if call_fact(headers) is None:
        agent_fact(headers)


def make(side: str, settings: Settings) -> Side:
    """The side of this name."""
    secret = load_secrets(settings.home).ami_bridge
    if side == "split":
        return Split(settings, secret)
    if side == "panoramisk":
        return Panoramisk(settings, secret)
    if side == "bridge":
        return Whole(settings)
    if side in ("parse", "translate"):
        return Linked(settings, secret, translate if side == "translate" else lambda headers: None)
    publisher = Publisher(Hot(settings.effective_redis_url)) if side == "publish" else None
    ports = Ports(
        publish=publisher.put if publisher is not None else lambda event: None,
        record=lambda call, key: None,
        spoke=lambda channel, word: None,
        look_up=lambda call_id, key: None,
        no_response=lambda tracker: None,
        later=lambda seconds, work: work(),
        describe=lambda number, _key, presentation: normalise(number, presentation, "024"),
    )
    linked = Linked(settings, secret, follow(Following(settings.profile, SystemClock(), ports)))
    linked.publisher = publisher
    return linked


def shares(profile: cProfile.Profile) -> list[tuple[float, str, str]]:
    """(share of the time, module, function) of what took most by itself."""
    stats: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    waits = ("select.epoll", "_asyncio.Future", "{method 'poll'")
    rows = [
        (own, place[0], place[2])
        for place, (_calls, _all_calls, own, _whole, _callers) in stats.items()
        if not any(word in place[2] for word in waits)
    ]
    total = sum(own for own, _, _ in rows) or 1.0
    rows.sort(reverse=True)
    return [(own / total, _module(path), name) for own, path, name in rows[:SHOWN]]


def _module(path: str) -> str:
    if path.startswith(str(ROOT)) and "site-packages" not in path:
        return str(Path(path).relative_to(ROOT))
    if "site-packages/" in path:
        return path.partition("site-packages/")[2].partition("/")[0]
    return "Python" if path != "~" else "built in"


async def serve(side: Side) -> None:
    """Answer the lines of our input until it ends."""
    running = asyncio.create_task(side.run())
    print("ready", flush=True)
    expected = side.greeting
    while line := await asyncio.to_thread(sys.stdin.readline):
        count, _, how = line.strip().partition(" ")
        expected += int(count)
        profile = cProfile.Profile() if how == "profile" else None
        began = time.process_time()
        if profile is not None:
            profile.enable()
        while not (side.seen >= expected and side.idle):
            if running.done():
                running.result()
                raise RuntimeError("the side ended by itself")
            await asyncio.sleep(LOOKS_EVERY)
        if profile is not None:
            profile.disable()
        used = time.process_time() - began
        if side.seen != expected:
            raise RuntimeError(f"{side.seen} events where {expected} were sent")
        print(
            json.dumps({"cpu": used, "profile": shares(profile) if profile is not None else []}), flush=True
        )
    running.cancel()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    there = {"ami_link_port": int(sys.argv[2])}
    asyncio.run(serve(make(sys.argv[1], load_settings().model_copy(update=there))))
