"""Who looked at what: written to the audit before the answer goes out, once per look.

A look at the same thing by the same person within ``PAUSE`` is the same look: pages fetch again as
events come in. A database that cannot write now costs the entry, never the answer: somebody may be
waiting for help at the other end.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from typing import Any

import structlog
from aiohttp import web

from console.parts import Parts
from console.table import Ask, Route
from psap.callers.numbers import block_key
from psap.platform.audit import Action, number_subject, write_audit

PAUSE = 300.0  # seconds
LONGEST_LISTENING = 3600.0  # seconds between two pieces of one listening
REMEMBERED = 10_000
LONGEST_WRITE = 0.7  # seconds
DIGITS = re.compile(r"\+?\d[\d\s.\-]{4,}\d")

log = structlog.get_logger(part="console")


class Views:
    """Notes looks; remembers the latest, so that each is noted once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._latest: OrderedDict[tuple[str, Action, str | None, str | None], float] = OrderedDict()

    async def note(self, ask: Ask[Any, Any], route: Route) -> None:
        """One successful request of a route that shows personal data."""
        assert route.views is not None
        action, subject = route.views, self._subject(ask, route)
        # a browser fetches a recording in many pieces; the page says which of them are one listening
        listening = getattr(ask.query, "listening", None)
        look = (ask.user.username, action, subject, listening)
        now = time.monotonic()
        pause = PAUSE if listening is None else LONGEST_LISTENING
        whole = action is Action.RECORDING_PLAYED and listening is None and "Range" not in ask.request.headers
        if not whole and now - self._latest.get(look, -pause) < pause:
            if action is Action.RECORDING_PLAYED:  # a long one goes on as long as pieces are fetched
                self._latest[look] = now
                self._latest.move_to_end(look)
            return
        self._latest[look] = now
        self._latest.move_to_end(look)
        if len(self._latest) > REMEMBERED:
            self._latest.popitem(last=False)
        try:
            async with asyncio.timeout(LONGEST_WRITE), self._parts.database.write() as connection:
                await write_audit(
                    connection,
                    site=self._parts.site,
                    at=self._parts.clock.now_us(),
                    actor=ask.user.username,
                    action=action,
                    subject=subject,
                )
        except Exception as error:
            # the log line is the entry then: it holds ids only
            log.error(
                "a look is not in the audit",
                user=ask.user.username,
                action=str(action),
                subject=subject,
                error=type(error).__name__,
            )

    def _subject(self, ask: Ask[Any, Any], route: Route) -> str | None:
        """The id in the path, or a searched number's keyed hash, or the list's path."""
        if "id" in ask.request.match_info:
            return ask.request.match_info["id"]
        for name in ("number", "q"):
            words = getattr(ask.body, name, None) or getattr(ask.query, name, None)
            found = DIGITS.search(words) if isinstance(words, str) else None
            if found is not None:
                digits = re.sub(r"[^\d+]", "", found.group())
                return self.number(digits)
        return route.path

    def number(self, number: str) -> str:
        """How the audit names a number."""
        key = block_key(number, self._parts.profile.area_code) or number
        return number_subject(self._parts.audit_key, key)


VIEWS: web.AppKey[Views] = web.AppKey("views", Views)
