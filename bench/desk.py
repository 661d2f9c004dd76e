"""Many call takers' telephones in one SIPp process, each registered, each answering at once.

SIPp answers; the registrations (digest) are made here, from SIPp's own port.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.load import LoadError
from psap.sip.sipp import free_udp_port, sipp_command

DESKS = "127.0.0.1"
EXPIRES = 120  # the longest that Asterisk grants (asterisk-config/pjsip.conf)


@dataclass(frozen=True, slots=True)
class Account:
    """A telephone's user name and password."""

    username: str
    password: str


def scenario(talk: float) -> str:
    """Rings, is answered at once, and hangs up ``talk`` seconds later where the other side has not."""
    head = "[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]d[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n"
    contact = "Contact: <sip:desk@[local_ip]:[local_port]>\n"
    same = "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n"
    keep = (
        '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="far"/>'
        '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="near"/>'
        '<ereg regexp="sip:[^>]+" search_in="hdr" header="Contact:" assign_to="url"/></action>'
    )
    return f"""<?xml version="1.0" encoding="ISO-8859-1" ?><scenario name="desk">
<recv request="INVITE">{keep}</recv>
<send><![CDATA[
SIP/2.0 180 Ringing
{head}{contact}Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
{head}{contact}Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=sendrecv
]]></send>
<recv request="CANCEL" optional="true" next="cancelled"/>
<recv request="BYE" optional="true" next="byed"/>
<recv request="ACK"/>
<nop><action><gettimeofday assign_to="s,us"/><log message="talk [call_number] [$s] [$us]"/></action></nop>
<recv request="BYE" timeout="{int(talk * 1000)}" ontimeout="leave" next="byed"/>
<label id="leave"/><send retrans="500"><![CDATA[
BYE [$url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From:[$near];tag=[pid]d[call_number]
To:[$far]
Call-ID: [call_id]
CSeq: 1 BYE
Content-Length: 0

]]></send>
<recv request="BYE" optional="true" next="byed"/><recv response="481" optional="true" next="end"/>
<recv response="200" next="end"/>
<label id="cancelled"/><send><![CDATA[
SIP/2.0 200 OK
{same}
]]></send>
<recv request="ACK" optional="true" next="end"/>
<recv request="BYE" next="byed" timeout="2000" ontimeout="end"/>
<label id="byed"/><send><![CDATA[
SIP/2.0 200 OK
{same}
]]></send>
<label id="end"/></scenario>
"""


class Desks:
    """``async with Desks(...)``: all telephones registered and answering."""

    def __init__(
        self, target: tuple[str, int], accounts: Sequence[Account], *, talk: float, domain: str
    ) -> None:
        self._target, self._accounts, self._talk, self._domain = target, list(accounts), talk, domain
        self._folder = tempfile.TemporaryDirectory(prefix="psap-desk-")
        self._path = Path(self._folder.name)
        self._process: asyncio.subprocess.Process | None = None
        self._turn = 0

    async def __aenter__(self) -> Self:
        (self._path / "desk.xml").write_text(scenario(self._talk), "utf-8")
        self._port = free_udp_port(DESKS)
        await self.renew()
        return self

    async def renew(self) -> None:
        """Register all anew. Asterisk rings the port that a REGISTER came from: SIPp gives it up for it."""
        await self._end()
        await asyncio.to_thread(self._register_all)
        self._turn += 1
        self._process = await asyncio.create_subprocess_exec(
            *sipp_command(), "-sf", "desk.xml", "-t", "u1", "-i", DESKS, "-p", str(self._port), "-mi", DESKS,
            "-mp", str(free_udp_port(DESKS)), "-nostdin", "-skip_rlimit", "-trace_logs", "-log_file",
            f"told{self._turn}.log", "-trace_err", "-error_file", "errors.log",
            "-default_behaviors", "all,-bye,-abortunexp", "-buff_size", "4000000",
            cwd=self._path, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, env={**os.environ, "TERM": "dumb"},
        )  # fmt: skip

    async def __aexit__(self, *_exc: object) -> None:
        await self._end()
        self._folder.cleanup()

    async def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def pid(self) -> int:
        """SIPp's, for its CPU seconds."""
        assert self._process is not None
        return self._process.pid

    def talks(self) -> list[float]:
        """When each conversation began, epoch seconds."""
        paths = sorted(self._path.glob("told*.log"))
        rows = (line.split() for path in paths for line in path.read_text("utf-8").splitlines())
        return sorted(
            float(row[2]) + float(row[3]) / 1e6 for row in rows if len(row) == 4 and row[0] == "talk"
        )

    def _register_all(self) -> None:
        for account in self._accounts:
            register(self._target, account, (DESKS, self._port), self._domain)


def register(target: tuple[str, int], account: Account, contact: tuple[str, int], domain: str) -> None:
    """One REGISTER with digest.

    Raises:
        LoadError: refused, or no answer.
    """
    call_id, tag = secrets.token_hex(8), secrets.token_hex(4)
    uri = f"sip:{domain}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(contact)
        link.settimeout(5)
        mine = link.getsockname()

        def ask(cseq: int, extra: str) -> str:
            name = f"<sip:{account.username}@{domain}>"
            text = (
                f"REGISTER {uri} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {mine[0]}:{mine[1]};branch=z9hG4bK{secrets.token_hex(6)}\r\n"
                f"Max-Forwards: 70\r\nFrom: {name};tag={tag}\r\nTo: {name}\r\nCall-ID: {call_id}\r\n"
                f"CSeq: {cseq} REGISTER\r\nContact: <sip:{account.username}@{contact[0]}:{contact[1]}>\r\n"
                f"Expires: {EXPIRES}\r\n{extra}Content-Length: 0\r\n\r\n"
            )
            link.sendto(text.encode(), target)
            try:
                return link.recv(65_536).decode("utf-8", "replace")
            except TimeoutError:
                raise LoadError(f"no answer to the REGISTER of {account.username}") from None

        answer = ask(1, "")
        if answer.startswith("SIP/2.0 401"):
            answer = ask(2, _authorization(answer, account, uri))
        if not answer.startswith("SIP/2.0 200"):
            raise LoadError(f"the telephone {account.username} was refused: {answer.splitlines()[0]}")


def _authorization(answer: str, account: Account, uri: str) -> str:
    """RFC 2617 with qop=auth and MD5, which is what SIP still speaks."""
    found = re.search(r"^WWW-Authenticate: *Digest (.*)$", answer, re.M | re.I)
    if found is None:
        raise LoadError(f"no challenge: {answer.splitlines()[0]}")
    given = dict(re.findall(r'(\w+)="?([^",\r]+)"?', found[1]))
    cnonce = secrets.token_hex(8)
    first = _md5(f"{account.username}:{given['realm']}:{account.password}")
    proof = _md5(f"{first}:{given['nonce']}:00000001:{cnonce}:auth:{_md5(f'REGISTER:{uri}')}")
    opaque = f', opaque="{given["opaque"]}"' if "opaque" in given else ""
    return (
        f'Authorization: Digest username="{account.username}", realm="{given["realm"]}", '
        f'nonce="{given["nonce"]}", uri="{uri}", response="{proof}", algorithm=MD5, cnonce="{cnonce}", '
        f"qop=auth, nc=00000001{opaque}\r\n"
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
