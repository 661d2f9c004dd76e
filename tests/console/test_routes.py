"""Every route against every role, from one table; and the document that tells of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.app import TABLES
from console.openapi import document
from console.table import Route
from psap.accounts.model import Role
from tests.console.conftest import PEOPLE, Console

ALL = set(Role)
FLOOR = {Role.AGENT, Role.SUPERVISOR, Role.DISPATCHER, Role.ADMIN}
WORD = {Role.AGENT, Role.SUPERVISOR, Role.ADMIN}
TAKERS = {Role.AGENT, Role.SUPERVISOR}
DECIDE = {Role.SUPERVISOR, Role.ADMIN}
OPEN: set[Role] = set()

# who may do what, said a second time on purpose: a change of the policy must be made twice
MATRIX: dict[tuple[str, str], set[Role]] = {
    ("POST", "/session"): OPEN,
    ("DELETE", "/session"): ALL,
    ("GET", "/me"): ALL,
    ("GET", "/calls"): ALL,
    ("POST", "/calls/search"): ALL,
    ("GET", "/calls/{id}"): ALL,
    ("PATCH", "/calls/{id}"): WORD,
    ("POST", "/calls/{id}/end"): WORD,
    ("GET", "/queue"): FLOOR,
    ("POST", "/agents/me/login"): TAKERS,
    ("POST", "/agents/me/logout"): TAKERS,
    ("POST", "/agents/me/pause"): TAKERS,
    ("POST", "/agents/me/unpause"): TAKERS,
    ("GET", "/blocklist"): DECIDE,
    ("POST", "/blocklist"): DECIDE,
    ("POST", "/blocklist/search"): WORD,
    ("DELETE", "/blocklist/{id}"): DECIDE,
    ("POST", "/blocklist/{id}/confirm"): DECIDE,
    ("GET", "/incidents"): ALL,
    ("POST", "/incidents"): FLOOR,
    ("POST", "/incidents/search"): ALL,
    ("GET", "/incidents/{id}"): ALL,
    ("PATCH", "/incidents/{id}"): FLOOR,
    ("POST", "/incidents/{id}/dispositions"): FLOOR,
    ("PATCH", "/incidents/{id}/dispositions/{place}"): FLOOR,
    ("GET", "/profile"): ALL,
    ("GET", "/events"): ALL,
    ("GET", "/healthz"): OPEN,
    ("GET", "/metrics"): OPEN,
    ("GET", "/openapi.json"): OPEN,
}
ROUTES: list[Route] = [route for table in TABLES for route in table.routes]
NOBODY = "00000000-0000-4000-8000-000000000000"


def test_every_route_is_in_the_matrix_and_the_other_way_round() -> None:
    assert {(route.method, route.path) for route in ROUTES} == set(MATRIX)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_roles_are_as_the_matrix_says(route: Route) -> None:
    assert set(route.roles) == MATRIX[route.method, route.path]


async def test_the_matrix_holds_on_the_wire(console: Console) -> None:
    for (method, path), roles in MATRIX.items():
        if not roles or path == "/session":
            continue
        where = path.replace("{id}", NOBODY).replace("{place}", "0")
        status, problem = await console.ask(method, where)
        assert (status, problem["key"]) == (401, "signed_out"), (method, path)
        status, problem = await console.ask(method, where, headers={"Authorization": "Bearer nonsense"})
        assert (status, problem["key"]) == (401, "signed_out"), (method, path)
        for username, role in PEOPLE.items():
            status, answer = await console.ask(method, where, username, json={})
            refused = status == 403 and answer["key"] == "forbidden"
            assert refused == (role not in roles), (method, path, role, status, answer)
            assert status != 500, (method, path, role)


def test_the_document_tells_every_route_in_both_languages() -> None:
    found = document(TABLES)
    assert found["openapi"].startswith("3.1")
    for (method, path), roles in MATRIX.items():
        operation = found["paths"][path][method.lower()]
        assert " / " in operation["summary"]
        assert operation["x-roles"] == sorted(roles)
        assert bool(operation["security"]) == bool(roles)
    names = [
        operation["operationId"]
        for operations in found["paths"].values()
        for operation in operations.values()
    ]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere() -> None:
    found = document(TABLES)
    schemas = found["components"]["schemas"]

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [ref for each in value.values() for ref in references(each)]
        return [ref for each in value for ref in references(each)] if isinstance(value, list) else []

    for reference in references(found):
        assert reference.removeprefix("#/components/schemas/") in schemas
    json.dumps(found)


async def test_the_document_and_the_page_are_served_without_anything_from_elsewhere(console: Console) -> None:
    status, found = await console.ask("GET", "/openapi.json")
    assert status == 200
    assert "/calls/{id}" in found["paths"]
    async with console.http.get(f"{console.origin}/api/docs") as answer:
        page = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    assert "<script" not in page
    assert "style=" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_metrics_have_bounded_labels(console: Console) -> None:
    for path in ("/calls/081234567890", f"/calls/{NOBODY}", "/nothing/081234567890"):
        await console.ask("GET", path, "agent1")
    async with console.http.get(f"{console.origin}/metrics") as answer:
        text = await answer.text()
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "081234567890" not in text
    assert NOBODY not in text
    assert 'route="/api/v1/calls/{id}",status="404"' in text
