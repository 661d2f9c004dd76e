"""Accounts at work: signing in and out, tokens, making and closing accounts."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from psap.accounts import store
from psap.accounts.lockout import Lockout
from psap.accounts.model import (
    AccountError,
    Role,
    SignedIn,
    User,
    check_password,
    clean_name,
    clean_username,
    new_secret,
)
from psap.accounts.second_factor import SecondFactors, wrong_code
from psap.accounts.sessions import SESSION_SECONDS, Origin, SessionLimits, Sessions
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock
from psap.platform.database import Database

__all__ = ["SESSION_SECONDS", "Accounts", "hash_password"]

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

    def __init__(
        self, database: Database, site: str, clock: Clock, limits: SessionLimits | None = None
    ) -> None:
        self._database = database
        self._site = site
        self._clock = clock
        self.sessions = Sessions(database, site, clock, limits or SessionLimits())
        self.factors = SecondFactors(database, site, clock)
        self.lockout = Lockout(database, site, clock)
        self._hashers = asyncio.Semaphore(HASHERS)

    async def sign_in(
        self, username: str, password: str, *, code: str | None = None, origin: Origin | None = None
    ) -> SignedIn | None:
        """A session for the right password; None for a wrong one, an unknown name, a closed account.

        Raises:
            AccountError: code_needed (the password was right), wrong_code.
        """
        wanted = username.strip().lower()
        async with self._database.read() as connection:
            found = await store.find_user(connection, self._site, wanted)
        async with self._hashers:
            right = await asyncio.to_thread(_verify, found[1] if found else _nobody(), password)
        if found is None or not right or found[0].disabled_at is not None:
            await self.note_failure(found[0].id if found else None, "password")
            return None
        user, origin = found[0], origin or Origin()
        if await self.factors.is_on(user):
            if code is None:
                raise AccountError(
                    "code_needed", "masukkan kode dari telepon Anda", "enter the code from your telephone"
                )
            method = await self.factors.check(user, code)
            if method is None:
                await self.note_failure(user.id, "code")
                raise wrong_code()
            origin = replace(origin, method=method)
        return await self.open_session(user, origin)

    async def open_session(self, user: User, origin: Origin) -> SignedIn:
        """A session for somebody whose identity is proven."""
        secret = await self.sessions.open(user, "cookie", by=user.username, origin=origin)
        return SignedIn(user, secret, self.sessions.limits.idle_seconds)

    async def note_failure(self, subject: str | None, what: str) -> None:
        """Tell the audit of a sign-in that failed; ``subject`` is the account's id where it is known."""
        async with self._database.write() as connection:
            await write_audit(
                connection,
                site=self._site,
                at=self._clock.now_us(),
                actor="anonymous",
                action=Action.SIGN_IN_FAILED,
                subject=subject,
                detail={"what": what},
            )

    async def sign_out(self, secret: str) -> None:
        """End the session (or token) of a secret."""
        await self.sessions.sign_out(secret)

    async def who(self, secret: str) -> User | None:
        """Whose secret this is; None: nobody's, ended, run out, or the account is closed."""
        identity = await self.sessions.identify(secret)
        return None if identity is None else identity.user

    async def make_token(self, username: str, label: str, *, actor: str) -> str:
        """A token for scripts: lasts until revoked or the account is closed.

        Raises:
            AccountError: unknown_user, user_disabled.
        """
        user = await self.existing(username)
        if user.disabled_at is not None:
            raise AccountError("user_disabled", "akun ini sudah ditutup", "this account is disabled")
        return await self.sessions.open(user, "token", by=actor, label=label[:64])

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
        user = await self.existing(username)
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
        user = await self.existing(username)
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

    async def existing(self, username: str) -> User:
        """An account by name. Raises AccountError(unknown_user)."""
        async with self._database.read() as connection:
            found = await store.find_user(connection, self._site, username.strip().lower())
        if found is None:
            raise AccountError("unknown_user", "akun tidak ada", "no such account")
        return found[0]
