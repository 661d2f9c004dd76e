"""Sessions that end, guesses that cost time, second factors, who looked at what, headers on everything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pyotp
from aiohttp.test_utils import TestServer
from sqlalchemy import update

from console.app import make_app, make_parts
from console.security import HEADERS
from psap.accounts.lockout import ACCOUNT, PAIR, SECOND, Lockout, network_of
from psap.accounts.sessions import SessionLimits, Sessions
from psap.platform.audit import Action, read_audit
from psap.platform.clock import FixedClock
from psap.platform.schema import sessions
from tests.console.conftest import PASSWORD, Console
from tests.console.test_calls import call, record

Json = dict[str, Any]


@asynccontextmanager
async def browser(
    console: Console, username: str = "agent1", *, origin: str | None = None, **extra: str
) -> AsyncIterator[aiohttp.ClientSession]:
    """A signed-in browser: a cookie and the own Origin."""
    origin = origin or console.origin
    async with aiohttp.ClientSession(
        f"{origin}/api/v1/", headers={"Origin": origin}, cookie_jar=aiohttp.CookieJar(unsafe=True)
    ) as http:
        body = {"username": username, "password": PASSWORD, **extra}
        async with http.post("session", json=body) as answer:
            assert answer.status == 200, await answer.text()
        yield http


async def ask(http: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with http.request(method, path, json=body) as answer:
        text = await answer.text()
        return answer.status, await answer.json(content_type=None) if text else None


async def entries(console: Console, action: Action) -> list[Any]:
    async with console.parts.database.read() as connection:
        return await read_audit(connection, console.parts.site, action=str(action), limit=500)


# -- sessions


async def test_one_sees_and_ends_ones_own_sessions(console: Console) -> None:
    async with browser(console) as here, browser(console) as there:
        _, found = await ask(here, "GET", "me/sessions")
        cookies = [one for one in found["items"] if one["kind"] == "cookie"]
        assert [one["current"] for one in cookies].count(True) == 1
        assert {one["address"] for one in cookies} == {"127.0.0.1"}
        assert all("aiohttp" in one["device"] and "secret" not in one for one in cookies)
        other = next(one for one in cookies if not one["current"])
        assert await ask(here, "DELETE", f"sessions/{other['id']}") == (200, {"revoked": 1})
        assert (await ask(there, "GET", "me"))[0] == 401
        assert (await ask(here, "GET", "me"))[0] == 200
    ended = await entries(console, Action.SESSION_REVOKED)
    assert [(one.actor, one.subject) for one in ended] == [("agent1", other["id"])]


async def test_ending_all_others_spares_this_one_and_tokens(console: Console) -> None:
    async with browser(console) as here, browser(console) as there, browser(console) as third:
        assert await ask(here, "DELETE", "me/sessions") == (200, {"revoked": 2})
        assert [(await ask(http, "GET", "me"))[0] for http in (here, there, third)] == [200, 401, 401]
    assert (await console.ask("GET", "/me", "agent1"))[0] == 200


async def test_nobody_but_an_administrator_ends_anothers_session(console: Console) -> None:
    async with browser(console, "agent2") as theirs:
        _, found = await ask(theirs, "GET", "me/sessions")
        session = next(one["id"] for one in found["items"] if one["current"])
        for who in ("agent1", "supervisor1", "dispatcher1", "qc1"):
            status, problem = await console.ask("DELETE", f"/sessions/{session}", who)
            assert (status, problem["key"]) == (404, "not_found")
        assert (await ask(theirs, "GET", "me"))[0] == 200
        _, users = await console.ask("GET", "/users", "admin1")
        agent2 = next(user for user in users["items"] if user["username"] == "agent2")
        _, seen = await console.ask("GET", f"/users/{agent2['id']}/sessions", "admin1")
        assert session in {one["id"] for one in seen["items"]}
        assert (await console.ask("DELETE", f"/sessions/{session}", "admin1"))[0] == 200
        assert (await ask(theirs, "GET", "me"))[0] == 401
    status, told = await console.ask("DELETE", f"/users/{agent2['id']}/sessions", "admin1")
    assert (status, told) == (200, {"revoked": 1})  # the token
    assert (await console.ask("GET", "/me", "agent2"))[0] == 401


async def test_an_ended_session_loses_its_live_channel_at_once(console: Console) -> None:
    async with browser(console) as here, browser(console) as there, there.ws_connect("events") as socket:
        await ask(here, "DELETE", "me/sessions")
        async with asyncio.timeout(20):
            while (await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
                pass


async def test_rest_and_the_longest_time_end_a_session(console: Console) -> None:
    clock = FixedClock(console.parts.clock.now_us())
    limits = SessionLimits(idle_seconds=3_600, longest_seconds=9_000)
    made = Sessions(console.parts.database, console.parts.site, clock, limits)
    user = await console.parts.accounts.existing("agent1")
    resting = await made.open(user, "cookie", by="agent1")
    used = await made.open(user, "cookie", by="agent1")
    token = await made.open(user, "token", by="agent1")
    clock.advance(3_500)
    assert await made.identify(used) is not None
    clock.advance(200)
    assert await made.identify(resting) is None
    clock.advance(3_000)
    assert (await made.identify(used)).seconds_left == 9_000 - 6_700  # type: ignore[union-attr]
    clock.advance(2_400)
    assert await made.identify(used) is None  # in use all the time, and over
    assert await made.identify(token) is not None


async def test_a_shorter_limit_counts_at_once(console: Console) -> None:
    async with browser(console) as http:
        assert (await ask(http, "GET", "me"))[0] == 200
        async with console.parts.database.write() as connection:
            seen = console.parts.clock.now_us() - 3_000 * SECOND
            await connection.execute(update(sessions).values(seen_at=seen))
        shorter = console.parts.settings.model_copy(update={"session_idle_minutes": 30})
        async with TestServer(make_app(make_parts(shorter))) as second:
            headers = {"Cookie": "; ".join(f"{c.key}={c.value}" for c in http.cookie_jar)}
            async with aiohttp.request("GET", second.make_url("/api/v1/me"), headers=headers) as answer:
                assert answer.status == 401


# -- guessing


async def test_failures_outlast_a_restart_of_the_console(console: Console) -> None:
    body = {"username": "agent1", "password": "salah"}
    for _ in range(5):
        assert (await console.ask("POST", "/session", json=body))[0] == 401
    async with TestServer(make_app(make_parts(console.parts.settings))) as second:
        url = second.make_url("/api/v1/session")
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, json=body | {"password": PASSWORD}) as told,
        ):
            assert told.status == 429
            assert 1 <= int(told.headers["Retry-After"]) <= 60
    locked = await entries(console, Action.SIGN_IN_LOCKED)
    assert [one.detail["address"] for one in locked] == ["127.0.0.1"]


async def test_many_guesses_at_once_are_many_failures(console: Console) -> None:
    body = {"username": "agent1", "password": "salah"}
    found = await asyncio.gather(*(console.ask("POST", "/session", json=body) for _ in range(12)))
    assert sorted({status for status, _ in found}) == [401, 429]
    assert [status for status, _ in found].count(401) == 5


async def test_waits_grow_and_time_forgives(console: Console) -> None:
    clock = FixedClock(console.parts.clock.now_us())
    lockout = Lockout(console.parts.database, "waits", clock)
    waits = []
    for _ in range(10):
        while (wait := await lockout.attempt("agent1", "10.0.0.9")) > 0:
            waits.append(wait)
            clock.advance(wait)
    # a wait forgives a little itself, so the last ones may repeat
    assert waits[:3] == [60, 120, 240]
    assert waits == sorted(waits)
    assert max(waits) >= 480
    clock.advance(PAIR.leak * 20)
    assert [await lockout.attempt("agent1", "10.0.0.9") for _ in range(4)] == [0] * 4


async def test_a_stranger_locks_nobody_out(console: Console) -> None:
    """Guesses from a thousand addresses stop at strangers; where the person signed in before, they may."""
    async with browser(console):
        pass  # 127.0.0.1 is now an address of agent1's
    clock = FixedClock(console.parts.clock.now_us())
    lockout = Lockout(console.parts.database, console.parts.site, clock)
    answers = [await lockout.attempt("agent1", f"10.1.{n // 250}.{n % 250}") for n in range(70)]
    assert answers[: int(ACCOUNT.free) - 1] == [0] * (int(ACCOUNT.free) - 1)
    assert answers[-1] > 0
    assert await lockout.attempt("agent1", "127.0.0.1") == 0
    assert await lockout.attempt("agent2", "10.1.0.1") == 0


def test_ipv6_counts_by_network() -> None:
    assert network_of("2001:db8:1:2:aaaa::1") == network_of("2001:db8:1:2:bbbb::9") == "2001:db8:1:2::/64"
    assert network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("fe80::1%eth0") == "fe80::/64"


# -- second factor


async def _enrol(http: aiohttp.ClientSession) -> tuple[pyotp.TOTP, list[str]]:
    status, made = await ask(http, "POST", "me/totp")
    assert status == 200
    assert made["uri"].startswith("otpauth://totp/")
    totp = pyotp.TOTP(made["secret"])
    status, told = await ask(http, "POST", "me/totp/confirm", {"code": totp.at(time.time() - 30)})
    assert status == 200, told
    return totp, told["recovery_codes"]


async def test_a_second_factor_from_enrolment_to_reset(console: Console) -> None:
    async with browser(console, "supervisor1") as http:
        assert (await ask(http, "POST", "me/totp/confirm", {"code": "000000"}))[0] == 401
        totp, recovery = await _enrol(http)
        assert (await ask(http, "POST", "me/totp"))[1]["key"] == "totp_on"
    credentials = {"username": "supervisor1", "password": PASSWORD}

    async def sign_in(code: str | None) -> tuple[int, str | None]:
        body = credentials | ({} if code is None else {"code": code})
        status, told = await console.ask("POST", "/session", json=body)
        return status, told.get("key")

    assert await sign_in(None) == (401, "code_needed")
    assert await sign_in("123456") == (401, "wrong_code")
    code = totp.at(time.time() + 30)  # the next step's: a telephone that is a little fast
    assert await sign_in(code) == (200, None)
    assert await sign_in(code) == (401, "wrong_code")  # seen over a shoulder: it counts once
    assert await sign_in(recovery[0].upper()) == (200, None)
    assert await sign_in(recovery[0]) == (401, "wrong_code")
    # the password alone is told nothing more than that a code is needed; without it, not even that
    wrong = credentials | {"password": "salah", "code": recovery[1]}
    assert (await console.ask("POST", "/session", json=wrong))[1]["key"] == "wrong_credentials"
    _, users = await console.ask("GET", "/users", "admin1")
    lost = next(user for user in users["items"] if user["username"] == "supervisor1")
    assert lost["totp"] is True
    assert (await console.ask("DELETE", f"/users/{lost['id']}/totp", "admin1"))[0] == 204
    assert await sign_in(None) == (200, None)
    assert [one.actor for one in await entries(console, Action.TOTP_RESET)] == ["admin1"]
    assert len(await entries(console, Action.RECOVERY_USED)) == 1


async def test_codes_and_recovery_codes_are_not_stored_in_the_clear(console: Console) -> None:
    async with browser(console, "qc1") as http:
        _, recovery = await _enrol(http)
    stored = (console.home / "psap.db").read_bytes() + (console.home / "psap.db-wal").read_bytes()
    assert not [code for code in recovery if code.encode() in stored]


async def test_a_role_that_needs_one_may_do_nothing_else_before(console: Console) -> None:
    settings = console.parts.settings.model_copy(update={"totp_roles": "admin, supervisor"})
    async with TestServer(make_app(make_parts(settings))) as second:
        origin = str(second.make_url("")).rstrip("/")
        async with browser(console, "admin1", origin=origin) as http:
            for method, path in (("GET", "calls"), ("GET", "audit"), ("GET", "users"), ("GET", "events")):
                status, problem = await ask(http, method, path)
                assert (status, problem["key"]) == (403, "totp_needed"), path
            assert (await ask(http, "GET", "me"))[0] == 200
            await _enrol(http)
            assert (await ask(http, "GET", "audit"))[0] == 200
        async with browser(console, "agent1", origin=origin) as http:
            assert (await ask(http, "GET", "calls"))[0] == 200


# -- who looked at what


async def test_looking_leaves_a_trace_without_the_number(console: Console) -> None:
    seen = call(1)
    await record(console, seen)
    await console.ask("GET", f"/calls/{seen.id}", "dispatcher1")
    await console.ask("GET", f"/calls/{seen.id}", "dispatcher1")
    await console.ask("POST", "/calls/search", "qc1", json={"number": "081234567890"})
    await console.ask("POST", "/incidents/search", "agent2", json={"q": "+62 812-3456-7890"})
    viewed = await entries(console, Action.CALL_VIEWED)
    assert [(one.actor, one.subject) for one in viewed] == [("dispatcher1", seen.id)]
    _, told = await console.ask("POST", "/audit/search", "admin1", json={"number": "+6281234567890"})
    assert {(one["actor"], one["action"]) for one in told["items"]} == {
        ("qc1", "number.searched"), ("agent2", "number.searched")
    }  # fmt: skip
    _, everything = await console.ask("GET", "/audit?limit=500", "admin1")
    assert "81234567890" not in str(everything)
    assert "audit.viewed" in {one["action"] for one in everything["items"]}


async def test_the_audit_by_pages(console: Console) -> None:
    _, first = await console.ask("GET", "/audit?limit=3", "admin1")
    _, second = await console.ask("GET", f"/audit?limit=3&cursor={first['next']}", "admin1")
    places = [one["seq"] for one in first["items"] + second["items"]]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == 6
    for cursor in ("x", "-1", "9" * 30, "%F0%9F"):
        assert (await console.ask("GET", f"/audit?cursor={cursor}", "admin1"))[1]["key"] == "bad_cursor"


# -- repeated requests


async def test_an_idempotency_key_with_another_body_is_refused(console: Console) -> None:
    headers = {"Idempotency-Key": "k-1"}
    _, first = await console.ask(
        "POST", "/incidents", "agent1", json={"place": "Simpang Lima"}, headers=headers
    )
    again = await console.ask("POST", "/incidents", "agent1", json={"place": "Simpang Lima"}, headers=headers)
    assert (again[0], again[1]["id"]) == (200, first["id"])
    status, problem = await console.ask(
        "POST", "/incidents", "agent1", json={"place": "Tugu"}, headers=headers
    )
    assert (status, problem["key"]) == (422, "other_request")


# -- what every answer carries


ANSWERS = [
    ("GET", "/", None),
    ("GET", "/no/such/page", None),
    ("GET", "/assets/none.js", None),
    ("GET", "/healthz", None),
    ("GET", "/metrics", 200),
    ("GET", "/api/docs", 200),
    ("GET", "/api/docs.css", 200),
    ("GET", "/api/v1/openapi.json", 200),
    ("GET", "/api/v1/calls", 401),
    ("GET", "/api/v1/nothing", 404),
    ("PUT", "/api/v1/calls", 404),
    ("POST", "/api/v1/session", 415),
    ("OPTIONS", "/api/v1/calls", 404),
    ("HEAD", "/metrics", 200),
]


async def test_every_kind_of_answer_has_the_headers(console: Console) -> None:
    for method, path, status in ANSWERS:
        data = b"x" if method == "POST" else None
        async with console.http.request(method, console.origin + path, data=data) as told:
            assert status in (None, told.status), (method, path, told.status)
            for name, value in HEADERS.items():
                assert told.headers[name] == value, (path, name)
            policy = told.headers["Content-Security-Policy"]
            assert "unsafe" not in policy
            assert "script-src 'self';" in policy
            text = await told.text()
            if "html" in told.content_type:
                assert "<script>" not in text
                assert " onclick=" not in text
            if path.startswith("/api/v1"):
                assert told.headers["Cache-Control"] == "no-store"
            assert "Access-Control-Allow-Origin" not in told.headers
