"""The built page: index.html for ``/`` and the page's own routes, hashed assets with a long cache.

The build lays a ``.br`` and a ``.gz`` beside each text file; FileResponse hands out what the browser takes.
"""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from console.problem import Problem

FOREVER = "public, max-age=31536000, immutable"  # the name changes with the content
# the same address gives different bytes to different browsers: a cache between must know
VARY = {"Vary": "Accept-Encoding"}
SQUEEZED = (".br", ".gz")
MISSING = (
    '<!doctype html><html lang="id"><meta charset="utf-8"><title>psap112</title>'
    "<p>Halaman belum dibangun; jalankan ./112 up. / The page is not built yet; run ./112 up.</p>"
    '<p><a href="/api/docs">API</a></p></html>'
)


def add_page(app: web.Application, folder: Path) -> None:
    """Serve the page from ``folder``; API paths that nobody serves are told as problems."""

    async def serve(request: web.Request) -> web.StreamResponse:
        tail = request.match_info["tail"]
        if tail == "api" or tail.startswith("api/"):
            raise Problem("not_found")
        if tail.endswith(SQUEEZED):
            raise Problem("not_found")  # half of a pair, useless without the right header
        found = _file(folder, tail)
        if found is not None:
            cache = FOREVER if tail.startswith("assets/") else "no-cache"
            return web.FileResponse(found, headers={"Cache-Control": cache, **VARY})
        if "." in tail.rsplit("/", 1)[-1]:
            raise Problem("not_found")
        index = folder / "index.html"
        if not index.is_file():
            return web.Response(text=MISSING, content_type="text/html", status=503)
        return web.FileResponse(index, headers={"Cache-Control": "no-cache", **VARY})

    async def unknown(_request: web.Request) -> web.StreamResponse:
        raise Problem("not_found")

    app.router.add_get("/{tail:.*}", serve)
    app.router.add_route("*", "/api/{tail:.*}", unknown)


def _file(folder: Path, tail: str) -> Path | None:
    """A file of the page; None for whatever lies elsewhere, however the path is written."""
    if not tail or "\0" in tail:
        return None
    try:
        path = (folder / tail).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
