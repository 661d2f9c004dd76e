"""SIP meant to hurt, from the carrier's address and from strangers: Asterisk lives, nothing is forged,
every call that became one has its one record, and the next citizen gets through."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from psap.platform import supervise
from tests.calls.test_strangers import wiretap
from tests.calls.torture import (
    EVERYTHING,
    INJECTIONS,
    INVALID,
    MARK,
    OUT_OF_PLACE,
    SDP,
    SESSIONS,
    VALID,
    Torture,
    filled,
    invite,
)
from tests.support.centre import AGENT_TONE, Centre, fresh_number

pytestmark = [pytest.mark.calls, pytest.mark.timeout(240)]

STRANGER = "127.0.0.9"
CARRIER = "127.0.0.2"
LAST_CALLS = 60.0  # seconds for calls whose far end says nothing any more: Asterisk gives them up after 32


class Wire(asyncio.DatagramProtocol):
    """One UDP socket that sends what it is given, and ends politely what became a call."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.answers: list[bytes] = []
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    @property
    def us(self) -> str:
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def send(self, data: bytes) -> None:
        self._transport.sendto(data, self.target)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens: the test's own assertions tell."""

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.answers.append(data)
        status = re.match(rb"SIP/2\.0 (\d{3})", data)
        if status is None:
            method = data.split(b" ", 1)[0]
            if method != b"ACK":
                self.send(self._reply(data))
            return
        if not re.search(rb"(?im)^CSeq:\s*\d+\s+INVITE", data) or status[1].startswith(b"1"):
            return
        self.send(self._request(b"ACK", data))
        if status[1].startswith(b"2"):
            self.send(self._request(b"BYE", data))

    def _headers(self, data: bytes, *names: bytes) -> bytes:
        found = [re.findall(rb"(?im)^" + name + rb"\s*:[^\r\n]*", data)[:1] for name in names]
        return b"\r\n".join(line for lines in found for line in lines)

    def _request(self, method: bytes, answer: bytes) -> bytes:
        number = re.search(rb"(?im)^CSeq:\s*(\d+)", answer)
        count = int(number[1]) + (method == b"BYE") if number else 1
        # ACK of a refusal belongs to the INVITE's own transaction: its branch
        via = self._headers(answer, b"Via") if method == b"ACK" else b""
        via = via or b"Via: SIP/2.0/UDP %s;branch=z9hG4bK%s" % (
            self.us.encode(),
            secrets.token_hex(6).encode(),
        )
        contact = re.search(rb"(?im)^Contact:[^<\r\n]*<([^>\r\n]+)>", answer)
        uri = contact[1] if contact else b"sip:%s:%d" % (self.target[0].encode(), self.target[1])
        kept = self._headers(answer, b"From", b"To", b"Call-ID")
        lines = [
            b"%s %s SIP/2.0" % (method, uri), via, b"Max-Forwards: 70", kept,
            b"CSeq: %d %s" % (count, method), b"Content-Length: 0",
        ]  # fmt: skip
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _reply(self, request: bytes) -> bytes:
        kept = self._headers(request, b"Via", b"From", b"To", b"Call-ID", b"CSeq")
        return b"SIP/2.0 200 OK\r\n%s\r\nContent-Length: 0\r\n\r\n" % kept


@asynccontextmanager
async def wire(centre: Centre, address: str) -> AsyncIterator[Wire]:
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(
        lambda: Wire(centre.target), local_addr=(address, 0)
    )
    try:
        yield made
    finally:
        transport.close()


