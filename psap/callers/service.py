"""Reputation at work: marks in, blocks out, and the reasons in words.

Every function that writes takes a connection from ``Database.write()`` and audits in the same
transaction, so a change and its trace stand or fall together.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import UTC, tzinfo
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from psap.agencies.model import Profile
from psap.callers import store
from psap.callers.blocklist import (
    BlocklistError,
    BlockPage,
    add_block,
    confirm_block,
    list_blocks,
    remove_block,
)
from psap.callers.model import (
    DAY_US,
    EMERGENCY_DAYS,
    SYSTEM,
    Block,
    BlockChange,
    Explanation,
    Mark,
    MarkKind,
    Origin,
    Protection,
    Standing,
    ladder_reason,
    standing,
    state_of,
    strongest,
    why,
)
from psap.callers.numbers import block_key, caller_key
from psap.calls.model import Call
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock, rfc3339

__all__ = [
    "BlockPage",
    "BlocklistError",
    "add_block",
    "blocks_to_push",
    "confirm_block",
    "explain",
    "history",
    "list_blocks",
    "mark_call",
    "protections_of",
    "remove_block",
]

WINDOW_SHOWN_DAYS = 30  # of marks in an explanation, when no profile is at hand


async def mark_call(
    connection: AsyncConnection, site: str, profile: Profile, clock: Clock, call: Call, kind: str, author: str
) -> BlockChange | None:
    """A call was classified as ``kind`` (or ended in ``no_response``): move the number's ladder.

    Any other classification takes the call's mark, and what stood on it, back. A caller without
    identity has no ladder.

    Returns:
        What changed on the ladder; push that key. None: nothing did.
    """
    key = caller_key(call.caller, profile.area_code)
    if key is None:
        return None
    now = clock.now_us()
    before = await store.mark_of_call(connection, site, call.id)
    changed = await _write_mark(connection, site, key, call.id, kind, author, now, before)
    if not changed and kind != "emergency":  # an emergency protects the number though it moves no mark
        return None
    without = None if kind == "emergency" else call.id
    protections = await protections_of(connection, site, profile, key, now, without_call=without)
    if kind == "emergency" and Protection.EMERGENCY not in protections:
        protections = [Protection.EMERGENCY, *protections]
    number = call.caller.e164 or call.caller.number or key
    return await _settle(connection, site, profile, key, number, protections, now, author, call.id)


async def _write_mark(
    connection: AsyncConnection,
    site: str,
    key: str,
    call_id: str,
    kind: str,
    author: str,
    now: int,
    before: Mark | None,
) -> bool:
    """Bring the call's mark to ``kind``; False when nothing had to change."""
    wanted = MarkKind(kind) if kind in set(MarkKind) else None
    if wanted is None:
        if before is None:
            return False
        await store.drop_mark(connection, site, call_id)
        action, detail = Action.MARK_REMOVED, {"was": str(before.kind), "classified": kind}
    else:
        if before is not None and (before.kind is wanted or wanted is MarkKind.NO_RESPONSE):
            return False  # a person's word is never weakened by what the machine saw
        mark = Mark(call_id=call_id, kind=wanted, author=author, at=now)
        await store.put_mark(connection, site, key, mark, new=before is None)
        action, detail = Action.MARK_SET, {"kind": str(wanted)}
    await write_audit(
        connection, site=site, at=now, actor=author, action=action, subject=call_id, detail=detail
    )
    return True


async def _settle(
    connection: AsyncConnection,
    site: str,
    profile: Profile,
    key: str,
    number: str,
    protections: list[Protection],
    now: int,
    author: str,
    call_id: str,
) -> BlockChange | None:
    """Make the ladder's entry equal to what the marks say."""
    rules = profile.blocking
    entries = await store.active_blocks(connection, site, [key], now)
    present = strongest([each for each in entries if each.origin is Origin.LADDER], now)
    confirmed = present is not None and present.expires_at is None
    if present is not None and confirmed and call_id not in present.evidence:
        return None  # a person made it permanent; only losing its ground undoes that
    marks = await store.marks_since(connection, site, key, now - rules.window_days * DAY_US)
    if present is not None and confirmed and call_id in {each.call_id for each in marks}:
        return None
    found = standing(marks, rules, protections, now)
    if _same(present, found):
        return None
    await store.end_ladder(connection, site, key, now, f"{SYSTEM}superseded")
    block = None
    if found is not None:
        block = Block(
            id=str(uuid.uuid4()),
            number=number[:32],
            number_key=key,
            rung=int(found.rung),
            treatment=found.treatment,
            reason=ladder_reason(found, rules.window_days),
            evidence=list(found.evidence),
            author=author,
            origin=Origin.LADDER,
            started_at=found.started_at,
            expires_at=found.expires_at,
            awaits_confirmation=found.awaits_confirmation,
        )
        await store.insert_blocks(connection, site, [block])
    change = BlockChange(
        key=key,
        before=present.rung if present else 0,
        after=block.rung if block else 0,
        block_id=block.id if block else None,
        awaits_confirmation=block.awaits_confirmation if block else False,
    )
    await write_audit(
        connection,
        site=site,
        at=now,
        actor=author,
        action=Action.BLOCK_LADDER if block else Action.BLOCK_LADDER_ENDED,
        subject=block.id if block else (present.id if present else None),
        detail={"from": change.before, "to": change.after, "calls": list(found.evidence) if found else []},
    )
    return change


