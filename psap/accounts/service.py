"""Accounts at work: signing in and out, tokens, making and closing accounts."""

from __future__ import annotations

import asyncio
import uuid
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from psap.accounts import store
from psap.accounts.model import (
    AccountError,
    Role,
    SignedIn,
    User,
    check_password,
    clean_name,
    clean_username,
    new_secret,
    secret_hash,
)
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock
from psap.platform.database import Database

SESSION_SECONDS = 12 * 3_600  # a shift and a half; renewed by use
TOUCH_US = 60 * 1_000_000  # a session's last use is written at most once a minute
HASHERS = 2  # at once: argon2 takes 19 MB and a core for tens of milliseconds


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's figures


@cache
def _nobody() -> str:
    """The hash that an unknown name is checked against, so that it takes as long as a known one."""
    return _hasher().hash(new_secret())


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def hash_password(password: str) -> str:
    """Argon2 in a thread: the event loop goes on."""
    return await asyncio.to_thread(_hasher().hash, password)


class Accounts:
    """The accounts of one site."""

    def __init__(self, database: Database, site: str, clock: Clock) -> None:
        self._database = database
        self._site = site
        self._clock = clock
        self._hashers = asyncio.Semaphore(HASHERS)

    async def sign_in(self, username: str, password: str) -> SignedIn | None:
        """A session for the right password; None for a wrong one, an unknown name, a closed account."""
        wanted = username.strip().lower()
        async with self._database.read() as connection:
            found = await store.find_user(connection, self._site, wanted)
        async with self._hashers:
            right = await asyncio.to_thread(_verify, found[1] if found else _nobody(), password)
        now = self._clock.now_us()
        if found is None or not right or found[0].disabled_at is not None:
            async with self._database.write() as connection:
                await write_audit(
                    connection,
                    site=self._site,
                    at=now,
                    actor="anonymous",
                    action=Action.SIGN_IN_FAILED,
                    subject=found[0].id if found else None,
                )
            return None
        user = found[0]
        secret = await self._open(user, "cookie", None, now + SESSION_SECONDS * 1_000_000, user.username)
        return SignedIn(user, secret, SESSION_SECONDS)

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

    async def who(self, secret: str) -> User | None:
        """Whose secret this is; None: nobody's, ended, run out, or the account is closed."""
        now = self._clock.now_us()
        async with self._database.read() as connection:
            found = await store.session_user(connection, self._site, secret_hash(secret), now)
        if found is None:
            return None
        session_id, seen_at, user = found
        if now - seen_at > TOUCH_US:
            await self._touch(session_id, now)
        return user

    async def _touch(self, session_id: str, now: int) -> None:
        try:
            async with self._database.write() as connection:
                await store.touch_session(connection, session_id, now, now + SESSION_SECONDS * 1_000_000)
        except store.AWAY_ERRORS:
            return  # a locked database signs nobody out; the next request tries again

    async def make_token(self, username: str, label: str, *, actor: str) -> str:
        """A token for scripts: lasts until revoked or the account is closed.

        Raises:
            AccountError: unknown_user, user_disabled.
        """
        user = await self._existing(username)
        if user.disabled_at is not None:
            raise AccountError("user_disabled", "akun ini sudah ditutup", "this account is disabled")
        return await self._open(user, "token", label[:64], None, actor)

    async def _open(self, user: User, kind: str, label: str | None, expires_at: int | None, by: str) -> str:
        secret = new_secret()
        now = self._clock.now_us()
        session_id = str(uuid.uuid4())
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
                    "expires_at": expires_at,
                },
            )
            await write_audit(
                connection,
                site=self._site,
                at=now,
                actor=by,
                action=Action.SIGN_IN if kind == "cookie" else Action.TOKEN_MADE,
                subject=session_id,
            )
        return secret

    async def add(
        self,
        username: str,
        name: str,
        role: Role,
        password: str,
        *,
        actor: str,
        agency: str | None = None,
    ) -> User:
        """Make an account.

        Raises:
            AccountError: bad_username, bad_name, bad_password, user_exists.
        """
        now = self._clock.now_us()
        user = User(
            id=str(uuid.uuid4()),
            site=self._site,
            username=clean_username(username),
            name=clean_name(name),
            role=role,
            agency=agency,
            created_at=now,
        )
        password_hash = await hash_password(check_password(password))
        async with self._database.write() as connection:
            if await store.find_user(connection, self._site, user.username) is not None:
                raise AccountError("user_exists", "nama akun sudah dipakai", "the username is taken")
            await store.insert_user(connection, user, password_hash)
            await write_audit(
                connection,
                site=self._site,
                at=now,
                actor=actor,
                action=Action.USER_ADDED,
                subject=user.id,
                detail={"role": str(role)},
            )
        return user

    async def set_password(self, username: str, password: str, *, actor: str) -> None:
        """Change a password; sessions end, so that a stolen one ends too.

        Raises:
            AccountError: unknown_user, bad_password.
        """
        user = await self._existing(username)
        password_hash = await hash_password(check_password(password))
        now = self._clock.now_us()
        async with self._database.write() as connection:
            await store.set_password_hash(connection, user.id, password_hash)
            await store.revoke_all(connection, user.id, now)
            await write_audit(
                connection,
                site=self._site,
                at=now,
                actor=actor,
                action=Action.USER_CHANGED,
                subject=user.id,
                detail={"password": True},
            )

    async def has_password(self, username: str, password: str) -> bool:
        """Whether this is the account's password; starts no session."""
        async with self._database.read() as connection:
            found = await store.find_user(connection, self._site, username.strip().lower())
        async with self._hashers:
            return await asyncio.to_thread(_verify, found[1] if found else _nobody(), password)

    async def disable(self, username: str, *, actor: str) -> User:
        """Close an account: its sessions and tokens end now. Records keep its name.

        Raises:
            AccountError: unknown_user.
        """
        user = await self._existing(username)
        now = self._clock.now_us()
        async with self._database.write() as connection:
            await store.set_disabled(connection, user.id, now)
            await store.revoke_all(connection, user.id, now)
            await write_audit(
                connection,
                site=self._site,
                at=now,
                actor=actor,
                action=Action.USER_DISABLED,
                subject=user.id,
            )
        return user.model_copy(update={"disabled_at": now})

    async def all(self) -> list[User]:
        """Every account, by username."""
        async with self._database.read() as connection:
            return await store.list_users(connection, self._site)

    async def _existing(self, username: str) -> User:
        async with self._database.read() as connection:
            found = await store.find_user(connection, self._site, username.strip().lower())
        if found is None:
            raise AccountError("unknown_user", "akun tidak ada", "no such account")
        return found[0]
