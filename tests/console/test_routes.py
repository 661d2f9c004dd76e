"""The document that tells of every route, and the page that shows it."""

from __future__ import annotations

import json
from typing import Any

from console.app import TABLES
from console.openapi import document
from tests.console.conftest import Console
from tests.console.matrix import MATRIX, NOBODY


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