class Before:
    """What stood in ledger, database and logs before; what came since."""

    def __init__(self, centre: Centre) -> None:
        self.settings = centre.home.settings
        self.asterisk = supervise.info(self.settings)["asterisk"].pid
        self._cel = self.settings.pbx / "log" / "cel-custom" / "psap.csv"
        self._calls = set(self._channels())
        self._rows: set[str] = set()  # the ledger may have been rotated since they were written
        self._rows = set(self.records("1"))
        self._logs = {path: path.stat().st_size for path in self._log_files()}

    def _log_files(self) -> list[Any]:
        found = [*self.settings.logs.glob("*.log"), *(self.settings.pbx / "log").glob("messages.log*")]
        return [path for path in found if path.is_file()]

    def _channels(self, event: str = "CHAN_START") -> list[str]:
        """Uniqueids of the callers' channels that Asterisk wrote down, by what happened to them."""
        if not self._cel.exists():
            return []
        with self._cel.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = [row for row in csv.reader(file) if len(row) >= 5]
        return [
            row[2]
            for row in rows
            if row[0] == event and row[2] == row[3] and row[4].startswith("PJSIP/trunk-")
        ]

    def started(self) -> set[str]:
        """Calls since."""
        return set(self._channels()) - self._calls

    def open(self) -> set[str]:
        """Calls since that Asterisk still holds."""
        return self.started() - set(self._channels("HANGUP"))

    def records(self, which: str = "ending is not null") -> dict[str, int]:
        """uniqueid -> closed records of it, for calls since."""
        with sqlite3.connect(f"file:{self.settings.home / 'psap.db'}?mode=ro", uri=True, timeout=10) as base:
            rows = base.execute(f"select uniqueid, count(*) from calls where {which} group by uniqueid")
            old = self._calls | self._rows
            return {name: count for name, count in rows if name not in old}

    def logged(self) -> str:
        """What the logs say since."""
        text = ""
        for path in self._log_files():
            with path.open("rb") as file:
                file.seek(self._logs.get(path, 0))
                text += file.read().decode("latin-1")
        return text


async def hurt(one: Wire, every: Iterable[Torture]) -> int:
    """Send each message, with its own number on both sides; how many."""
    count = 0
    to = f"{one.target[0]}:{one.target[1]}"
    for each in every:
        word = secrets.token_hex(8)
        dialled = f"112{secrets.randbelow(10**9):09d}"
        data = filled(each, to=to, us=one.us, word=word, dialled=dialled, number=fresh_number())
        with contextlib.suppress(OSError):  # longer than a datagram may be
            one.send(data)
        count += 1
        await asyncio.sleep(0.005)
    return count


async def all_recorded(before: Before) -> None:
    """Wait until each call that became a channel is over and has its one record."""
    missing: set[str] = set()
    try:
        async with asyncio.timeout(LAST_CALLS):
            while True:
                records, started = before.records(), before.started()
                missing = {call for call in started if records.get(call) != 1}
                if not missing and not before.open():
                    break
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"without exactly one record: {missing}; still open: {before.open()}") from None
    assert set(records) == started, "a record of a call that never was"


async def unharmed(centre: Centre, before: Before, heard: bytes) -> None:
    """Nothing was forged, nothing was repeated, and the next citizen gets through."""
    assert supervise.info(centre.home.settings)["asterisk"].pid == before.asterisk
    assert MARK.encode() not in heard
    for block in heard.split(b"\r\n\r\n")[1:-1]:
        assert re.match(rb"(Event|Response): ", block), block
        assert b"\r" not in block.replace(b"\r\n", b""), block
        assert not block.startswith((b"Event: AgentConnect", b"Event: QueueMemberPause")), block
    # the one thing of a stranger's that Asterisk writes down: a Geolocation header that is no URI, in quotes,
    # on one line, where the size is bounded
    logged = re.sub(r"Geolocation header has no or bad URI '[^'\r\n]*'", "", before.logged())
    assert MARK not in logged, [line for line in logged.splitlines() if MARK in line][:3]
    assert "\x1b" not in logged
    number = fresh_number()
    async with centre.seat("agent1", answer_after=0.1) as seat, centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        await caller.media.hears(AGENT_TONE, timeout=20)
        caller.hang_up()
        await caller.ended(10)
        assert seat.phone.calls
    assert (await centre.record(number))["ending"] == "answered"


