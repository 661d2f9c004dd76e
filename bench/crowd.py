"""Hundreds who wait: one SIPp process keeps so many callers in the queue, each of whom pressed 0."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

from psap.sip.sipp import SippError, free_udp_port, sipp_command

CARRIER = "127.0.0.2"
NUMBERS = 5_000  # taken in turn: no number calls twice at once
PRESS_MS = (100, 1100)  # after the answer: nobody's second in the queue begins with another's


def _request(method: str, to: str, cseq: int, body: str = "Content-Length: 0\n") -> str:
    branch = "z9hG4bK-[pid]-[call_number]" if cseq == 1 else "[branch]"
    return f"""<send{"" if method == "ACK" else ' retrans="500"'}><![CDATA[
{method} sip:112@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch={branch}
Max-Forwards: 70
From: <sip:[field0]@[local_ip]>;tag=[call_number]crowd
To: <sip:112@[remote_ip]:[remote_port]>{to}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:crowd@[local_ip]:[local_port]>
{body}]]></send>
"""


def scenario() -> str:
    """Dials, presses 0, waits for ever; whoever was served is followed by the next."""
    sdp = (
        "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=- 1 1 IN IP4 [local_ip]\ns=-\n"
        "c=IN IP4 [local_ip]\nt=0 0\nm=audio [media_port] RTP/AVP 0\na=sendrecv\n"
    )
    zero = "Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal=0\nDuration=160"
    pause = f'<pause distribution="uniform" min="{PRESS_MS[0]}" max="{PRESS_MS[1]}"/>'
    return f"""<?xml version="1.0" encoding="ISO-8859-1" ?><scenario name="crowd">
{_request("INVITE", "", 1, sdp)}<recv response="100" optional="true"/><recv response="180" optional="true"/>
<recv response="200"/>
{_request("ACK", "[peer_tag_param]", 1)}{pause}
{_request("INFO", "[peer_tag_param]", 2, zero)}<recv request="BYE" optional="true" next="bye"/>
<recv response="200"/><recv request="BYE"/>
<label id="bye"/><send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send></scenario>
"""


class Crowd:
    """``async with Crowd(...)``: ``count`` callers all the time, ``rate`` new ones a second at most."""

    def __init__(self, target: tuple[str, int], count: int, *, rate: int = 25) -> None:
        self._target, self._count, self._rate = target, count, rate
        self._folder = tempfile.TemporaryDirectory(prefix="psap-crowd-")
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        path = Path(self._folder.name)
        (path / "crowd.xml").write_text(scenario(), "utf-8")
        numbers = "".join(f"0815{number:08d}\n" for number in range(NUMBERS))
        (path / "who.csv").write_text(f"SEQUENTIAL\n{numbers}", "utf-8")
        self._process = await asyncio.create_subprocess_exec(
            *sipp_command(), f"{self._target[0]}:{self._target[1]}", "-sf", "crowd.xml", "-inf", "who.csv",
            "-t", "u1", "-i", CARRIER, "-p", str(free_udp_port(CARRIER)), "-mi", CARRIER,
            "-mp", str(free_udp_port(CARRIER)), "-r", str(self._rate), "-l", str(self._count),
            "-m", "1000000", "-nostdin", "-skip_rlimit", "-trace_err", "-error_file", "errors.log",
            "-default_behaviors", "all,-bye,-abortunexp", "-buff_size", "4000000",
            cwd=path, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        return self

    async def leave(self, hang_up: Callable[[], Awaitable[object]]) -> None:
        """Everybody goes: no new calls, ``hang_up`` ends all on the other side, and SIPp ends by itself."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGUSR1)
            await hang_up()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 30)

    async def __aexit__(self, *_exc: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._folder.cleanup()

    def check(self) -> None:
        """Raises SippError where SIPp ended."""
        if self._process.returncode is not None:
            errors = Path(self._folder.name) / "errors.log"
            why = errors.read_text("utf-8", "replace")[-1500:] if errors.exists() else ""
            raise SippError(f"SIPp ended ({self._process.returncode}): {why}")
