"""Whoever tries names and passwords over SIP learns nothing and is cut off; calls and telephones go on."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from psap.platform.control import ask
from psap.queue.model import web_name
from psap.sip.sipp import Lines
from tests.calls.test_strangers import wiretap
from tests.support.api import Api
from tests.support.centre import Centre, fresh_number, phone_account

pytestmark = pytest.mark.calls

SCANNER, GUESSER, OFFICE = "127.0.0.77", "127.0.0.78", "127.0.0.79"
FORGED = "%0D%0A%0D%0AEvent%3A%20SuccessfulAuth%0D%0A"


class Stranger(asyncio.DatagramProtocol):
    """A host that sends SIP requests of its own making."""

    def __init__(self, target: tuple[str, int], address: str) -> None:
        self._target = target
        self._address = address
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._transport: asyncio.DatagramTransport

    async def open(self) -> Stranger:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self._address, 0), remote_addr=self._target
        )
        return self

    def close(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, _addr: Any) -> None:
        text = data.decode("latin-1")
        found = re.search(r"(?im)^call-id: *(\S+)", text)
        waiting = self._answers.get(found.group(1)) if found else None
        if waiting is not None and not waiting.done() and not text.startswith("SIP/2.0 1"):
            waiting.set_result(text)

    async def request(self, method: str, user: str, *, password: str | None = None) -> list[str]:
        """The answers to one request, and to its repetition with a password if one is given."""
        answers = [await self._send(method, user, "")]
        challenge = re.search(r'nonce="([^"]+)"', answers[0])
        if password is not None and challenge:
            answers.append(await self._send(method, user, self._proof(method, user, password, answers[0])))
        return answers

    def _proof(self, method: str, user: str, password: str, answer: str) -> str:
        said = dict(re.findall(r'(\w+)="([^"]*)"', answer))
        uri = f"sip:{self._target[0]}:{self._target[1]}"

        def md5(*words: str) -> str:
            return hashlib.md5(":".join(words).encode()).hexdigest()

        first = md5(user, said["realm"], password)
        proof = md5(first, said["nonce"], "00000001", "c", "auth", md5(method, uri))
        return (
            f'Authorization: Digest username="{user}", realm="{said["realm"]}", nonce="{said["nonce"]}", '
            f'uri="{uri}", response="{proof}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c", '
            f'opaque="{said["opaque"]}"\r\n'
        )

    async def _send(self, method: str, user: str, more: str) -> str:
        call_id = secrets.token_hex(8)
        port = self._transport.get_extra_info("sockname")[1]
        host, to = self._address, "112" if method == "INVITE" else user
        lines = [
            f"{method} sip:{self._target[0]}:{self._target[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{call_id};rport",
            "Max-Forwards: 70",
            f"From: <sip:{user}@{self._target[0]}>;tag={call_id}",
            f"To: <sip:{to}@{self._target[0]}>",
            f"Call-ID: {call_id}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:x@{host}:{port}>",
            "Expires: 60",
        ]
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers[call_id] = answer
        self._transport.sendto(("\r\n".join(lines) + f"\r\n{more}Content-Length: 0\r\n\r\n").encode())
        return await asyncio.wait_for(answer, 20)


@contextmanager
def closing(stranger: Stranger) -> Iterator[Stranger]:
    try:
        yield stranger
    finally:
        stranger.close()


def status(answer: str) -> int:
    return int(answer.split()[1])


async def guard(centre: Centre, method: str, **params: Any) -> Any:
    return await ask(centre.home.settings.bridge_socket, f"guard.{method}", params, timeout=20)


async def cut_off(centre: Centre, stranger: Stranger, address: str, method: str = "REGISTER") -> int:
    """Tries until the address is cut off; how many tries it had."""
    try:
        async with asyncio.timeout(40):
            for n in range(1, 10_000):
                answers = await stranger.request(method, f"1{n:03d}{FORGED}")
                if status(answers[-1]) == 403:
                    return n
                assert status(answers[-1]) == 401
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    raise AssertionError(f"{address} was never cut off: {await guard(centre, 'list')}")


async def test_a_scanner_is_cut_off_and_everybody_else_goes_on(centre: Centre) -> None:
    with closing(await Stranger(centre.target, SCANNER).open()) as scanner:
        async with centre.seat("agent1") as seat, wiretap(centre) as heard:
            tries = await cut_off(centre, scanner, SCANNER)
            assert tries > 10
            # the bridge's own link never carries what strangers put into security events
            assert b"InvalidAccountID" not in heard
            assert b"SuccessfulAuth" not in heard
            # beside those of other tests
            assert f"{SCANNER}/32" in [one["address"] for one in (await guard(centre, "list"))["cut"]]
            for method in ("REGISTER", "INVITE", "OPTIONS"):
                answer = (await scanner.request(method, "1000"))[-1]
                assert status(answer) == 403
                assert "WWW-Authenticate" not in answer
            number = fresh_number()
            async with centre.caller(number) as caller:
                await caller.answered(20)
                await caller.press("0")
                call = await seat.phone.ringing(20)
                await call.answer()
                caller.hang_up()
                assert await call.ended(20) == "caller"
            assert (await centre.record(number))["ending"] == "answered"
    async with Api(centre.home.http_url, "admin1") as admin:
        entries = (await admin.get("/audit?action=sip.host_cut_off"))["items"]
    assert entries[0]["subject"] == f"host:{SCANNER}"
    assert entries[0]["actor"] == "bridge"
    with closing(await Stranger(centre.target, SCANNER).open()) as scanner:
        assert await guard(centre, "release", address=SCANNER) == {"released": True}
        assert status((await scanner.request("REGISTER", "1000"))[-1]) == 401


def _shape(answer: str) -> str:
    """An answer without what differs by nature: ids, tags, nonces."""
    lines = [
        line
        for line in answer.split("\r\n")
        if not line.lower().startswith(("via:", "from:", "to:", "call-id:"))
    ]
    return re.sub(r'(nonce|opaque)="[^"]*"', r'\1="..."', "\r\n".join(lines))


async def test_names_cannot_be_enumerated(centre: Centre) -> None:
    """A telephone's name, its browser's, a missing one, the trunk's: the same answers, whatever is tried."""
    phone = phone_account(centre.home, "agent1")["username"]
    seen: dict[str, dict[str, list[str]]] = {}
    with closing(await Stranger(centre.target, GUESSER).open()) as guesser:
        for method in ("REGISTER", "INVITE", "OPTIONS"):
            for user in (phone, web_name(phone), "qwertyuiop123456", "1000", "trunk", "agent1"):
                answers = await guesser.request(method, user, password="guess")
                seen.setdefault(method, {})[user] = [_shape(each) for each in answers]
                await guard(centre, "release", address=GUESSER)
    for method, by_user in seen.items():
        for user, shapes in by_user.items():
            assert shapes == by_user[phone], (method, user)
            assert [status(each) for each in shapes] == [401, 401]


async def test_guessing_a_password_is_cut_off_where_no_telephone_of_ours_is(centre: Centre) -> None:
    account = phone_account(centre.home, "agent2")
    phone = account["username"]
    await guard(centre, "release", address=GUESSER)
    with closing(await Stranger(centre.target, GUESSER).open()) as guesser:
        async with asyncio.timeout(40):
            for n in range(10_000):
                answers = await guesser.request("REGISTER", phone, password=f"guess-{n}")
                if status(answers[-1]) == 403:
                    break
                await asyncio.sleep(0.02)
        assert n > 8
    async with Lines(centre.target, OFFICE) as office, centre.seat("agent2", lines=office):
        # one telephone of the office is set up wrongly: the others must not fall with it
        with closing(await Stranger(centre.target, OFFICE).open()) as wrong:
            for n in range(40):
                answers = await wrong.request("REGISTER", phone, password=f"guess-{n}")
                assert status(answers[-1]) == 401
        told = await guard(centre, "list")
        assert f"{OFFICE}/32" in told["spared"]
        assert f"{OFFICE}/32" not in {one["address"] for one in told["cut"]}
    await guard(centre, "release", address=GUESSER)
