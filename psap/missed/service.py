"""Missed calls at work: the list is derived from calls, claimed by one, called once for each claim.

Every function works in the caller's transaction. Deriving is idempotent: each call is judged once,
whoever made its record (live, spool or ledger).
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from psap.calls.model import call_id
from psap.missed import store
from psap.missed.model import (
    HIDES,
    PERSONS_WORD,
    WINDOW_US,
    Attempt,
    AttemptState,
    Closing,
    Missed,
    MissedError,
    Result,
    Status,
    belongs,
    betrays,
    entry_of,
    joined,
)
from psap.missed.queries import known as _get
from psap.platform.audit import Action, write_audit

BATCH = 50  # calls judged in one transaction: the recorder waits for no longer
BRIDGE = "bridge"


async def derive(connection: AsyncConnection, site: str, now_us: int) -> tuple[list[Missed], bool]:
    """Bring the list up to the calls; (entries that changed, whether more calls wait to be judged)."""
    changed: dict[str, Missed] = {}
    waiting = await store.unjudged(connection, site, now_us - WINDOW_US, BATCH)
    for call, key in waiting:
        if not belongs(call):
            await store.link(connection, site, call.id, "")
            continue
        known = None if key is None else await store.open_of(connection, site, key)
        if known is None:
            entry = entry_of(str(uuid.uuid4()), call, key, now_us)
            await store.insert(connection, entry)
        else:
            entry = joined(known, call, now_us)
            await store.replace(connection, entry)
        await store.link(connection, site, call.id, entry.id)
        changed[entry.id] = entry
    for entry, answered in await store.answered_since(connection, site, now_us - WINDOW_US):
        done = _closed(entry, Closing.RESOLVED, BRIDGE, now_us, resolved_call_id=answered)
        if await store.replace(connection, done):
            await _settle_attempt(connection, entry)
            changed[done.id] = done
            await _audit(connection, done, BRIDGE, Action.MISSED_CLOSED, now_us, result="resolved")
    return list(changed.values()), len(waiting) == BATCH


# -- one person's word


async def claim(connection: AsyncConnection, site: str, missed_id: str, by: str, now_us: int) -> Missed:
    """Take an entry; taking one's own again changes nothing.

    Raises:
        MissedError: not_found, closed, claimed (by whom), already_calling, undecided.
    """
    entry = await _get(connection, site, missed_id)
    _mine_or_free(entry, by)
    if entry.status is Status.CLAIMED:
        return entry
    taken = _claimed(entry, by, now_us)
    await _write(connection, taken)
    await _audit(connection, taken, by, Action.MISSED_CLAIMED, now_us, claim=taken.claim)
    return taken


async def release(
    connection: AsyncConnection, site: str, missed_id: str, by: str, now_us: int, *, anybodys: bool
) -> Missed:
    """Give a claim back, or decide that an unknown call-back did not reach anybody.

    ``anybodys``: also somebody else's. Raises MissedError as ``claim``, and not_yours.
    """
    entry = await _get(connection, site, missed_id)
    _may_decide(entry, by, anybodys)
    if entry.status is Status.OPEN:
        return entry
    free = _changed(entry, now_us, status=Status.OPEN, claimed_by=None, claimed_at=None)
    await _write(connection, free)
    await _settle_attempt(connection, entry)
    await _audit(connection, free, by, Action.MISSED_RELEASED, now_us, was=str(entry.status))
    return free


async def close(
    connection: AsyncConnection,
    site: str,
    missed_id: str,
    by: str,
    now_us: int,
    *,
    result: Closing,
    note: str | None,
    anybodys: bool,
) -> Missed:
    """A person decides: reached otherwise, not reached, not needed.

    Raises:
        MissedError: not_found, closed, claimed, already_calling, not_yours.
    """
    entry = await _get(connection, site, missed_id)
    _may_decide(entry, by, anybodys)
    assert result in PERSONS_WORD
    done = _closed(entry, result, by, now_us, note=note)
    await _write(connection, done)
    await _settle_attempt(connection, entry)
    await _audit(connection, done, by, Action.MISSED_CLOSED, now_us, result=str(result))
    return done


# -- calling back


async def begin(
    connection: AsyncConnection,
    site: str,
    missed_id: str,
    now_us: int,
    *,
    agent: str,
    phone: str,
    confirm: bool,
    channel_id: str,
) -> tuple[Missed, Attempt]:
    """Claim an entry if it is free, and write down the one attempt of this claim.

    Committed before Asterisk is asked anything. Raises MissedError as ``claim``, and not_reachable,
    confirm_needed.
    """
    entry = await _get(connection, site, missed_id)
    _mine_or_free(entry, agent)
    if not entry.reachable or entry.number_key is None:
        raise MissedError(
            "not_reachable", "tidak ada nomor yang dapat ditelepon", "there is no number to ring"
        )
    reports = await store.open_incidents_of(connection, site, entry.number_key)
    hides = entry.needs_confirmation or any(category in HIDES for _, category in reports)
    if not hides:  # a silent call may also have been answered, or not be in the list yet
        earlier = await store.recent_calls(connection, site, entry.number_key, now_us - WINDOW_US)
        hides = any(betrays(call) for call in earlier)
    if hides and not confirm:
        raise MissedError(
            "confirm_needed",
            "pelapor mungkin bersembunyi: dering telepon dapat membahayakannya",
            "the caller may be hiding: a ringing telephone can betray them",
        )
    entry = _claimed(entry, agent, now_us) if entry.status is Status.OPEN else _changed(entry, now_us)
    entry = entry.model_copy(
        update={
            "status": Status.CALLING,
            "attempts": entry.attempts + 1,
            "needs_confirmation": hides,
            "incident_id": entry.incident_id or (reports[0][0] if reports else None),
        }
    )
    attempt = Attempt(
        id=str(uuid.uuid4()),
        site=site,
        missed_id=entry.id,
        claim=entry.claim,
        call_id=call_id(site, channel_id),
        channel_id=channel_id,
        agent=agent,
        phone=phone,
        started_at=now_us,
    )
    await _write(connection, entry)
    await store.insert_attempt(connection, attempt)
    await _audit(
        connection, entry, agent, Action.MISSED_CALLED, now_us, call=attempt.call_id, confirmed=confirm
    )
    return entry, attempt


async def finish(connection: AsyncConnection, attempt: Attempt, now_us: int) -> Missed | None:
    """Write what came of an attempt; the entry where that changed it.

    Answered closes it. Unknown leaves it to a person. All else gives it back: whoever calls again
    claims it anew.
    """
    await store.write_attempt(connection, attempt)
    entry = await store.by_id(connection, attempt.site, attempt.missed_id)
    if entry is None or entry.claim != attempt.claim or entry.status not in (Status.CALLING, Status.UNKNOWN):
        return None
    if attempt.result is Result.ANSWERED:
        after = _closed(entry, Closing.ANSWERED, attempt.agent, now_us)
    elif attempt.result is Result.UNKNOWN:
        if entry.status is Status.UNKNOWN:
            return None
        after = _changed(entry, now_us, status=Status.UNKNOWN)
    else:
        after = _changed(entry, now_us, status=Status.OPEN, claimed_by=None, claimed_at=None)
    after = after.model_copy(update={"last_result": attempt.result})
    await _write(connection, after)
    result = str(attempt.result)
    await _audit(
        connection, after, BRIDGE, Action.MISSED_CALL_ENDED, now_us, call=attempt.call_id, result=result
    )
    return after


async def resume(connection: AsyncConnection, attempt: Attempt, now_us: int) -> Missed | None:
    """An attempt that nobody knew of turns out to be going on; the entry where that changed it."""
    await store.write_attempt(connection, attempt)
    entry = await store.by_id(connection, attempt.site, attempt.missed_id)
    if entry is None or entry.claim != attempt.claim or entry.status is not Status.UNKNOWN:
        return None
    after = _changed(entry, now_us, status=Status.CALLING)
    await _write(connection, after)
    return after


# -- within


async def _write(connection: AsyncConnection, entry: Missed) -> None:
    if not await store.replace(connection, entry):
        raise MissedError("conflict", "baru saja diubah orang lain", "somebody else has just changed it")


def _mine_or_free(entry: Missed, by: str) -> None:
    _not_over(entry)
    if entry.status is Status.UNKNOWN:
        raise MissedError(
            "undecided",
            "hasil telepon balik sebelumnya belum diketahui: putuskan dahulu",
            "what came of the last call-back is not known: decide that first",
        )
    if entry.claimed_by not in (None, by):
        raise MissedError(
            "claimed", f"sudah diambil {entry.claimed_by}", f"{entry.claimed_by} has already taken it"
        )


def _may_decide(entry: Missed, by: str, anybodys: bool) -> None:
    _not_over(entry)
    if entry.claimed_by not in (None, by) and not anybodys:
        raise MissedError(
            "claimed", f"sudah diambil {entry.claimed_by}", f"{entry.claimed_by} has already taken it"
        )


def _not_over(entry: Missed) -> None:
    if entry.status is Status.CLOSED:
        raise MissedError("closed", "sudah selesai", "already closed")
    if entry.status is Status.CALLING:
        raise MissedError(
            "already_calling", f"{entry.claimed_by} sedang menelepon", f"{entry.claimed_by} is calling now"
        )


def _changed(entry: Missed, now_us: int, **update: Any) -> Missed:
    return entry.model_copy(update={"version": entry.version + 1, "updated_at": now_us, **update})


def _claimed(entry: Missed, by: str, now_us: int) -> Missed:
    return _changed(
        entry, now_us, status=Status.CLAIMED, claim=entry.claim + 1, claimed_by=by, claimed_at=now_us
    )


def _closed(entry: Missed, result: Closing, by: str, now_us: int, **update: Any) -> Missed:
    return _changed(
        entry, now_us, status=Status.CLOSED, result=result, closed_by=by, closed_at=now_us, **update
    )


async def _settle_attempt(connection: AsyncConnection, entry: Missed) -> None:
    """An unknown attempt that a person decided, or whose citizen called again, is asked for no more."""
    if entry.status is not Status.UNKNOWN:
        return
    attempt = await store.attempt_of(connection, entry.site, entry.id, entry.claim)
    if attempt is not None and attempt.state is AttemptState.UNKNOWN:
        await store.write_attempt(connection, attempt.model_copy(update={"state": AttemptState.DONE}))


async def _audit(
    connection: AsyncConnection, entry: Missed, actor: str, action: Action, now_us: int, **detail: Any
) -> None:
    await write_audit(
        connection,
        site=entry.site,
        at=now_us,
        actor=actor,
        action=action,
        subject=entry.id,
        detail=detail,
    )
