"""Every route against every role, on the wire; the table in docs/security.md is this very matrix."""

from __future__ import annotations

import re

import pytest
from aiohttp import web

from console.app import TABLES, make_app
from console.table import API, Route
from psap.accounts.model import PERMISSIONS, Permission, Role
from tests.console.conftest import PEOPLE, Console
from tests.console.matrix import DOCUMENT, MATRIX, NOBODY, missing, rewritten

ROUTES: list[Route] = [route for each in TABLES for route in each.routes]
# what the application serves beside the table: documents and the page, which hold nothing of anybody
BESIDE = {"/api/docs", "/api/docs.css", "/api/docs/runbook", "/api/{tail}"}  # the last one answers 404


def where(path: str) -> str:
    """A path whose names name nothing."""
    return re.sub(r"{\w+}", "0", path.replace("{id}", NOBODY))


def test_every_route_is_in_the_matrix_and_the_other_way_round() -> None:
    told = missing({(route.method, route.path): route.roles for route in ROUTES})
    assert not told, f"\n{told}"


def test_the_matrix_stands_in_the_document() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert rewritten(text) == text, "run: .venv/bin/python -m tests.console.matrix"


def test_nothing_is_served_beside_the_table(console_app: web.Application) -> None:
    """A route that was registered past the table would have no roles: nothing under /api is."""
    listed = {(route.method, API + route.path) for route in ROUTES}
    beside = set()
    for route in console_app.router.routes():
        path = route.resource.canonical if route.resource else "?"
        if (route.method, path) not in listed and (route.method, path) != ("HEAD", path):
            beside.add(path)
    assert {path for path in beside if path.startswith("/api")} <= BESIDE, beside
    assert not [path for path in beside if path.startswith(API)], beside


def test_every_permission_is_somebodys_and_roles_differ() -> None:
    for permission in Permission:
        assert any(permission in held for held in PERMISSIONS.values()), permission
    assert set(PERMISSIONS) == set(Role)
    for admin_only in (Permission.MANAGE_USERS, Permission.SEE_AUDIT):
        assert [role for role in Role if admin_only in PERMISSIONS[role]] == [Role.ADMIN]


@pytest.fixture
def console_app(console: Console) -> web.Application:
    """The application that is served."""
    return make_app(console.parts)


async def test_the_matrix_holds_on_the_wire(console: Console) -> None:
    console.bridge.errors["call.classify"] = ("not_found", "no such call")  # as the real one says of these
    for (method, path), roles in MATRIX.items():
        if not roles or path == "/session":
            continue
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": "psap_session=nonsense"}):
            status, problem = await console.ask(method, where(path), headers=headers)
            assert (status, problem["key"]) == (401, "signed_out"), (method, path)
        for username, role in PEOPLE.items():
            if method == "DELETE" and path.startswith(("/me/sessions", "/sessions")) and role in roles:
                continue  # it would end the very sessions that ask; tested with its feature
            status, answer = await console.ask(method, where(path), username, json={})
            refused = status == 403 and answer["key"] == "forbidden"
            assert refused == (role not in roles), (method, path, role, status, answer)
            assert status != 500, (method, path, role)


async def test_a_closed_account_may_nothing(console: Console) -> None:
    """Each route asks for the account as it is now, not as it was at sign-in."""
    await console.parts.accounts.disable("admin1", actor="test")
    for (method, path), roles in MATRIX.items():
        if roles:
            status, problem = await console.ask(method, where(path), "admin1", json={})
            assert (status, problem["key"]) == (401, "signed_out"), (method, path)


async def test_another_spelling_of_a_path_opens_nothing(console: Console) -> None:
    for path in ("/calls/", "//calls", "/calls;x=1", "/./calls", "/%63alls", "/CALLS", "/audit/"):
        status, _ = await console.ask("GET", path)
        assert status in (401, 404), path