async def test_torture_from_the_carrier(centre: Centre) -> None:
    before = Before(centre)
    async with wiretap(centre) as heard, wire(centre, CARRIER) as one:
        for part in (VALID, INVALID, INJECTIONS, SESSIONS, OUT_OF_PLACE):
            await hurt(one, part)
        await all_recorded(before)
    assert len(before.started()) > len(INJECTIONS) // 2, "hardly anything came through to be tested"
    await unharmed(centre, before, bytes(heard))


async def test_torture_from_strangers(centre: Centre) -> None:
    """Not one of them becomes a call, whatever it is."""
    before = Before(centre)
    async with wiretap(centre) as heard, wire(centre, STRANGER) as one:
        await hurt(one, EVERYTHING)
        await asyncio.sleep(0)
    assert not before.started()
    for answer in one.answers:
        assert not re.match(rb"SIP/2\.0 (1[1-9]\d|2\d\d) .*CSeq: \d+ INVITE", answer, re.DOTALL), answer
    await unharmed(centre, before, bytes(heard))


async def test_storms_inside_a_call(centre: Centre) -> None:
    """A hundred re-INVITEs, holds, CANCELs, ACKs and INFOs in one conversation, and then its end."""
    before = Before(centre)
    async with wiretap(centre) as heard, wire(centre, CARRIER) as one:
        storm = Storm(one)
        await storm.open()
        for count in range(100):
            storm.inside(
                "INVITE", SDP if count % 2 else SDP.replace("c=IN IP4 127.0.0.2", "c=IN IP4 0.0.0.0")
            )
            storm.inside("CANCEL")
            storm.inside("ACK")
            storm.inside("INFO")
            if count % 10 == 0:
                await asyncio.sleep(0.01)
        storm.inside("BYE")
        await all_recorded(before)
    assert len(before.started()) == 1
    await unharmed(centre, before, bytes(heard))


class Storm:
    """A dialogue of our own making. ``inside`` sends without waiting for anything."""

    def __init__(self, one: Wire) -> None:
        self.wire = one
        self._word = secrets.token_hex(8)
        self._dialled = f"112{secrets.randbelow(10**9):09d}"
        self._number = fresh_number()
        self._count = 1
        self._to = b""

    async def open(self) -> None:
        """INVITE until it is answered. The socket's own politeness would end it at once: it is muted."""
        self.wire.datagram_received = self._listen  # type: ignore[method-assign]
        self._answered = asyncio.Event()
        self.wire.send(self._fill(invite()))
        await asyncio.wait_for(self._answered.wait(), 10)
        self.inside("ACK")

    def _listen(self, data: bytes, _addr: Any) -> None:
        to = re.search(rb"(?im)^To:[^\r\n]*;tag=([^;\r\n]+)", data)
        if data.startswith(b"SIP/2.0 200") and b"1 INVITE" in data and to:
            self._to = to[1]
            self._answered.set()
        elif not data.startswith(b"SIP/2.0"):
            self.wire.send(self.wire._reply(data))

    def inside(self, method: str, body: str = "") -> None:
        """A request of this dialogue."""
        self._count += method not in ("ACK", "CANCEL")
        text = invite(
            line=f"{method} sip:@DIALLED@@@TO@ SIP/2.0",
            to=f"To: <sip:@DIALLED@@@TO@>;tag={self._to.decode('latin-1')}",
            cseq=f"CSeq: {self._count} {method}",
            via=f"Via: SIP/2.0/UDP @US@;branch=z9hG4bK{self._word}{self._count}{method}",
            kind="Content-Type: application/sdp" if body else "",
            body=body,
        )
        self.wire.send(self._fill(text))

    def _fill(self, text: bytes) -> bytes:
        host, port = self.wire.target
        return filled(
            Torture("storm", text), to=f"{host}:{port}", us=self.wire.us, word=self._word,
            dialled=self._dialled, number=self._number,
        )  # fmt: skip
