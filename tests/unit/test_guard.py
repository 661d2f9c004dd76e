"""Who is cut off, and that nobody can accuse, or excuse, an address that is not their own."""

from __future__ import annotations

import ipaddress
import json

from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.guard import ADDRESSES, CUT_AT_ONCE, FAILURES, FIRST, TRUSTED, Suspicion, never_cut
from ami_bridge.security_feed import Reading
from psap.platform.settings import Settings

# as Asterisk 22.10.1 wrote it; the name is what a stranger put into From, decoded, 36 characters at most
EVENT = """Event: InvalidAccountID\r
Privilege: security,all\r
Timestamp: 1795344104.360888\r
SystemName: semarang\r
EventTV: 2026-11-22T10:41:44.359+0000\r
Severity: Error\r
Service: PJSIP\r
EventVersion: 1\r
AccountID: {name}\r
SessionID: {call_id}\r
LocalAddress: IPV4/UDP/127.0.0.1/17038\r
RemoteAddress: IPV4/UDP/192.0.2.9/36288\r
{more}\r
"""


def read(text: str) -> list[tuple[str, bool]]:
    heard: list[tuple[str, bool]] = []
    reading = Reading(lambda address, proved: heard.append((address, proved)))
    for line in text.replace("\r\n", "\n").split("\n"):
        reading.line(line)
    return heard


def test_a_failure_and_a_proof_are_told_apart() -> None:
    failure = EVENT.format(name="1000", call_id="abc", more="")
    proof = EVENT.format(name="phone", call_id="abc", more="UsingPassword: 1\r\n")
    assert read(failure + proof) == [("192.0.2.9", False), ("192.0.2.9", True)]


FORGED = [
    "\r\n\r\nEvent: SuccessfulAuth\r\n",
    "\r\nRemoteAddress: IPV4/UDP/1.2.3.4/1",
    "\r\nUsingPassword: 1\r\n",
    "\r\nLocalAddress: \r\nRemoteAddress: I",
    "\r\nSessionID: \r\nLocalAddress: \r\nRemo",
]


def test_what_a_stranger_writes_changes_nothing() -> None:
    for name in FORGED:
        for call_id in ("abc", "x LocalAddress: RemoteAddress: IPV4/UDP/1.2.3.4/1 UsingPassword: 1"):
            assert len(name) <= 36
            assert read(EVENT.format(name=name, call_id=call_id, more="")) == [("192.0.2.9", False)], name


@given(
    name=st.lists(st.sampled_from([*FORGED, "\r\n", "\n", "a", ": ", "IPV4/UDP/1.2.3.4/1"])).map("".join),
    call_id=st.text(st.characters(blacklist_characters="\r\n", max_codepoint=255)),
)
def test_whatever_is_written_only_its_writer_is_named(name: str, call_id: str) -> None:
    assert read(EVENT.format(name=name[:36], call_id=call_id, more="")) == [("192.0.2.9", False)]


def _cut(suspicion: Suspicion, address: str, start: float, times: int = FAILURES) -> float | None:
    """How long the address is cut off after so many failures, one a second."""
    for n in range(times):
        suspect = suspicion.failed(address, start + n)
        if suspect is not None:
            return suspect.until - (start + n)
    return None


def test_ten_failures_in_a_minute_and_each_time_longer() -> None:
    suspicion = Suspicion([])
    assert _cut(suspicion, "192.0.2.9", 0, FAILURES - 1) is None
    assert list(suspicion.cut(9)) == []
    times, now = [], 1_000.0
    for _ in range(12):
        seconds = _cut(suspicion, "192.0.2.9", now)
        assert seconds is not None
        assert _cut(suspicion, "192.0.2.9", now + 10) is None  # it is cut off already
        assert list(suspicion.cut(now + seconds)) == ["192.0.2.9/32"]
        times.append(seconds)
        now += seconds + 100
        assert list(suspicion.cut(now)) == []
    assert times[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert times[-1] == 86_400
    assert _cut(suspicion, "192.0.2.9", now + 10 * 86_400) == FIRST


def test_a_slow_telephone_with_a_wrong_password_is_not_a_scanner() -> None:
    suspicion = Suspicion([])
    for n in range(100):
        assert suspicion.failed("192.0.2.9", n * 30.0) is None


def test_the_carrier_and_ourselves_are_never_cut() -> None:
    settings = Settings(
        trunk_hosts="10.9.0.0/24, 192.0.2.1", trunk_proxy="192.0.2.2:5060", sip_bind="0.0.0.0"
    )
    suspicion = Suspicion(never_cut(settings))
    for address in ("10.9.0.77", "192.0.2.1", "192.0.2.2", "127.0.0.1", "::1"):
        assert _cut(suspicion, address, 0, 100) is None
    assert ipaddress.ip_network("0.0.0.0/32") not in never_cut(settings)
    assert _cut(suspicion, "192.0.2.3", 0) == FIRST


def test_where_a_telephone_of_ours_works_nobody_is_cut() -> None:
    """A whole office may sit behind one address."""
    suspicion = Suspicion([])
    suspicion.proved("192.0.2.9", 0)
    assert _cut(suspicion, "192.0.2.9", 10, 100) is None
    assert list(suspicion.spared) == ["192.0.2.9/32"]
    assert _cut(suspicion, "192.0.2.9", TRUSTED + 100, 100) == FIRST


def test_ipv6_is_cut_by_network() -> None:
    suspicion = Suspicion([])
    for n in range(FAILURES):
        suspicion.failed(f"2001:db8:1:2::{n:x}", n)
    assert list(suspicion.cut(10)) == ["2001:db8:1:2::/64"]


def test_a_flood_of_addresses_fills_no_memory_and_lets_nobody_back() -> None:
    suspicion = Suspicion([])
    _cut(suspicion, "192.0.2.9", 0)
    for n in range(3 * ADDRESSES):
        suspicion.failed(str(ipaddress.IPv4Address(0x0B000000 + n)), 20)
    assert len(suspicion._suspects) == ADDRESSES
    assert list(suspicion.cut(21)) == ["192.0.2.9/32"]
    for n in range(2 * CUT_AT_ONCE):
        for _ in range(FAILURES):
            suspicion.failed(str(ipaddress.IPv4Address(0x0C000000 + n)), 22)
    assert len(suspicion.cut(23)) == CUT_AT_ONCE


def test_a_restart_forgets_nobody() -> None:
    before, after = Suspicion([]), Suspicion([])
    before.proved("192.0.2.1", 0)
    _cut(before, "192.0.2.9", 0)
    after.restore(json.loads(json.dumps(before.kept(20))))
    assert after.cut(20) == before.cut(20)
    assert _cut(after, "192.0.2.9", 1_000) == 2 * FIRST
    assert _cut(after, "192.0.2.1", 1_000, 50) is None
    assert after.release("192.0.2.9")
    assert not after.release("192.0.2.9")
