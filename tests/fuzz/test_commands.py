"""The bridge's local socket: lines from a program that is broken, or is not ours.

Guaranteed for every input: each line gets exactly one answer, one JSON object on one line with the same
id, and either a result or an error whose key is one of the contract's; a line that is no command changes
nothing; the server goes on serving. The methods are the real ones, over a real Following.
"""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ami_bridge.commands import CommandServer
from ami_bridge.web_phones import WebPhones
from ami_bridge.wire import LinkAwayError
from ami_bridge.wishes import Wishes
from psap.callers.numbers import normalise
from psap.calls import facts as f
from psap.calls.service import Following, Ports
from psap.platform.clock import FixedClock
from psap.platform.control import ControlError
from tests.fuzz.machine import SEED, examples_of, mutate, sizes

KEYS = {"bad_request", "unknown_method", "not_found", "asterisk_away", "database_away", "no_phone"}
METHODS = (
    "snapshot",
    "agent.login",
    "agent.logout",
    "agent.pause",
    "agent.unpause",
    "call.classify",
    "call.link_incident",
    "blocks.sync",
    "phones.sync",
    "phone.open",
    "phone.close",
)
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e300,
    10**30,
    "",
    "x" * 5000,
    "\n",
    "\0",
    "\ud800",
    "a\r\nAction: Login",
    [],
    {},
    [[]],
    ["62"],
    {"a": 1},
    "agent1",
    "prank",
    "bukan",
    "📞",
    2**63,
    [None],
    ["6281"] * 50,
)
NAMES = ("agent", "reason", "call_id", "classification", "note", "by", "end", "incident_id", "keys", "x")


