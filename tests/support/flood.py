"""Many calls a second from the carrier's side: one SIPp process, a list of callers, every outcome counted."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psap.sip.sipp import free_udp_port, sipp_command

REFUSALS = (403, 404, 408, 480, 486, 488, 500, 503, 603)


def _log(word: str) -> str:
    return (
        '<nop><action><gettimeofday assign_to="s,us"/>'
        f'<log message="{word} [call_number] [$s] [$us]"/></action></nop>\n'
    )


def _request(method: str, to_tag: str, cseq: int) -> str:
    return f"""{method} sip:112@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch={"z9hG4bK-[pid]-[call_number]" if cseq == 1 else "[branch]"}
Max-Forwards: 70
From: <sip:[field0]@[local_ip]>;tag=[call_number]flood
To: <sip:112@[remote_ip]:[remote_port]>{to_tag}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:flood@[local_ip]:[local_port]>
"""


def _scenario(hold: float) -> str:
    invite = _request("INVITE", "", 1) + (
        "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=- 1 1 IN IP4 [local_ip]\ns=-\n"
        "c=IN IP4 [local_ip]\nt=0 0\nm=audio [media_port] RTP/AVP 0\na=sendrecv\n"
    )
    empty = "Content-Length: 0\n"
    refusals = "".join(f'<recv response="{code}" optional="true" next="r{code}"/>\n' for code in REFUSALS)
    ends = "".join(
        f'<label id="r{code}"/>{_log(f"r{code}")}'
        f"<send><![CDATA[\n{_request('ACK', '[peer_tag_param]', 1)}{empty}]]></send>\n"
        '<nop next="end"/>\n'
        for code in REFUSALS
    )
    return f"""<?xml version="1.0" encoding="ISO-8859-1" ?><scenario name="flood">
{_log("sent")}<send retrans="500"><![CDATA[
{invite}]]></send>
<recv response="100" optional="true"/><recv response="180" optional="true"/>
<recv response="183" optional="true"/>
{refusals}<recv response="200"/>
{_log("in")}<send><![CDATA[
{_request("ACK", "[peer_tag_param]", 1)}{empty}]]></send>
<recv request="BYE" timeout="{int(hold * 1000)}" ontimeout="leave" next="left"/>
<label id="leave"/>{_log("out")}<send retrans="500"><![CDATA[
{_request("BYE", "[peer_tag_param]", 2)}{empty}]]></send>
<recv request="BYE" optional="true" next="left"/><recv response="481" optional="true" next="end"/>
<recv response="200" next="end"/>
<label id="left"/>{_log("out")}<send><![CDATA[
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


@dataclass(slots=True)
class Flooded:
    """What became of the calls. ``words``: ``in`` (answered) or ``rCODE``; seconds until each refusal."""

    words: Counter[str] = field(default_factory=Counter)
    refused_after: list[float] = field(default_factory=list)
    of_number: dict[str, list[str]] = field(default_factory=dict)
    stays: list[tuple[float, float, str]] = field(default_factory=list)  # from, to (epoch seconds), number

    def most_at_once(self, number: str | None = None) -> int:
        """How many calls (of one number) were in at the same moment, at most."""
        moves = sorted(
            move
            for begin, end, who in self.stays
            if number in (None, who)
            for move in ((begin, 1), (end, -1))
        )
        now = most = 0
        for _, step in moves:
            now += step
            most = max(most, now)
        return most

    def slowest(self, share: float) -> float:
        """Seconds within which this share of the refused calls had its answer."""
        ordered = sorted(self.refused_after)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class Flood:
    """``async with Flood(...)`` sends; ``done()`` waits for the last call and tells what became of them.

    ``numbers`` are taken in turn, ``rate`` calls a second, ``count`` in all; who is let in holds for ``hold``
    seconds, silent, and then hangs up.
    """

    def __init__(
        self, target: tuple[str, int], numbers: Sequence[str], *, rate: int, count: int, hold: float,
        address: str = "127.0.0.2",
    ) -> None:  # fmt: skip
        self.numbers, self.rate, self.count = list(numbers), rate, count
        self._target, self._hold, self._address = target, hold, address
        self._folder = tempfile.TemporaryDirectory(prefix="psap-flood-")
        self._path = Path(self._folder.name)
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Flood:
        (self._path / "flood.xml").write_text(_scenario(self._hold), "utf-8")
        (self._path / "who.csv").write_text(
            "SEQUENTIAL\n" + "".join(f"{number}\n" for number in self.numbers), "utf-8"
        )
        address = self._address
        self._process = await asyncio.create_subprocess_exec(
            *sipp_command(), f"{self._target[0]}:{self._target[1]}", "-sf", "flood.xml", "-inf", "who.csv",
            "-t", "u1", "-i", address, "-p", str(free_udp_port(address)), "-mi", address,
            "-mp", str(free_udp_port(address)), "-r", str(self.rate), "-m", str(self.count),
            "-l", str(self.count), "-nostdin", "-skip_rlimit", "-trace_logs", "-log_file", "told.log",
            "-trace_err", "-error_file", "errors.log", "-default_behaviors", "all,-bye,-abortunexp",
            "-buff_size", "4000000",
            cwd=self._path, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._folder.cleanup()

    def told(self) -> Flooded:
        """What became of the calls so far."""
        out = Flooded()
        began: dict[int, float] = {}
        entered: dict[int, float] = {}
        path = self._path / "told.log"
        for line in path.read_text("utf-8").splitlines() if path.exists() else []:
            parts = line.split()
            if len(parts) != 4:
                continue
            word, call, at = parts[0], int(parts[1]), float(parts[2]) + float(parts[3]) / 1e6
            number = self.numbers[(call - 1) % len(self.numbers)]
            if word == "sent":
                began[call] = at
                continue
            if word == "out":
                out.stays.append((entered.pop(call, at), at, number))
                continue
            out.words[word] += 1
            out.of_number.setdefault(number, []).append(word)
            if word == "in":
                entered[call] = at
            else:
                out.refused_after.append(at - began.get(call, at))
        out.stays += [
            (at, at + 1e9, self.numbers[(call - 1) % len(self.numbers)]) for call, at in entered.items()
        ]
        return out

    async def until(self, count: int, *, timeout: float = 60) -> Flooded:
        """Wait until so many calls were let in or refused."""
        deadline = time.monotonic() + timeout
        while True:
            told = self.told()
            if told.words.total() >= count:
                return told
            if time.monotonic() > deadline or self._process.returncode is not None:
                errors = self._path / "errors.log"
                why = errors.read_text("utf-8", "replace")[-1500:] if errors.exists() else ""
                raise AssertionError(f"{told.words} after {timeout} s of {count} calls: {why}")
            await asyncio.sleep(0.1)

    async def done(self, *, timeout: float = 90) -> Flooded:
        """Wait until every call is over."""
        async with asyncio.timeout(timeout):
            await self._process.wait()
        return self.told()
