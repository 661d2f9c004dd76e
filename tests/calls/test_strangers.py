"""Callers who lie about themselves: nothing they write is taken for an event, an identity or a command."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from psap.platform.settings import load_secrets
from psap.sip.caller import Caller
from psap.sip.sipp import Lines, SippError
from tests.support.centre import Centre, fresh_number, phone_account

pytestmark = pytest.mark.calls

MARK = "palsu"  # stands in every hostile text, and must stand nowhere else afterwards
FORGED = (
    f"%0D%0A%0D%0AEvent%3A%20QueueMemberPause%0D%0AQueue%3A%20psap112%0D%0AMemberName%3A%20agent1"
    f"%0D%0APaused%3A%201%0D%0APausedReason%3A%20{MARK}%0D%0A%0D%0A"
)
CONNECT = f"1%0D%0AEvent%3A%20AgentConnect%0D%0AMemberName%3A%20agent1%0D%0A{MARK}%3A%201"
TERM = str(200 + secrets.randbelow(700))  # nobody called with it ten minutes ago
NAMELESS = {"number": None, "kind": "unknown", "presentation": "allowed"}
WITHHELD = {"number": None, "kind": "withheld", "presentation": "withheld"}


@dataclass(frozen=True)
class Lie:
    """What a stranger writes, with @NUMBER@ for a true number of his own, and what may be believed."""

    id: str
    sender: str | bytes
    extra: str | bytes = "X-Psap: 1"
    caller: Any = None  # None: the true number


LIES = [
    Lie("events in From", f'"a" <sip:{FORGED}@127.0.0.2>', caller=NAMELESS),
    Lie("events after a number", f"<sip:@NUMBER@{FORGED}@127.0.0.2>", caller=NAMELESS),
    Lie("a connection in From", f"<sip:{CONNECT}@127.0.0.2>", caller=NAMELESS),
    Lie("events in the name", f'"{MARK}{FORGED}" <sip:@NUMBER@@127.0.0.2>'),
    Lie(
        "events in the identity",
        "<sip:@NUMBER@@127.0.0.2>",
        f"P-Asserted-Identity: <sip:{FORGED}@x>",
        NAMELESS,
    ),
    Lie("events in its name", "<sip:@NUMBER@@x>", f'P-Asserted-Identity: "{FORGED}" <sip:@NUMBER@@x>'),
    Lie(
        "events in a tel identity",
        "<sip:@NUMBER@@127.0.0.2>",
        f"P-Asserted-Identity: <tel:{FORGED}>",
        NAMELESS,
    ),
    Lie("quotes and commas", f'"{MARK},\\"a\\",b" <sip:@NUMBER@@127.0.0.2>'),
    Lie("an address in the name", f'"{MARK} <sip:08119999999@x>" <sip:@NUMBER@@127.0.0.2>'),
    # a bracket ends a function of the dialplan, and what follows a colon behind it cuts what it gave
    Lie("a bracket behind an address in the name", f'"{MARK} <sip:08119999999@x>)" <sip:@NUMBER@@127.0.0.2>'),
    Lie("a smile in the name", f'"{MARK} :)" <sip:@NUMBER@@127.0.0.2>'),
    Lie("a sad one, and a part of it", f'"{MARK} ):0:24" <sip:@NUMBER@@127.0.0.2>'),
    Lie("brackets that open", f'"{MARK} ((([[[{{{{ :2" <sip:@NUMBER@@127.0.0.2>'),
    Lie(
        "an end of everything",
        f'"{MARK})}}]),PSAP_KEY=628119999999,PSAP_NUMBER=08119999999\t;:3" <sip:@NUMBER@@127.0.0.2>',
    ),
    Lie("backslashes", f'"{MARK}\\\\)\\" <sip:08119999999@x>\\\\):\\"" <sip:@NUMBER@@127.0.0.2>'),
    Lie("a bracket in the parameters", '<sip:@NUMBER@@127.0.0.2;a=)>;b=")>:0:9"'),
    Lie(
        "a bracket behind an address in the identity's name",
        "<sip:08119999998@x>",
        f'P-Asserted-Identity: "{MARK} <sip:08119999999@x>)" <sip:@NUMBER@@x>',
    ),
    Lie(
        "a smile in the identity's name",
        "<sip:08119999998@x>",
        f'P-Asserted-Identity: "{MARK} :)" <sip:@NUMBER@@x>',
    ),
    Lie(
        "an identity that looks like none",
        "<sip:08119999998@x>",
        f"P-Asserted-Identity: ){MARK}: <sip:@NUMBER@@x>",
    ),
    Lie(
        "a hidden bracket in the user",
        "<sip:08119999998@x>",
        f"P-Asserted-Identity: <sip:{TERM}%29%3A2@x>",
        {"number": f"{TERM}2", "kind": "short"},
    ),
    Lie("shell in the name", f'"${{SHELL(touch @FILE@)}}{MARK}" <sip:@NUMBER@@127.0.0.2>'),
    Lie("shell in the user", f"<sip:$%7BSHELL(touch%20@FILE@)%7D{MARK}@127.0.0.2>", caller=NAMELESS),
    Lie(
        "sum in the user", f"<sip:$%5B{TERM}+1%5D@127.0.0.2>", caller={"number": f"{TERM}1", "kind": "short"}
    ),
    Lie("sql", f'"\'; DROP TABLE calls; -- {MARK}" <sip:@NUMBER@@127.0.0.2>'),
    Lie("sql in the user", f"<sip:'OR'1'='1{MARK}@127.0.0.2>", caller=NAMELESS),
    Lie("html", f'"<script>alert({MARK})</script>" <sip:@NUMBER@@127.0.0.2>'),
    Lie("a long name", f'"{MARK * 60}" <sip:@NUMBER@@127.0.0.2>'),
    # a function and its text have so much room, and the end is lost: there the number stands
    Lie(
        "a name that leaves no room for the number",
        f'"{"x" * 3995}<sip:08119999999@x>{"y" * 30}" <sip:@NUMBER@@127.0.0.2>',
    ),
    Lie(
        "an identity's name that leaves no room for the number",
        "<sip:08119999998@x>",
        f'P-Asserted-Identity: "{"x" * 3985}<sip:08119999999@x>{"y" * 30}" <sip:@NUMBER@@x>',
    ),
    Lie("a long user", f"<sip:{MARK * 60}@127.0.0.2>", caller=NAMELESS),
    Lie("long digits", f"<sip:{'8' * 300}@127.0.0.2>", caller={"number": "8" * 32}),
    Lie("bytes that are no text", b'"\xff\xfe\xc3\x28 ' + MARK.encode() + b'" <sip:@NUMBER@@127.0.0.2>'),
    Lie("semicolons in the user", f"<sip:@NUMBER@;{MARK}=1;b=2@127.0.0.2>"),
    Lie("an operator's parameters", "<sip:@NUMBER@@x>", "P-Asserted-Identity: <sip:@NUMBER@;cpc=ordinary@x>"),
    Lie("parameters", f"<sip:@NUMBER@@127.0.0.2;{MARK}=1>;{MARK}=2"),
    Lie("no user", "<sip:127.0.0.2>", caller=WITHHELD),
    Lie("the trunk's name", "<sip:trunk@127.0.0.2>", caller=NAMELESS),
    Lie("a phone's name", "<sip:@PHONE@@127.0.0.2>", caller=NAMELESS),
    Lie("a phone's name as a name", '"@PHONE@" <sip:@NUMBER@@127.0.0.2>'),
    Lie(
        "an agent's name in the identity", "<sip:@NUMBER@@x>", "P-Asserted-Identity: <sip:agent1@x>", NAMELESS
    ),
]


@asynccontextmanager
async def wiretap(centre: Centre) -> AsyncIterator[bytearray]:
    """Everything Asterisk says over AMI meanwhile, byte for byte."""
    settings = centre.home.settings
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.ami_port)
    secret = load_secrets(settings.home).ami_bridge
    writer.write(f"Action: Login\r\nUsername: bridge\r\nSecret: {secret}\r\n\r\n".encode())
    heard = bytearray()

    async def listen() -> None:
        while data := await reader.read(65_536):
            heard.extend(data)

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        task.cancel()
        writer.close()


async def _records(centre: Centre, dialled: set[str], timeout: float = 15) -> dict[str, list[dict[str, Any]]]:
    """dialled number -> the closed records of calls to it, once each has one."""
    found: dict[str, list[dict[str, Any]]] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            while len(found) < len(dialled):
                await asyncio.sleep(0.2)
                items = (await centre.supervisor.get("/calls?limit=200"))["items"]
                found = {}
                for item in items:
                    if item["dialled"] in dialled and item["ending"]:
                        found.setdefault(item["dialled"], []).append(item)
    return found


def _raw_text_of_logs(centre: Centre) -> dict[str, str]:
    settings = centre.home.settings
    paths = [*settings.logs.glob("*.log"), *(settings.pbx / "log").glob("*log*")]
    return {path.name: path.read_bytes().decode("latin-1") for path in paths if path.is_file()}


def _fill(text: str | bytes, **words: str) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    for name, value in words.items():
        raw = raw.replace(f"@{name.upper()}@".encode(), value.encode())
    return raw


async def test_lies_stay_lies(centre: Centre, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    file = tmp_path / "executed"
    phone = phone_account(centre.home, "agent1")["username"]
    logs_before = {name: len(text) for name, text in _raw_text_of_logs(centre).items()}
    told: dict[str, tuple[Lie, str]] = {}

    async def lie(each: Lie, dialled: str, number: str) -> None:
        words = {"number": number, "phone": phone, "file": str(file)}
        async with centre.caller(
            number,
            dialled=dialled,
            from_header=_fill(each.sender, **words),
            extra_header=_fill(each.extra, **words),
        ) as caller:
            try:
                await caller.answered(3)
            except (SippError, TimeoutError) as error:
                raise AssertionError(f"{each.id}: {error!r}") from None

    async with centre.seat("agent1") as seat, wiretap(centre) as heard:
        since = (await centre.agent_is(seat.agent, "ready"))["since"]  # told a moment after it is known
        await centre.live.wait("agent.changed", where=lambda data: data["since"] == since)
        quiet_from = len(centre.live.heard)
        for each in LIES:
            dialled, number = f"112{secrets.randbelow(10**9):09d}", fresh_number()
            told[dialled] = (each, number)
            await lie(each, dialled, number)
        records = await _records(centre, set(told))
        assert (await centre.agent_is(seat.agent, "ready"))["reason"] is None
        events = centre.live.heard[quiet_from:]
    wrong = []
    for dialled, (each, number) in told.items():
        got = records.get(dialled, [])
        expected = each.caller or {"number": number, "kind": "mobile", "presentation": "allowed"}
        if [item["caller"] | expected for item in got] != [item["caller"] for item in got] or len(got) != 1:
            wrong.append((each.id, number, [item["caller"] for item in got]))
        assert all(item["ending"] == "abandoned_in_gate" and not item["agent"] for item in got), each.id
    assert not wrong
    assert not file.exists()
    # nobody was paused, connected or called by a line in a name
    assert {item.type for item in events} <= {
        "call.started",
        "call.gate",
        "call.updated",
        "call.ended",
        "missed.changed",
    }
    assert MARK not in json.dumps([item.raw for item in events])
    _assert_well_formed(bytes(heard))
    for name, text in _raw_text_of_logs(centre).items():
        assert MARK not in text[logs_before.get(name, 0) :], name
        assert phone not in text[logs_before.get(name, 0) :] or name == "queue_log", name
    _assert_ledger_well_formed(centre)


def _assert_well_formed(heard: bytes) -> None:
    """Every event of the wire is one Asterisk meant."""
    assert MARK.encode() not in heard
    for block in heard.split(b"\r\n\r\n")[1:-1]:
        for line in block.split(b"\r\n"):
            assert re.match(rb"[A-Za-z0-9_()-]+: ?", line), block
        assert not block.startswith((b"Event: AgentConnect", b"Event: QueueMemberPause")), block


def _assert_ledger_well_formed(centre: Centre) -> None:
    path = centre.home.settings.pbx / "log" / "cel-custom" / "psap.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len({len(row) for row in rows}) == 1
    for row in rows:
        assert not row[10] or isinstance(json.loads(row[10]), dict)


@pytest.mark.parametrize("name", ["trunk", "@PHONE@", "@NUMBER@"])
async def test_an_unknown_host_gets_nothing(centre: Centre, name: str) -> None:
    """Writing the carrier's or a phone's name does not make one of them."""
    phone = phone_account(centre.home, "agent1")["username"]
    before = [item["id"] for item in (await centre.supervisor.get("/calls?limit=200"))["items"]]
    sender = _fill(f"<sip:{name}@127.0.0.2>", phone=phone, number=fresh_number())
    async with (
        Lines(centre.target, "127.0.0.9") as strangers,
        Caller(strangers, None, from_header=sender, extra_header=b"X-Psap: 1") as caller,
    ):
        ended = await caller.ended(10)
        assert ended.by == "refused"
        assert ended.status in (401, 403)
    assert [item["id"] for item in (await centre.supervisor.get("/calls?limit=200"))["items"]] == before


REACHES = {"112": "112", "+62112": "+62112", "62112": "62112", "0" * 24: "0" * 24, "+62247112": "+62247112"}
REACHES |= {"112;phone-context=%2B62": "112", "*112#": "112", "*112": "112", "112%23": "112"}
REFUSED = ["*11*2#", "112%0D%0A", "112%0D%0AEvent%3A%20AgentConnect", "1" * 40, "$%7BEXTEN%7D", "halo"]


async def test_numbers_of_any_length_reach_the_gate(centre: Centre) -> None:
    """A carrier may send the number in many ways; parameters behind it are not the number."""
    for dialled, recorded in REACHES.items():
        number = fresh_number()
        async with centre.caller(number, dialled=dialled) as caller:
            await caller.answered(3)
        assert (await centre.record(number))["dialled"] == recorded


async def test_what_is_no_number_is_refused_and_leaves_nothing(centre: Centre) -> None:
    """Only fixed lengths of digits match: nothing that carries a line break becomes an extension."""
    async with wiretap(centre) as heard:
        for dialled in REFUSED:
            number = fresh_number()
            async with centre.caller(number, dialled=dialled) as caller:
                try:
                    ended = await caller.ended(5)
                except TimeoutError:
                    raise AssertionError(f"{dialled}: {caller.times}") from None
            assert (ended.by, ended.status) == ("refused", 404), dialled
            assert await centre.supervisor.calls_of(number) == []
    _assert_well_formed(bytes(heard))
