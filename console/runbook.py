"""docs/runbook.md as a page at /api/docs/runbook: an alert, and the page "Keadaan", point at its sections.

Public like the interface's description: it is part of the software and knows nothing of this installation.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from aiohttp import web
from markdown_it import MarkdownIt

from console.problem import Problem
from psap.platform.settings import ROOT

FILE = ROOT / "docs" / "runbook.md"
PATH = "/api/docs/runbook"

# which section speaks of a part
SECTIONS = {"database": "records-wait", "disk": "the-disk-fills-up"}
SECTION = "a-part-is-away"


def section(part: str) -> str:
    """The address of what the runbook says about a part."""
    return f"{PATH}#{SECTIONS.get(part, SECTION)}"


def anchor(title: str) -> str:
    """A heading's name in addresses, as Git hosts make it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


@lru_cache(maxsize=1)
def page_of(path: Path, _stamp: int) -> str:
    """The file as HTML; text in it that looks like HTML stays text."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(path.read_text("utf-8"))
    for opened, words in pairwise(tokens):
        if opened.type == "heading_open":
            opened.attrSet("id", anchor(words.content))
        for inner in opened.children or ():
            # the other documents are not served here: their names stay, the links would lead nowhere
            if inner.type == "link_open" and not str(inner.attrGet("href")).startswith(("#", "http")):
                inner.attrs.pop("href")
    body = reader.renderer.render(tokens, reader.options, {})
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>112 · Runbook</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/api/docs.css">'
        f"</head><body>{body}</body></html>"
    )


async def page(_request: web.Request) -> web.Response:
    """The whole runbook."""
    try:
        text = page_of(FILE, FILE.stat().st_mtime_ns)
    except OSError:
        raise Problem("not_found") from None
    return web.Response(text=text, content_type="text/html")
