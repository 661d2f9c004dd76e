"""The OpenAPI document, made from the same table and models that serve and validate."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from console.problem import PROBLEMS, ProblemBody
from console.security import COOKIE
from console.table import API, Route, RouteTable

REF = "#/components/schemas/{model}"
References = dict[type[BaseModel], Any]


def document(tables: Iterable[RouteTable]) -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
    tables = list(tables)
    models = {model for table in tables for route in table.routes for model in _models(route)}
    inputs = {route.body for table in tables for route in table.routes if route.body}
    wanted: list[tuple[type[BaseModel], Any]] = [
        (model, "validation" if model in inputs else "serialization")
        for model in sorted(models | {ProblemBody}, key=lambda one: one.__name__)
    ]
    named, definitions = models_json_schema(wanted, ref_template=REF)
    references = {model: named[model, mode] for model, mode in wanted}
    schemas = definitions.get("$defs", {})
    for query in {route.query for table in tables for route in table.routes if route.query}:
        schemas |= query.model_json_schema(ref_template=REF).get("$defs", {})
    paths: dict[str, dict[str, Any]] = {}
    for table in tables:
        for route in table.routes:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(table.tag, route, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "psap112",
            "version": "1",
            "description": "Nomor darurat 112 / The single emergency number 112. "
            "Waktu / times: RFC 3339. Galat / errors: application/problem+json.",
        },
        "servers": [{"url": API}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _models(route: Route) -> list[type[BaseModel]]:
    return [model for model in (route.body, route.answer) if model is not None]


def _operation(tag: str, route: Route, references: References) -> dict[str, Any]:
    indonesian, english = route.summary
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "tags": [tag],
        "summary": f"{indonesian} / {english}",
        "x-roles": sorted(role.value for role in route.roles),
        "security": [{"cookie": []}, {"bearer": []}] if route.roles else [],
        "parameters": _parameters(route),
        "responses": _responses(route, references),
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": not route.body_optional,
            "content": {"application/json": {"schema": references[route.body]}},
        }
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.query is not None:
        schema = route.query.model_json_schema(ref_template=REF)
        required = schema.get("required", [])
        for name, field in schema["properties"].items():
            found.append({"name": name, "in": "query", "required": name in required, "schema": field})
    found += [{"name": name, "in": "header", "schema": {"type": "string"}} for name in route.headers]
    return found


def _responses(route: Route, references: References) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "OK"}
    if route.answer is not None:
        answer["content"] = {route.content_type: {"schema": references[route.answer]}}
    elif route.status != 204:
        answer["content"] = {route.content_type: {}}
    responses: dict[str, Any] = {str(route.status): answer}
    if "Idempotency-Key" in route.headers:  # the same request again: what it made the first time
        responses["200"] = {**answer, "description": "Sudah dibuat / made already"}
    keys = list(route.problems)
    if route.roles:
        keys += ["signed_out", "forbidden"]
    if route.body is not None:
        keys += ["bad_json", "too_large", "not_json", "invalid"]
    elif route.query is not None:
        keys.append("invalid")
    by_status: dict[int, list[str]] = {}
    for key in keys:
        by_status.setdefault(PROBLEMS[key][0], []).append(key)
    for status, named in sorted(by_status.items()):
        words = "; ".join(f"{key}: {PROBLEMS[key][1]} / {PROBLEMS[key][2]}" for key in named)
        responses[str(status)] = {
            "description": words,
            "content": {"application/problem+json": {"schema": references[ProblemBody]}},
        }
    return responses
