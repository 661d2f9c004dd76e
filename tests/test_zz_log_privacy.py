"""No personal data in any log: after everything else, the logs of this session's homes are searched.

Searched are HOME/log (all parts, supervisord, `up`), Asterisk's own log, heartbeats and the processes'
command lines, for every number, name, note and address that the tests used (tests/support/persons.py) and for
anything that looks like an Indonesian telephone number. CEL, queue_log, AstDB, the database, Redis
and the recordings are data, not logs: they hold callers on purpose, under the home's own rights.
This module's name puts it last; it reads what the others left, and by itself it makes calls of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from psap.sip.caller import Caller
from tests.support import persons
from tests.support.centre import Centre, fresh_number
from tests.support.home import Home

pytestmark = pytest.mark.calls

NAME = "Sutarmi binti Karyorejo"
ADDRESS = "Jalan Menoreh Tengah Gang Mawar 17B"
NOTE = "suaminya memukul, pintu terkunci"


async def test_an_ordinary_day_leaves_nobody_in_the_logs(home: Home, centre: Centre) -> None:
    """Calls, a report, marks, blocks, searches, a refused sign-in; then every log is read."""
    number, blocked = fresh_number(), fresh_number()
    for word in (NAME, ADDRESS, NOTE):
        persons.remember(word)
    async with centre.seat("agent1", answer_after=0.1) as seat, centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        ringing = await centre.live.wait("call.answered", number=number)
        await seat.api.post("/incidents", {
            "call_id": ringing.data["call_id"], "caller_name": NAME, "place": ADDRESS, "description": NOTE,
        })  # fmt: skip
        caller.hang_up()
        await caller.ended(10)
    record = await centre.record(number)
    await centre.supervisor.patch(f"/calls/{record['id']}", {"classification": "prank", "note": NOTE})
    await centre.supervisor.post("/blocklist", {"number": blocked, "reason": NOTE, "for": "1h"})
    await centre.supervisor.post("/calls/search", {"number": number})
    await _refused(centre, caller, blocked)
    found = [leak for folder in sorted(persons.homes | {home.folder}) for leak in persons.in_logs(folder)]
    assert not found, f"{len(found)} lines\n" + "\n".join(found[:20])


async def _refused(centre: Centre, caller: Caller, number: str) -> None:
    """What goes wrong repeats nothing either: a bad request, a wrong password, an odd identity."""
    http = centre.supervisor.session
    url = f"{centre.home.http_url}/api/v1"
    bodies: list[tuple[str, object]] = [
        ("/calls/search", {"number": number, "x": NAME}),
        ("/incidents", {"caller_name": NAME * 100}),
        ("/blocklist", {"number": number, "reason": ""}),
        ("/session", {"username": number, "password": NOTE}),
    ]
    for path, body in bodies:
        async with http.post(url + path, json=body) as answer:
            assert 400 <= answer.status < 500
    async with http.get(f"{url}/calls/{number}?number={number}") as answer:
        assert answer.status in (404, 422)
    odd = f'"{NAME}" <sip:{number}:x@y@z>'.encode()
    async with centre.caller(None, from_header=odd, extra_header=b"P-Asserted-Identity: <tel:x") as other:
        await other.ended(10) if other.is_over else None


def test_the_search_finds_what_it_should(tmp_path: Path) -> None:
    """Broken on purpose: each kind of leak is seen, and what only looks alike is not."""
    number = fresh_number()
    persons.remember(NAME)
    (tmp_path / "log").mkdir()
    log = tmp_path / "log" / "agi.log"
    quiet = [
        '{"call_id": "6f1b5c1e-7d0a-5c1f-9a64-112112112112", "ms": 81.5}',
        "semarang-1795344669.54",
        "pid 6281",
    ]
    quiet += ['"number": "0812***44"', '"112081234567" (the call is taken)', "2026-11-22T10:52:51.708+0000"]
    log.write_text("\n".join(quiet), "utf-8")
    assert persons.in_logs(tmp_path) == []
    leaks = [
        number,
        f"62{number[1:]}",
        f"+62{number[1:]}",
        f"{number[:4]}-{number[4:8]}-{number[8:]}",
        NAME,
        "0243541234",
    ]
    leaks += [NAME.upper(), NAME.replace(" ", "%20"), "081399998888", "911-352099001761481"]
    for leak in leaks:
        log.write_text(f"{quiet[0]}\ncaller {leak} hung up\n", "utf-8")
        assert persons.in_logs(tmp_path), leak