def _same(present: Block | None, found: Standing | None) -> bool:
    if present is None or found is None:
        return present is None and found is None
    return (present.rung, present.treatment, present.expires_at, tuple(present.evidence)) == (
        int(found.rung),
        found.treatment,
        found.expires_at,
        found.evidence,
    )


async def protections_of(
    connection: AsyncConnection,
    site: str,
    profile: Profile,
    key: str,
    now_us: int,
    *,
    without_call: str | None = None,
) -> list[Protection]:
    """Why this number is never blocked by itself."""
    found: list[Protection] = []
    since = now_us - EMERGENCY_DAYS * DAY_US
    if await store.had_emergency(connection, site, key, since, without_call):
        found.append(Protection.EMERGENCY)
    if is_agency(profile, key):
        found.append(Protection.AGENCY)
    return found


async def blocks_to_push(
    connection: AsyncConnection, site: str, keys: Collection[str] | None, now_us: int
) -> dict[str, str]:
    """key -> ``EXPIRY|RUNG|TREATMENT|BLOCKID`` of the entry that decides; ``keys`` None: all.

    A key of ``keys`` that is missing in the answer has nothing against it: delete it.
    """
    if keys is not None:
        by_key: dict[str, list[Block]] = {}
        for block in await store.active_blocks(connection, site, keys, now_us):
            by_key.setdefault(block.number_key, []).append(block)
        decided = {key: strongest(entries, now_us) for key, entries in by_key.items()}
        return {key: block.pushed() for key, block in decided.items() if block is not None}
    best: dict[str, tuple[tuple[int, float, int], str]] = {}
    async for key, expires, rung, treatment, block_id in store.stream_active(connection, site, now_us):
        weight = (min(rung, 3), float("inf") if expires is None else float(expires), rung)
        if key not in best or best[key][0] < weight:
            expiry = 0 if expires is None else -(-expires // 1_000_000)
            best[key] = (weight, f"{expiry}|{rung}|{treatment}|{block_id}")
    return {key: value for key, (_, value) in best.items()}


async def explain(
    connection: AsyncConnection,
    site: str,
    key: str,
    now_us: int,
    *,
    profile: Profile | None = None,
    zone: tzinfo | None = None,
) -> Explanation:
    """Why a number is treated as it is, in words and with evidence.

    With a profile, its agencies, window and time zone are used.
    """
    days = profile.blocking.window_days if profile else WINDOW_SHOWN_DAYS
    where = zone or (profile.zone if profile else UTC)
    entries = await store.blocks_of(connection, site, key)
    marks = await store.marks_since(connection, site, key, now_us - days * DAY_US)
    if profile is not None:
        protections = await protections_of(connection, site, profile, key, now_us)
    else:
        since = now_us - EMERGENCY_DAYS * DAY_US
        shielded = await store.had_emergency(connection, site, key, since, None)
        protections = [Protection.EMERGENCY] if shielded else []
    block = strongest(entries, now_us)
    return Explanation(
        number_key=key,
        state=state_of(block),
        words=why(block, marks, protections, where),
        active=[each for each in entries if each.active(now_us)],
        past=[each for each in entries if not each.active(now_us)],
        marks=marks,
        protections=protections,
    )


async def history(
    connection: AsyncConnection,
    site: str,
    key: str | None,
    limit: int = 5,
    *,
    now_us: int | None = None,
    profile: Profile | None = None,
    known: store.Known | None = None,
    without: str | None = None,
) -> dict[str, Any]:
    """What the screen-pop shows of a number's past; JSON-ready, as the contract of ``call.ringing`` says.

    ``without``: the id of the call that asks. It may be written by now, and is no past of its own.

    ``known``: of ``store.known_of``, where that was asked already. Of most callers there is little, and
    only what there is is asked for: a pop waits for this.
    """
    if key is None:
        words = {
            "id": "Tanpa identitas: tidak ada riwayat.",
            "en": "No identity: there is no history.",
        }
        return {"calls": [], "calls_total": 0, "incidents": [], "marks": 0, "why": words}
    if now_us is None:
        from psap.platform.clock import SystemClock

        now_us = SystemClock().now_us()
    if known is None:
        known = await store.known_of(connection, site, key, now_us)
    found_calls = await store.past_calls(connection, site, key, limit + 1) if known.calls else []
    rows = [row for row in found_calls if row[0] != without][:limit]
    itself = any(row[0] == without for row in found_calls)  # the newest, if it is there
    reports = await store.past_incidents(connection, site, key, limit) if known.incidents else []
    if known.marks or known.blocks or known.emergency:
        found = await explain(connection, site, key, now_us, profile=profile)
        counted, reason = len(found.marks), found.words
    else:
        counted, reason = 0, why(None, [], [Protection.AGENCY] if is_agency(profile, key) else [])
    return {
        "calls": [
            {"id": id_, "started_at": rfc3339(at), "ending": ending, "classification": classification}
            for id_, at, ending, classification in rows
        ],
        "calls_total": known.calls - itself,
        "incidents": [
            {"id": id_, "number": number, "category": category, "status": status, "created_at": rfc3339(at)}
            for id_, number, category, status, at in reports
        ],
        "marks": counted,
        "why": reason.model_dump(),
    }


def is_agency(profile: Profile | None, key: str) -> bool:
    """Whether a number is one of the city's agencies."""
    if profile is None:
        return False
    numbers = (each for agency in profile.agencies for each in agency.numbers)
    return any(block_key(each, profile.area_code) == key for each in numbers)
