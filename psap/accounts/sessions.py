"""Sessions: opened at sign-in, renewed by use, ended by hand, by rest, or after the longest time.

They live in the database, so that they outlast a restart of the console and of Redis.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from psap.accounts import sessions_store, store
from psap.accounts.lockout import network_of
from psap.accounts.model import Role, User, new_secret, secret_hash
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock
from psap.platform.database import Database

SESSION_SECONDS = 4 * 3_600  # without use; an open page uses it
LONGEST_SECONDS = 16 * 3_600  # a double shift
TOUCH_US = 60 * 1_000_000  # a session's last use is written at most once a minute
LONGEST_DEVICE = 128


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session may rest, how long it may last, and who needs a second factor."""

    idle_seconds: int = SESSION_SECONDS
    longest_seconds: int = LONGEST_SECONDS
    totp_roles: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sign-in comes from, and how it was proven."""

    address: str = ""
    device: str = ""
    method: str = "password"


@dataclass(frozen=True, slots=True)
class Identity:
    """A proven session. ``must_enrol``: the role needs a second factor, and there is none yet."""

    user: User
    session_id: str
    seconds_left: int | None
    must_enrol: bool = False


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as its owner or an administrator sees it. Times in UTC us; never its secret."""

    id: str
    user_id: str
    username: str
    kind: str
    label: str | None
    created_at: int
    seen_at: int
    expires_at: int | None
    address: str | None
    device: str | None
    method: str | None


class Sessions:
    """The sessions of one site."""

    def __init__(self, database: Database, site: str, clock: Clock, limits: SessionLimits) -> None:
        self._database = database
        self._site = site
        self._clock = clock
        self.limits = limits

    async def open(
        self, user: User, kind: str, *, by: str, label: str | None = None, origin: Origin | None = None
    ) -> str:
        """A new session (``cookie``) or token; returns its secret, of which only a hash stays."""
        secret, now, session_id = new_secret(), self._clock.now_us(), str(uuid.uuid4())
        cookie = kind == "cookie"
        origin = origin or Origin()
        async with self._database.write() as connection:
            await store.insert_session(
                connection,
                {
                    "id": session_id,
                    "site": self._site,
                    "user_id": user.id,
                    "kind": kind,
                    "secret_hash": secret_hash(secret),
                    "label": label,
                    "created_at": now,
                    "seen_at": now,
                    "expires_at": self._expiry(now, now) if cookie else None,
                    "address": network_of(origin.address)[:64] or None,
                    "device": _one_line(origin.device) or None,
                    "method": origin.method if cookie else None,
                },
            )
            await write_audit(
                connection,
                site=self._site,
                at=now,
                actor=by,
                action=Action.SIGN_IN if cookie else Action.TOKEN_MADE,
                subject=session_id,
                detail={"method": origin.method, "address": origin.address} if cookie else None,
            )
        return secret

    async def identify(self, secret: str) -> Identity | None:
        """Whose secret this is; None: nobody's, ended, run out, or the account is closed."""
        now = self._clock.now_us()
        async with self._database.read() as connection:
            row = await sessions_store.session_row(connection, self._site, secret_hash(secret))
        if row is None:
            return None
        user = store.user_of(row)
        if row["kind"] != "cookie":
            if now - row["seen_at"] > TOUCH_US:
                await self._touch(row["session_id"], now, None)
            return Identity(user, row["session_id"], None)
        # asked of today's limits, so that a shorter limit counts at once
        end = min(row["expires_at"] or 0, self._expiry(row["seen_at"], row["opened_at"]))
        if end <= now:
            return None
        if now - row["seen_at"] > TOUCH_US:
            end = self._expiry(now, row["opened_at"])
            await self._touch(row["session_id"], now, end)
        lacks = row["confirmed_at"] is None and row["method"] != "oidc"
        must_enrol = lacks and user.role in self.limits.totp_roles
        return Identity(user, row["session_id"], max(1, (end - now) // 1_000_000), must_enrol)

    def _expiry(self, seen_at: int, opened_at: int) -> int:
        idle = seen_at + self.limits.idle_seconds * 1_000_000
        return min(idle, opened_at + self.limits.longest_seconds * 1_000_000)

    async def _touch(self, session_id: str, now: int, end: int | None) -> None:
        try:
            async with self._database.write() as connection:
                await sessions_store.touch(connection, session_id, now, end)
        except store.AWAY_ERRORS:
            return  # a locked database signs nobody out; the next request tries again

    async def sign_out(self, secret: str) -> None:
        """End the session (or token) of a secret."""
        now = self._clock.now_us()
        async with self._database.write() as connection:
            session_id = await store.revoke_session(connection, secret_hash(secret), now)
            if session_id is not None:
                await write_audit(
                    connection,
                    site=self._site,
                    at=now,
                    actor="session",
                    action=Action.SIGN_OUT,
                    subject=session_id,
                )

    async def open_of(self, user_id: str) -> list[SessionInfo]:
        """A person's sessions and tokens that count now, newest first."""
        return await self._open(user=user_id)

    async def one(self, session_id: str) -> SessionInfo | None:
        """One session that counts now."""
        found = await self._open(one=session_id)
        return found[0] if found else None

    async def _open(self, *, user: str | None = None, one: str | None = None) -> list[SessionInfo]:
        async with self._database.read() as connection:
            rows = await sessions_store.open_sessions(
                connection, self._site, self._clock.now_us(), user=user, one=one
            )
        return [SessionInfo(**row) for row in rows]

    async def revoke(self, ids: list[str], *, actor: str) -> int:
        """End sessions or tokens now; returns how many."""
        now = self._clock.now_us()
        async with self._database.write() as connection:
            for session_id in ids:
                await sessions_store.revoke(connection, session_id, now)
                await write_audit(
                    connection,
                    site=self._site,
                    at=now,
                    actor=actor,
                    action=Action.SESSION_REVOKED,
                    subject=session_id,
                )
        return len(ids)


def _one_line(text: str) -> str:
    """What a stranger's browser calls itself: printable, short."""
    return "".join(each for each in text if each.isprintable())[:LONGEST_DEVICE]
