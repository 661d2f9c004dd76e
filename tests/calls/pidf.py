"""INVITEs that bring a location (PIDF-LO, RFC 4119): well-made ones, by SIPp, and those that want to hurt."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from psap.sip.sipp import free_udp_port, sipp_command
from tests.calls.torture import MARK, SDP, Torture, invite

CRS = "urn:ogc:def:crs:EPSG::"
METRE = 'uom="urn:ogc:def:uom:EPSG::9001"'
BOUNDARY = "part112"
MULTIPART = f"Content-Type: multipart/mixed;boundary={BOUNDARY}"
GEOLOCATION = ("Geolocation: <cid:here@carrier.invalid>", "Geolocation-Routing: yes")


def circle(latitude: str, longitude: str, radius: str) -> str:
    """A cell of the network."""
    return (
        f'<gs:Circle srsName="{CRS}4326"><gml:pos>{latitude} {longitude}</gml:pos>'
        f"<gs:radius {METRE}>{radius}</gs:radius></gs:Circle>"
    )


def spot(latitude: str, longitude: str) -> str:
    """A point, as a handset's own receiver gives it."""
    return f'<gml:Point srsName="{CRS}4326"><gml:pos>{latitude} {longitude}</gml:pos></gml:Point>'


def document(shape: str, before: str = "") -> str:
    """A PIDF-LO document around a shape; ``before``: a DOCTYPE."""
    names = (
        'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" '
        'xmlns:gml="http://www.opengis.net/gml" xmlns:gs="http://www.opengis.net/pidflo/1.0" '
        'xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"'
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<presence {names} entity="pres:x@carrier.invalid">'
        f'<tuple id="t"><status><gp:geopriv><gp:location-info>{shape}</gp:location-info><gp:usage-rules/>'
        "<method>Cell</method></gp:geopriv></status></tuple></presence>"
    )


def multipart(sdp: str, xml: str) -> str:
    """The body of an INVITE with both."""
    return (
        f"--{BOUNDARY}\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n"
        f"--{BOUNDARY}\r\nContent-Type: application/pidf+xml\r\nContent-ID: <here@carrier.invalid>\r\n\r\n"
        f"{xml}\r\n--{BOUNDARY}--\r\n"
    )


def _hostile(name: str, xml: str) -> Torture:
    return Torture(name, invite(*GEOLOCATION, kind=MULTIPART, body=multipart(SDP, xml)))


_ENTITIES = "".join(
    f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(8)
)  # the billion laughs
HOSTILE = [
    _hostile("dialplan", document(circle("-6.98\" ${SHELL(touch /tmp/" + MARK + ")},x=\"", "110.42", "5"))),
    _hostile("ami", document(circle("-6.98\r\nEvent: AgentConnect\r\nMark: " + MARK, "110.42", "5"))),
    _hostile("quotes", document(circle("-6.98", "110.42", '5",pos="1 1",x="' + MARK))),
    _hostile("file", document(circle("&x;", "110.42", "5"), '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>')),
    _hostile("net", document(circle("&x;", "1", "5"), '<!DOCTYPE p [<!ENTITY x SYSTEM "http://127.0.0.9:9/">]>')),
    _hostile("laughs", document(circle("&i;", "110.42", "5"), f'<!DOCTYPE p [<!ENTITY a "ha">{_ENTITIES}]>')),
    _hostile("broken", "<presence><" + MARK + "\x1b[31m"),
    _hostile("empty", ""),
    _hostile("zero", document(circle("-6.98\x00\x1b" + MARK, "110.42", "5"))),
    _hostile("long", document(circle("-6.98", "110.42" + "9" * 20_000, "5"))),
    _hostile("deep", document("<a>" * 3_000 + "</a>" * 3_000)),
    _hostile("many", document(spot("-6.98", "110.42") * 100)),
    _hostile("nothing", document("")),
    _hostile("nowhere", document(spot("NaN", "Infinity"))),
    _hostile("off-earth", document(spot("98.6", "310.4"))),
    _hostile("civic", document(f"<ca:civicAddress><ca:A1>{MARK}</ca:A1></ca:civicAddress>")),
]  # fmt: skip


def _scenario(address: str, number: str, xml: str) -> str:
    """INVITE with a location, 0 by INFO two seconds after the answer, then the other side's BYE."""
    head = (
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\r\nMax-Forwards: 70\r\n"
        f"From: <sip:{number}@{address}>;tag=[call_number]geo\r\n"
    )
    sdp = (
        f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        "m=audio [media_port] RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    )
    uri = "sip:112@[remote_ip]:[remote_port]"
    contact = "Contact: <sip:geo@[local_ip]:[local_port]>\r\n"
    inside = "To: <" + uri + ">[peer_tag_param]\r\nCall-ID: [call_id]\r\n"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<scenario name="a caller whom the network locates">
<send retrans="500"><![CDATA[
INVITE {uri} SIP/2.0\r
{head}To: <{uri}>\r
Call-ID: [call_id]\r
CSeq: 1 INVITE\r
{contact}P-Asserted-Identity: <sip:{number}@{address}>\r
{GEOLOCATION[0]}\r
{GEOLOCATION[1]}\r
{MULTIPART}\r
Content-Length: [len]\r
\r
{multipart(sdp, xml)}
]]></send>
<recv response="100" optional="true"/><recv response="180" optional="true"/>
<recv response="183" optional="true"/><recv response="200"/>
<send><![CDATA[
ACK {uri} SIP/2.0\r
{head}{inside}CSeq: 1 ACK\r
{contact}Content-Length: 0\r
\r
]]></send>
<pause milliseconds="2000"/>
<send retrans="500"><![CDATA[
INFO {uri} SIP/2.0\r
{head}{inside}CSeq: 2 INFO\r
{contact}Content-Type: application/dtmf-relay\r
Content-Length: [len]\r
\r
Signal=0\r
Duration=160\r
]]></send>
<recv response="200"/>
<recv request="BYE" timeout="90000"/>
<send><![CDATA[
SIP/2.0 200 OK\r
[last_Via:]\r
[last_From:]\r
[last_To:]\r
[last_Call-ID:]\r
[last_CSeq:]\r
Content-Length: 0\r
\r
]]></send>
</scenario>
"""


@asynccontextmanager
async def located_caller(
    target: tuple[str, int], number: str, shape: str, address: str = "127.0.0.2"
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A real SIPp that calls with a location and presses 0; it ends when the other side hangs up."""
    with tempfile.TemporaryDirectory(prefix="psap-pidf-") as folder:
        Path(folder, "pidf.xml").write_text(_scenario(address, number, document(shape)), "utf-8", newline="")
        process = await asyncio.create_subprocess_exec(
            *sipp_command(), f"{target[0]}:{target[1]}", "-sf", "pidf.xml", "-m", "1", "-t", "u1", "-nostdin",
            "-i", address, "-p", str(free_udp_port(address)), "-mi", address,
            "-mp", str(free_udp_port(address)), "-timeout", "120", "-trace_err", "-error_file", "errors.log",
            cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
