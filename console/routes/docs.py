"""The interface's own description: OpenAPI for programs, one plain page for people."""

from __future__ import annotations

from html import escape
from typing import Any

from aiohttp import web

from console.problem import PROBLEMS
from console.table import API, PUBLIC, Ask, RouteTable

table = RouteTable("docs")

OPENAPI: web.AppKey[dict[str, Any]] = web.AppKey("openapi", dict)

STYLE = """
body{font:14px/1.5 system-ui,sans-serif;color:#14202b;background:#f3f5f7;margin:0 auto;
max-width:64rem;padding:24px}
section{background:#fff;border:1px solid #dde3e9;border-radius:8px;padding:12px 16px;margin:12px 0}
h1{font-size:27px}h2{font-size:20px;margin-top:24px}h3{font-size:14px;margin:0}
code{font-family:ui-monospace,monospace}.m{color:#1d5fa8;font-weight:700;margin-right:8px}
table{border-collapse:collapse}td,th{text-align:left;padding:4px 12px 4px 0;vertical-align:top}
small{color:#4a5a68}a{color:#1d5fa8}
"""


@table.add(
    "GET",
    "/openapi.json",
    roles=PUBLIC,
    summary=("Uraian antarmuka untuk program", "The interface's description for programs"),
)
async def get_openapi(ask: Ask[None, None]) -> dict[str, Any]:
    return ask.request.app[OPENAPI]


async def page(request: web.Request) -> web.Response:
    """The readable page at /api/docs: no script, no style inside, nothing from elsewhere."""
    return web.Response(text=render(request.app[OPENAPI]), content_type="text/html")


async def style(_request: web.Request) -> web.Response:
    """The page's style sheet."""
    return web.Response(text=STYLE, content_type="text/css")


def render(document: dict[str, Any]) -> str:
    """The document as HTML."""
    parts = [
        '<!doctype html><html lang="id"><head><meta charset="utf-8"><title>psap112 API</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/api/docs.css">'
        f"</head><body><h1>psap112 API</h1><p>{escape(document['info']['description'])}</p>"
        f'<p><a href="{API}/openapi.json">openapi.json</a> · <code>{API}</code></p>'
    ]
    tag = ""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                parts.append(f"<h2>{escape(tag)}</h2>")
            parts.append(_operation(method, path, operation))
    parts.append("<h2>schemas</h2>")
    for name, schema in document["components"]["schemas"].items():
        parts.append(_schema(name, schema))
    rows = "".join(
        f'<tr id="problem-{key}"><td><code>{key}</code></td><td>{status}</td>'
        f"<td>{escape(indonesian)}<br><small>{escape(english)}</small></td></tr>"
        for key, (status, indonesian, english) in PROBLEMS.items()
    )
    parts.append(f"<h2>problems</h2><section><table>{rows}</table></section></body></html>")
    return "".join(parts)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    roles = ", ".join(operation["x-roles"]) or "tanpa masuk / no sign-in"
    rows = ""
    for parameter in operation["parameters"]:
        rows += f"<tr><td>{parameter['in']}</td><td><code>{escape(parameter['name'])}</code></td></tr>"
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        rows += f"<tr><td>body</td><td>{_type(schema)}</td></tr>"
    for status, answer in operation["responses"].items():
        content = next(iter(answer.get("content", {"": {}}).values()))
        shown = _type(content["schema"]) if "schema" in content else ""
        rows += f"<tr><td>{status}</td><td>{shown} <small>{escape(answer['description'])}</small></td></tr>"
    return (
        f'<section><h3><span class="m">{method.upper()}</span><code>{escape(path)}</code></h3>'
        f"<p>{escape(operation['summary'])}<br><small>{escape(roles)}</small></p><table>{rows}</table></section>"
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_type(shape)}</td></tr>"
        for field, shape in schema.get("properties", {}).items()
    )
    if "enum" in schema:
        rows += f"<tr><td>{escape(', '.join(map(str, schema['enum'])))}</td></tr>"
    words = escape(schema.get("description", ""))
    return (
        f'<section id="schema-{escape(name)}"><h3><code>{escape(name)}</code></h3>'
        f"<p><small>{words}</small></p><table>{rows}</table></section>"
    )


def _type(shape: dict[str, Any]) -> str:
    if "$ref" in shape:
        name = escape(shape["$ref"].rsplit("/", 1)[1])
        return f'<a href="#schema-{name}"><code>{name}</code></a>'
    if "anyOf" in shape:
        return " | ".join(_type(each) for each in shape["anyOf"])
    if shape.get("type") == "array":
        return f"[{_type(shape.get('items', {}))}]"
    return f"<code>{escape(str(shape.get('type', 'any')))}</code>"
