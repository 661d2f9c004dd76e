"""A caller who is gone again within milliseconds (INVITE, then CANCEL): one record, and whose call it was."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import cast

import pytest

from tests.support.centre import Centre, fresh_number

pytestmark = pytest.mark.calls

CARRIER = "127.0.0.2"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
    "m=audio 39998 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class Hasty(asyncio.DatagramProtocol):
    """INVITE, and CANCEL ``after`` seconds from the moment that the INVITE has arrived (100)."""

    def __init__(self, target: tuple[str, int], sender: str, after: float) -> None:
        self.target, self.sender, self.after = target, sender, after
        self.word = secrets.token_hex(8)
        self.final = asyncio.get_running_loop().create_future()  # status of the INVITE
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]
        self.send("INVITE", body=SDP)

    def send(self, method: str, to_tag: str = "", body: str = "", count: int = 1) -> None:
        branch = self.word if method != "BYE" else f"{self.word}b"
        uri = f"sip:112@{self.target[0]}:{self.target[1]}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {CARRIER}:{self.port};branch=z9hG4bK{branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: {self.sender};tag={self.word}\r\nTo: <{uri}>{to_tag}\r\n"
            f"Call-ID: {self.word}\r\nCSeq: {count} {method}\r\nContact: <sip:c@{CARRIER}:{self.port}>\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.transport.sendto(text.encode(), self.target)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        text = data.decode("utf-8", "replace")
        if not text.startswith("SIP/2.0 "):  # Asterisk hangs up where the CANCEL came too late
            answer = re.sub(r"^.*?\r\n", "SIP/2.0 200 OK\r\n", text.partition("\r\n\r\n")[0], count=1)
            self.transport.sendto(f"{answer}\r\n\r\n".encode(), self.target)
            return
        status = int(text.split()[1])
        if not re.search(r"(?im)^CSeq: *1 INVITE", text):
            if re.search(r"(?im)^CSeq: *2 BYE", text):
                self.over.set()
            return
        if status == 100:
            asyncio.get_running_loop().call_later(self.after, self.send, "CANCEL")
        if status < 200:
            return
        tag = re.search(r"(?im)^To:[^\r\n]*(;tag=[^;\r\n]+)", text)
        self.send("ACK", tag[1] if tag else "")
        if status == 200:
            self.send("BYE", tag[1] if tag else "", count=2)
        else:
            self.over.set()
        if not self.final.done():
            self.final.set_result(status)


@pytest.mark.parametrize("name", ["", '"Ibu <sip:08119999999@x>) :)" '], ids=["plain", "named"])
async def test_whose_call_it_was_is_known(centre: Centre, name: str) -> None:
    """Wherever in the dialplan's first milliseconds the CANCEL comes."""
    settings = centre.home.settings
    target = (settings.sip_bind, settings.sip_port)
    loop = asyncio.get_running_loop()
    statuses: dict[str, int] = {}
    for turn in range(12):
        number = fresh_number()
        user = number if not name else f"{number};cpc=ordinary"  # read by the long way
        transport, hasty = await loop.create_datagram_endpoint(
            lambda user=user, turn=turn: Hasty(  # type: ignore[misc]
                target, f"{name}<sip:{user}@{CARRIER}>", turn % 6 / 2000
            ),
            local_addr=(CARRIER, 0),
        )
        try:
            statuses[number] = await asyncio.wait_for(hasty.final, 20)
            await asyncio.wait_for(hasty.over.wait(), 20)
        finally:
            transport.close()
    assert set(statuses.values()) <= {200, 487}
    assert 487 in statuses.values(), "not one CANCEL came before the answer"
    for number in statuses:
        record = await centre.record(number, timeout=20)
        assert record["caller"]["number"] == number
        assert record["gate"]["result"] == "hung_up"
        assert (record["ending"], record["ended_by"]) == ("abandoned_in_gate", "caller")
