"""A call taker's phone dials a feature code, with SIP digest: no process of ours takes part."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from psap.sip.sipp import free_udp_port, sipp_command
from tests.support.home import Home


def _invite(cseq: int, more: str) -> str:
    return f"""<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[call_number]code
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: {cseq} INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
{more}Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=sendrecv
]]></send>"""


def _short(method: str, cseq: int, to: str) -> str:
    return f"""<send><![CDATA[
{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[call_number]code
To: {to}
Call-ID: [call_id]
CSeq: {cseq} {method}
Content-Length: 0

]]></send>"""


_TO = "<sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]"
_OK = """<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>"""
SCENARIO = "\n".join(
    [
        '<?xml version="1.0" encoding="ISO-8859-1" ?><scenario name="code">',
        _invite(1, ""),
        '<recv response="100" optional="true"/><recv response="401" auth="true"/>',
        _short("ACK", 1, _TO),
        _invite(2, "[field1]\n"),
        '<recv response="100" optional="true"/><recv response="183" optional="true"/><recv response="200"/>',
        _short("ACK", 2, _TO),
        '<recv request="BYE"/>',  # Asterisk hangs up after it has said what it did
        _OK,
        "</scenario>",
    ]
)


async def dial(home: Home, account: dict[str, Any], code: str, folder: Path) -> None:
    """Dial ``code`` and listen to the end of the answer."""
    (folder / "code.xml").write_text(SCENARIO, "utf-8")
    secret = f"[authentication username={account['username']} password={account['password']}]"
    (folder / "who.csv").write_text(f"SEQUENTIAL\n{account['username']};{secret}\n", "utf-8")
    settings = home.settings
    process = await asyncio.create_subprocess_exec(
        *sipp_command(), f"{settings.sip_bind}:{settings.sip_port}", "-sf", "code.xml", "-inf", "who.csv",
        "-s", code, "-i", "127.0.0.1", "-p", str(free_udp_port("127.0.0.1")), "-mi", "127.0.0.1",
        "-mp", str(free_udp_port("127.0.0.1")), "-m", "1", "-nostdin", "-timeout", "15", "-timeout_error",
        "-trace_err", "-error_file", "errors.log",
        cwd=folder, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, told = await process.communicate()
    errors = folder / "errors.log"
    more = errors.read_text("utf-8", "replace") if errors.exists() else ""
    assert process.returncode == 0, told.decode("utf-8", "replace")[-500:] + more[-1500:]
