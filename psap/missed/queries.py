"""Looking at the list of missed calls."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from psap.calls.queries import BadCursorError
from psap.missed import store
from psap.missed.model import Attempt, Missed, MissedError, Status

OPEN = (Status.OPEN, Status.CLAIMED, Status.CALLING, Status.UNKNOWN)


@dataclass(frozen=True, slots=True)
class MissedPage:
    """One page, newest first; ``next`` continues it. ``attempts``: the newest of each entry."""

    items: list[Missed]
    attempts: dict[str, Attempt]
    next: str | None


async def find_missed(
    connection: AsyncConnection,
    site: str,
    statuses: tuple[Status, ...] = OPEN,
    *,
    limit: int = 100,
    cursor: str | None = None,
) -> MissedPage:
    """Entries by their newest call.

    Raises:
        BadCursorError: the cursor is not one of ours.
    """
    after: tuple[int, str] | None = None
    if cursor is not None:
        at, _, missed_id = cursor.partition(".")
        if not (at.isascii() and at.isdigit() and len(at) <= 18 and missed_id):
            raise BadCursorError("not a cursor of ours")
        after = int(at), missed_id
    found = await store.find(connection, site, statuses, limit=limit + 1, after=after)
    items = found[:limit]
    attempts = await store.attempts_of(connection, site, [entry.id for entry in items])
    more = len(found) > limit and items
    return MissedPage(items, attempts, f"{items[-1].last_at}.{items[-1].id}" if more else None)


async def get_missed(
    connection: AsyncConnection, site: str, missed_id: str
) -> tuple[Missed, Attempt | None, list[str]]:
    """An entry, its newest attempt and the ids of its calls. Raises MissedError(not_found)."""
    entry = await known(connection, site, missed_id)
    attempts = await store.attempts_of(connection, site, [entry.id])
    return entry, attempts.get(entry.id), await store.calls_of(connection, site, entry.id)


async def known(connection: AsyncConnection, site: str, missed_id: str) -> Missed:
    """An entry. Raises MissedError(not_found)."""
    entry = await store.by_id(connection, site, missed_id)
    if entry is None:
        raise MissedError("not_found", "tidak ada di daftar", "not in the list")
    return entry
