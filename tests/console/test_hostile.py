"""Input from people who mean no good, or whose program is broken."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.console.conftest import PASSWORD, Console
from tests.console.test_calls import call, record


async def raw(
    console: Console, method: str, path: str, data: bytes, who: str | None = "supervisor1", **headers: str
) -> tuple[int, Any]:
    sent = {"Content-Type": "application/json", **headers}
    if who is not None:
        sent["Authorization"] = f"Bearer {console.tokens[who]}"
    async with console.http.request(method, console.url(path), data=data, headers=sent) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.content_type == "application/problem+json"
        problem = await answer.json(content_type=None)
        assert set(problem) >= {"type", "title", "status", "detail", "key"}
        return answer.status, problem["key"]


async def test_an_oversized_body_is_refused_also_before_sign_in(console: Console) -> None:
    big = json.dumps({"username": "a", "password": "x" * 300_000}).encode()
    assert await raw(console, "POST", "/session", big, None) == (413, "too_large")
    assert await raw(console, "POST", "/calls/search", big) == (413, "too_large")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe", b'{"number": "\\ud800"}', b"[" * 10_000, b'{"a":NaN}']
)
async def test_what_is_no_json_is_told_so(console: Console, data: bytes) -> None:
    assert await raw(console, "POST", "/blocklist/search", data) in ((400, "bad_json"), (422, "invalid"))


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"null",
        b"7",
        b'"x"',
        b'{"number":7}',
        b'{"number":{}}',
        b'{"from":"kemarin"}',
        b'{"from":"2026-01-01T00:00:00"}',
        b'{"limit":0}',
        b'{"limit":501}',
        b'{"limit":"banyak"}',
        b'{"ending":"gone"}',
        b'{"unknown":1}',
    ],
)
async def test_wrong_types_are_named_and_values_are_not_repeated(console: Console, data: bytes) -> None:
    assert await raw(console, "POST", "/calls/search", data) == (422, "invalid")


async def test_a_body_of_another_kind_is_refused(console: Console) -> None:
    form = await raw(
        console,
        "POST",
        "/session",
        b"username=a&password=b",
        None,
        **{"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert form == (415, "not_json")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%00",
        "%ff%fe",
        "W10",
        "WzEsMl0",
        "bnVsbA",
        "WyI5Iiwi8J-YgCJd",
        "a" * 300,
        "9.9.9",
        "-1.x",
        "1.",
        "9999999999999999999.x",
        "1.%ED%A0%80",
        "'",
        "WzFlOTksIjAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMCJd",
    ],
)
@pytest.mark.parametrize("path", ["/calls", "/incidents", "/blocklist"])
async def test_a_garbage_cursor_is_refused_and_breaks_nothing(
    console: Console, path: str, cursor: str
) -> None:
    status, _ = await console.ask("GET", f"{path}?cursor={cursor}", "supervisor1")
    assert status in (200, 400, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/calls/x",
        "/calls/%00",
        "/calls/..%2f..%2fetc",
        "/calls/'%20or%201=1--",
        "/incidents/%ff",
        "/blocklist/x",
        "/calls/081234567890",
    ],
)
async def test_a_garbage_id_is_not_found(console: Console, path: str) -> None:
    method = "DELETE" if path.startswith("/blocklist") else "GET"
    status, problem = await console.ask(method, path, "supervisor1")
    assert (status, problem["key"]) == (404, "not_found")


async def test_html_in_a_caller_and_a_report_stays_data(console: Console) -> None:
    evil = "<script>alert(1)</script>"
    await record(console, call(1, note=evil))
    async with console.http.get(
        console.url(f"/calls/{call(1).id}"), headers={"Authorization": f"Bearer {console.tokens['agent1']}"}
    ) as answer:
        assert answer.content_type == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert (await answer.json())["note"] == evil
    status, incident = await console.ask("POST", "/incidents", "agent1", json={"caller_name": evil})
    assert (status, incident["caller_name"]) == (201, evil)


@pytest.mark.parametrize("token", ["", "x" * 5_000, "é", "a b c", "' or 1=1 --"])
async def test_garbage_tokens_are_signed_out(console: Console, token: str) -> None:
    console.tokens["garbage"] = token
    status, problem = await console.ask("GET", "/me", "garbage")
    assert (status, problem["key"]) == (401, "signed_out")


@pytest.mark.parametrize(
    "path",
    [
        "/../../app.py",
        "/assets/../../app.py",
        "/%2e%2e/app.py",
        "/..%2fapp.py",
        "//etc/passwd",
        "/assets/%00",
    ],
)
async def test_no_file_outside_the_page_is_served(console: Console, path: str) -> None:
    reader, writer = await asyncio.open_connection(console.server.host, console.server.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert b"web.Application" not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
async def test_other_methods_are_refused(console: Console, method: str) -> None:
    status, _ = await console.ask(method, "/calls", "supervisor1")
    assert status in (400, 404, 405)


async def test_a_wrong_password_and_a_locked_database_are_different_things(console: Console) -> None:
    async with console.parts.database.write():
        body = {"username": "agent1", "password": PASSWORD}
        status, problem = await console.ask("POST", "/session", json=body)
        assert (status, problem["key"]) == (503, "database_away")
        # who is signed in goes on reading
        status, _ = await console.ask("GET", "/calls", "agent1")
        assert status == 200
