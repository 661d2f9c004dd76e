"""Callers by the thousand: one SIPp process that says of every call when it was sent, answered and over.

The moments are taken by SIPp itself (gettimeofday), so that a busy Python does not stand between.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from psap.sip.sipp import free_udp_port, sipp_command

CARRIER = "127.0.0.2"
REFUSALS = (403, 404, 408, 480, 486, 488, 500, 503, 603)
SLACK = 60.0  # seconds that a run may take over its own length before it is given up

_serial = itertools.count(1)


class LoadError(Exception):
    """SIPp ended badly or not at all; the text says what it told."""


@dataclass(frozen=True, slots=True)
class Dial:
    """One call to place: the caller's number as the carrier writes it, what is dialled."""

    number: str
    dialled: str = "112"

    @property
    def key(self) -> str:
        """The number as the key of blocks."""
        return f"62{self.number[1:]}"


@dataclass(slots=True)
class Outcome:
    """What became of it. Moments in epoch seconds; ``left``: the caller hung up, not the other side."""

    dial: Dial
    sent: float
    answered: float | None = None
    refused: int | None = None
    ended: float | None = None
    left: bool = False

    @property
    def entry_ms(self) -> float | None:
        """INVITE to 200."""
        return None if self.answered is None else (self.answered - self.sent) * 1000


def strangers(count: int, dialled: str = "112") -> list[Dial]:
    """Callers that nobody ever heard of: no two the same within one process."""
    return [Dial(f"0812{next(_serial) % 10**8:08d}", dialled) for _ in range(count)]


def _log(word: str) -> str:
    return (
        '<nop><action><gettimeofday assign_to="s,us"/>'
        f'<log message="{word} [call_number] [$s] [$us]"/></action></nop>\n'
    )


def _request(method: str, to_tag: str, cseq: int, branch: str) -> str:
    return f"""{method} sip:[field1]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch={branch}
Max-Forwards: 70
From: <sip:[field0]@[local_ip]>;tag=[call_number]load
To: <sip:[field1]@[remote_ip]:[remote_port]>{to_tag}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:load@[local_ip]:[local_port]>
"""


def scenario(*, hold: float, press_after: float | None) -> str:
    """A caller who, ``press_after`` seconds from the answer, presses 0 (None: nothing), and hangs up after
    ``hold`` seconds more where the other side has not."""
    peer = "[peer_tag_param]"
    invite = _request("INVITE", "", 1, "z9hG4bK-[pid]-[call_number]") + (
        "P-Asserted-Identity: <sip:[field0]@[local_ip]>\nX-Number: [field2]\n"
        "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=- 1 1 IN IP4 [local_ip]\ns=-\n"
        "c=IN IP4 [local_ip]\nt=0 0\nm=audio [media_port] RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n"
        "a=fmtp:101 0-15\na=sendrecv\n"
    )
    empty = "Content-Length: 0\n"
    refusals = "".join(f'<recv response="{code}" optional="true" next="r{code}"/>\n' for code in REFUSALS)
    # the ACK of a refusal belongs to the INVITE's own transaction
    refused = _request("ACK", peer, 1, "z9hG4bK-[pid]-[call_number]")
    ends = "".join(
        f'<label id="r{code}"/>{_log(f"r{code}")}<send><![CDATA[\n{refused}{empty}]]></send>\n'
        '<nop next="end"/>\n'
        for code in REFUSALS
    )
    press = ""
    if press_after is not None:
        body = "Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal=0\nDuration=160\n"
        press = (
            f'<pause milliseconds="{int(press_after * 1000)}"/>\n<send retrans="500"><![CDATA[\n'
            f"{_request('INFO', peer, 2, '[branch]')}{body}]]></send>\n"
            '<recv request="BYE" optional="true" next="left"/><recv response="200"/>\n'
        )
    return f"""<?xml version="1.0" encoding="ISO-8859-1" ?><scenario name="load">
{_log("sent")}<send retrans="500"><![CDATA[
{invite}]]></send>
<recv response="100" optional="true"/><recv response="180" optional="true"/>
<recv response="183" optional="true"/>
{refusals}<recv response="200"/>
{_log("in")}<send><![CDATA[
{_request("ACK", peer, 1, "[branch]")}{empty}]]></send>
{press}<recv request="BYE" timeout="{int(hold * 1000)}" ontimeout="leave" next="left"/>
<label id="leave"/>{_log("out")}<send retrans="500"><![CDATA[
{_request("BYE", peer, 3, "[branch]")}{empty}]]></send>
<recv request="BYE" optional="true" next="left"/><recv response="481" optional="true" next="end"/>
<recv response="200" next="end"/>
<label id="left"/>{_log("gone")}<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send><nop next="end"/>
{ends}<label id="end"/></scenario>
"""


