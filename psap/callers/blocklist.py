"""The blocklist in people's hands: add, lift, confirm, list. Imports are in transfer.py."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from psap.agencies.model import Profile
from psap.callers import store
from psap.callers.model import SYSTEM, Block, Origin, RungNumber
from psap.callers.numbers import block_key, is_one_number
from psap.calls.queries import BadCursorError
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock

LONGEST_NUMBER = 32  # characters that the table keeps


class BlocklistError(Exception):
    """The blocklist cannot be changed so; ``key`` for programs, the text for people (id / en)."""

    def __init__(self, key: str, indonesian: str, english: str) -> None:
        super().__init__(f"{indonesian} / {english}")
        self.key = key
        self.id = indonesian
        self.en = english


@dataclass(frozen=True, slots=True)
class BlockPage:
    """One page, newest first; ``next`` continues it."""

    items: list[Block]
    next: str | None


def key_or_refuse(number: str, profile: Profile) -> str:
    """The key of a number that a person typed.

    Raises:
        BlocklistError: ``bad_number``: it is none, or belongs to nobody in particular.
    """
    text = number.strip()
    key = block_key(text, profile.area_code) if is_one_number(text) else None
    if key is None:
        raise BlocklistError(
            "bad_number",
            "nomor tidak sah, atau nomor tanpa identitas (tersembunyi, tanpa SIM)",
            "not a valid number, or one without identity (withheld, no SIM)",
        )
    return key


def as_kept(number: str, key: str) -> str:
    """A number as somebody wrote it, where the table has room for all of it, or its key: never a piece."""
    return number if len(number) <= LONGEST_NUMBER else key


async def add_block(
    connection: AsyncConnection,
    site: str,
    profile: Profile,
    clock: Clock,
    *,
    number: str,
    reason: str,
    expires_at: int | None,
    author: str,
    evidence: list[str] | None = None,
) -> Block:
    """A person blocks a number, with the profile's treatment. ``expires_at`` None: permanent.

    Raises:
        BlocklistError: bad_number, bad_expiry, no_reason.
    """
    key = key_or_refuse(number, profile)
    now = clock.now_us()
    if expires_at is not None and expires_at <= now:
        raise BlocklistError("bad_expiry", "waktu berakhir sudah lewat", "the expiry lies in the past")
    if not reason.strip():
        raise BlocklistError("no_reason", "alasan wajib diisi", "a reason is needed")
    block = Block(
        id=str(uuid.uuid4()),
        number=as_kept(number.strip(), key),
        number_key=key,
        rung=int(RungNumber.BLOCK),
        treatment=profile.blocking.treatment,
        reason=reason.strip(),
        evidence=evidence or [],
        author=author[:64],
        origin=Origin.PERSON,
        started_at=now,
        expires_at=expires_at,
    )
    await store.insert_blocks(connection, site, [block])
    await write_audit(
        connection,
        site=site,
        at=now,
        actor=author,
        action=Action.BLOCK_ADDED,
        subject=block.id,
        detail={"expires_at": expires_at, "treatment": block.treatment},
    )
    return block


async def remove_block(
    connection: AsyncConnection,
    site: str,
    clock: Clock,
    *,
    author: str,
    block_id: str | None = None,
    key: str | None = None,
) -> list[Block]:
    """A person lifts everything held against a number, named by one entry or by its key.

    Its marks up to now are forgiven: the ladder begins anew. An entry that is lifted already names nothing:
    what stands against the number now is somebody's later word. Only the ladder's own step to another rung,
    which a page may not have seen yet, still names the number.

    Returns:
        The entries that counted until now, as lifted; empty when nothing was in force.

    Raises:
        BlocklistError: ``not_found``: no such entry, or none for that number at all.
    """
    block = None
    if block_id is not None:
        block = await store.block_by_id(connection, site, block_id)
        key = block.number_key if block else None
    entries = await store.blocks_of(connection, site, key, limit=1000) if key else []
    open_entries = [each for each in entries if each.removed_at is None]
    if block is not None and block.removed_at is not None:
        stepped = (block.removed_by or "").startswith(SYSTEM)
        if not (stepped and any(each.origin is Origin.LADDER for each in open_entries)):
            open_entries = []
    if key is None or not open_entries:
        raise BlocklistError("not_found", "tidak ada dalam daftar blokir", "not on the blocklist")
    now = clock.now_us()
    await store.lift(connection, site, key, now, author[:64])
    for each in open_entries:
        await write_audit(
            connection, site=site, at=now, actor=author, action=Action.BLOCK_REMOVED, subject=each.id
        )
    return [
        each.model_copy(update={"removed_at": now, "removed_by": author[:64]})
        for each in open_entries
        if each.active(now)
    ]


async def confirm_block(
    connection: AsyncConnection, site: str, clock: Clock, block_id: str, author: str
) -> Block:
    """A supervisor makes the ladder's last rung permanent.

    Raises:
        BlocklistError: not_found; not_waiting.
    """
    now = clock.now_us()
    block = await store.block_by_id(connection, site, block_id)
    if block is None:
        raise BlocklistError("not_found", "tidak ada dalam daftar blokir", "not on the blocklist")
    if not block.awaits_confirmation or not block.active(now):
        raise BlocklistError(
            "not_waiting", "blokir ini tidak menunggu persetujuan", "this block awaits no confirmation"
        )
    await store.make_permanent(connection, site, block_id)
    await write_audit(
        connection, site=site, at=now, actor=author, action=Action.BLOCK_CONFIRMED, subject=block_id
    )
    return block.model_copy(update={"expires_at": None, "awaits_confirmation": False})


async def list_blocks(
    connection: AsyncConnection,
    site: str,
    now_us: int,
    *,
    limit: int = 100,
    cursor: str | None = None,
    all_entries: bool = False,
) -> BlockPage:
    """What is in force, newest first; ``all_entries``: also what ended.

    Raises:
        BadCursorError: the cursor is not one of ours.
    """
    after: tuple[int, str] | None = None
    if cursor is not None:
        at, _, block_id = cursor.partition(".")
        if not (at.isascii() and at.isdigit() and len(at) <= 18 and block_id):
            raise BadCursorError("not a cursor of ours")
        after = int(at), block_id
    found = await store.page(connection, site, now_us, limit=limit + 1, after=after, all_entries=all_entries)
    items = found[:limit]
    more = len(found) > limit
    return BlockPage(items, f"{items[-1].started_at}.{items[-1].id}" if more and items else None)