class Log:
    """What the server holds for a fault of its own."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def error(self, event: str, **fields: object) -> None:
        self.said.append(f"{event} {fields.get('error')}")


class Away:
    """Asterisk and the database, away: what needs them says so."""

    def __getattr__(self, name: str) -> Any:
        async def refuse(*_args: object) -> None:
            raise LinkAwayError("there is no connection to Asterisk")

        return refuse


class NoDatabase:
    def reading(self) -> Any:
        raise ControlError("database_away", "the database does not answer")

    writing = reading

    def __getattr__(self, name: str) -> Any:
        async def refuse(*_args: object) -> None:
            raise ControlError("database_away", "the database does not answer")

        return refuse


def wishes() -> tuple[Wishes, Following]:
    """The real commands over one call in progress, with nobody behind them."""
    following = Following(
        "semarang",
        FixedClock(1_700_000_000_000_000),
        Ports(
            publish=lambda event: None,
            record=lambda call, key: None,
            spoke=lambda channel, word: None,
            look_up=lambda call_id, key: None,
            no_response=lambda tracker: None,
            later=lambda seconds, work: None,
            describe=lambda number, key, pres: normalise(number, pres, "024"),
        ),
    )
    following.take(f.Started(1_700_000_000_000_000, "smg-1.1", "PJSIP/trunk-00000001", "112"))
    following.desk.load({"phone1": ("agent1", "Agen 1")}, 0)
    recorder = SimpleNamespace(pending=lambda call_id: None, mark=lambda mark: None)
    made = Wishes(
        cast(Any, SimpleNamespace(pbx=Path("/nonexistent"))),
        following,
        cast(Any, Away()),
        cast(Any, SimpleNamespace(sync=Away().sync)),
        cast(Any, recorder),
        cast(Any, NoDatabase()),
        lambda: {},
        telephones(following),
    )
    return made, following


def telephones(following: Following) -> WebPhones:
    """The real ones, with nobody behind them."""

    async def no_sync(_params: object) -> dict[str, Any]:
        raise LinkAwayError("there is no connection to Asterisk")

    return WebPhones(
        cast(Any, NoDatabase()),
        cast(Any, Away()),
        cast(Any, Away()),
        following,
        sync_phones=no_sync,
        publish=lambda event: None,
        soon=lambda wish: wish.close(),
        log=Log(),
    )


def line(draw: random.Random, call_id: str) -> bytes:
    """A command, at times whole, often with accidents."""
    params: Any = {draw.choice(NAMES): draw.choice((*ODD, call_id)) for _ in range(draw.randint(0, 4))}
    if draw.random() < 0.15:
        params = draw.choice(ODD)
    request: Any = {"id": draw.choice((1, *ODD)), "method": draw.choice(METHODS), "params": params}
    if draw.random() < 0.2:
        request[draw.choice(("id", "method", "params"))] = draw.choice(ODD)
    if draw.random() < 0.1:
        request.pop(draw.choice(("id", "method", "params")))
    if draw.random() < 0.03:
        request = draw.choice(ODD)
    said = json.dumps(request).encode()
    if draw.random() < 0.4:
        said = mutate(
            draw,
            said,
            (b'"id":', b"[" * 3000, b"NaN", b"-Infinity", b"1" * 5000, b"\\ud800", b"\xff"),
            most=3,
        )
    return said.replace(b"\n", b" ")


async def answers(socket: Path, said: list[bytes]) -> list[bytes]:
    """What the server says to lines on one connection."""
    reader, writer = await asyncio.open_unix_connection(str(socket), limit=2**24)
    writer.write(b"".join(each + b"\n" for each in said))
    writer.write_eof()
    heard = (await asyncio.wait_for(reader.read(), 30)).split(b"\n")
    writer.close()
    assert heard.pop() == b""
    return heard


def check(said: bytes, heard: bytes) -> None:
    """The guarantees above, for one line."""
    answer = json.loads(heard, parse_constant=pytest.fail)
    assert set(answer) in ({"id", "ok", "result"}, {"id", "ok", "error"})
    if not answer["ok"]:
        assert answer["error"]["key"] in KEYS, answer
        assert answer["error"]["detail"]
    try:
        asked = json.loads(said)
    except (ValueError, RecursionError):
        assert not answer["ok"]
        return
    if isinstance(asked, dict):
        given = asked.get("id")
        assert answer["id"] == (given if isinstance(given, str | int) else None)


async def run(folder: Path, said: list[bytes]) -> None:
    log = Log()
    made, following = wishes()
    server = CommandServer(folder / "s", cast(Any, made.methods() | telephones(following).methods()), log)
    await server.start()
    try:
        for start in range(0, len(said), 100):
            part = said[start : start + 100]
            heard = await answers(folder / "s", part)
            assert len(heard) == len(part)
            for asked, told in zip(part, heard, strict=True):
                try:
                    check(asked, told)
                except Exception as error:
                    raise AssertionError(
                        f"FUZZ_SEED={SEED}: {error!r}\n{asked[:600]!r}\n{told[:600]!r}"
                    ) from error
            assert not log.said, log.said[:3]
        assert len(following.calls) == 1
    finally:
        await server.stop()


@sizes(300)
async def test_whatever_is_said(tmp_path: Path, inputs: int) -> None:
    call_id = next(iter(wishes()[1].by_id))
    await run(tmp_path, examples_of("control socket", inputs, lambda draw: line(draw, call_id)))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b'{"id":1,"method":["snapshot"]}', id="a list for a name"),
        pytest.param(b'{"id":1,"method":{}}', id="an object for a name"),
        pytest.param(b"[" * 100_000, id="brackets without end"),
        pytest.param(b'{"id":1' + b"1" * 5000 + b',"method":"snapshot"}', id="an id beyond all digits"),
        pytest.param(b'{"id":NaN,"method":"snapshot"}', id="an id that is no number"),
        pytest.param(b'{"id":1e999,"method":"snapshot"}', id="an endless id"),
        pytest.param(b'{"id":"\\ud800","method":"snapshot"}', id="half a character for an id"),
        pytest.param(
            b'{"id":1,"method":"agent.login","params":{"agent":"\\ud800"}}',
            id="half a character for an agent",
        ),
        pytest.param(
            b'{"id":1,"method":"blocks.sync","params":{"keys":["a\\r\\nAction: x"]}}',
            id="a line break in a key",
        ),
        pytest.param(b"", id="nothing"),
        pytest.param(b"null", id="null"),
        pytest.param(b"\xff\xfe{\x00", id="another encoding"),
    ],
)
async def test_found_before(tmp_path: Path, said: bytes) -> None:
    await run(tmp_path, [said])


async def test_it_can_tell(tmp_path: Path) -> None:
    """The oracle sees a good command through."""
    made, following = wishes()
    server = CommandServer(tmp_path / "s", cast(Any, made.methods() | telephones(following).methods()), Log())
    await server.start()
    told = json.loads((await answers(tmp_path / "s", [b'{"id":7,"method":"snapshot"}']))[0])
    await server.stop()
    assert (told["id"], told["ok"], len(told["result"]["calls"])) == (7, True, 1)