class Load:
    """``async with Load(...) as load: await load.done()``; ``cpu`` are SIPp's own seconds afterwards.

    ``rate`` calls a second, never more than ``at_once`` in progress: a rate above what can be had makes the
    callers come as fast as places become free.
    """

    def __init__(
        self, target: tuple[str, int], dials: Sequence[Dial], *, rate: float, hold: float,
        at_once: int | None = None, press_after: float | None = None, address: str = CARRIER,
    ) -> None:  # fmt: skip
        self.dials = list(dials)
        self.cpu = 0.0
        self._target, self._rate, self._address = target, rate, address
        self._at_once = at_once or len(self.dials)
        self._scenario = scenario(hold=hold, press_after=press_after)
        self._patience = len(self.dials) / rate + hold + SLACK
        self._folder = tempfile.TemporaryDirectory(prefix="psap-load-")
        self._path = Path(self._folder.name)
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Load:
        (self._path / "load.xml").write_text(self._scenario, "utf-8")
        rows = (f"{dial.number};{dial.dialled};{dial.key}\n" for dial in self.dials)
        (self._path / "who.csv").write_text("SEQUENTIAL\n" + "".join(rows), "utf-8")
        address, count = self._address, len(self.dials)
        self._process = await asyncio.create_subprocess_exec(
            *sipp_command(), f"{self._target[0]}:{self._target[1]}", "-sf", "load.xml", "-inf", "who.csv",
            "-t", "u1", "-i", address, "-p", str(free_udp_port(address)), "-mi", address,
            "-mp", str(free_udp_port(address)), "-r", f"{self._rate:.0f}", "-m", str(count),
            "-l", str(self._at_once), "-nostdin", "-skip_rlimit", "-trace_logs", "-log_file", "told.log",
            "-trace_err", "-error_file", "errors.log", "-default_behaviors", "all,-bye,-abortunexp",
            "-buff_size", "4000000",
            cwd=self._path, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, env={**os.environ, "TERM": "dumb"},
        )  # fmt: skip
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._folder.cleanup()

    def told(self) -> list[Outcome]:
        """What became of the calls so far, in the order of sending.

        Raises:
            LoadError: SIPp wrote of more than one in a hundred that they ended, and not that they began.
        """
        calls: dict[int, Outcome] = {}
        torn: set[int] = set()  # at thousands of calls a second SIPp's log loses a line now and then
        path = self._path / "told.log"
        for line in path.read_text("utf-8").splitlines() if path.exists() else []:
            parts = line.split()
            if len(parts) != 4:
                continue
            word, call, at = parts[0], int(parts[1]), float(parts[2]) + float(parts[3]) / 1e6
            if word == "sent":
                calls[call] = Outcome(self.dials[(call - 1) % len(self.dials)], at)
                continue
            found = calls.get(call)
            if found is None:
                torn.add(call)
            elif word == "in":
                found.answered = at
            elif word in ("out", "gone"):
                found.ended, found.left = at, word == "out"
            else:
                found.refused = int(word[1:])
        if len(torn) * 100 > len(self.dials):
            raise LoadError(f"SIPp's log lacks the beginnings of {len(torn)} calls of {len(self.dials)}")
        return list(calls.values())

    async def answered(self, count: int, patience: float = SLACK) -> None:
        """Wait until so many calls are in.

        Raises:
            LoadError: they are not, in so many seconds.
        """
        try:
            async with asyncio.timeout(patience):
                while self._in() < count:  # noqa: ASYNC110 - SIPp writes a file
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise LoadError(f"fewer than {count} calls were answered: {self._errors()}") from None

    def _in(self) -> int:
        return sum(each.answered is not None for each in self.told())

    async def done(self) -> list[Outcome]:
        """Wait until every call is over.

        Raises:
            LoadError: SIPp does not end.
        """
        before = os.times()
        try:
            async with asyncio.timeout(self._patience):
                await self._process.wait()
        except TimeoutError:
            raise LoadError(f"SIPp did not end: {self._errors()}") from None
        after = os.times()
        # the only child that ends meanwhile
        self.cpu = after.children_user + after.children_system - before.children_user - before.children_system
        told = self.told()
        if not told:
            raise LoadError(f"SIPp placed no call: {self._errors()}")
        return told

    def _errors(self) -> str:
        path = self._path / "errors.log"
        return path.read_text("utf-8", "replace")[-800:] if path.exists() else "SIPp told nothing"


async def place(target: tuple[str, int], dials: Sequence[Dial], **how: float) -> tuple[list[Outcome], float]:
    """Place the calls and wait for the last; (outcomes, SIPp's CPU seconds)."""
    async with Load(target, dials, **how) as load:  # type: ignore[arg-type]
        return await load.done(), load.cpu


def entries(outcomes: Iterable[Outcome], dialled: str) -> list[float]:
    """Milliseconds from INVITE to 200 of one side's calls."""
    return [each.entry_ms for each in outcomes if each.dial.dialled == dialled and each.entry_ms is not None]
