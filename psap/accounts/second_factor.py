"""A second factor: codes of six digits from a telephone (RFC 6238), and recovery codes for its loss."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import pyotp
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.accounts import sessions_store as store
from psap.accounts.model import AccountError, User, secret_hash
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock
from psap.platform.database import Database

STEP = 30  # seconds
SLACK = 1  # steps that a telephone's clock may be off, each way
RECOVERY_CODES = 8
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like another


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the telephone needs: shown once, to its owner."""

    secret: str
    uri: str


class SecondFactors:
    """The second factors of one site."""

    def __init__(self, database: Database, site: str, clock: Clock) -> None:
        self._database = database
        self._site = site
        self._clock = clock

    async def is_on(self, user: User) -> bool:
        """Whether signing in asks this person for a code."""
        async with self._database.read() as connection:
            row = await store.factor(connection, user.id)
        return row is not None and row["confirmed_at"] is not None

    async def enrol(self, user: User) -> Enrolment:
        """Begin: a new secret that counts once it is confirmed.

        Raises:
            AccountError: totp_on.
        """
        secret = pyotp.random_base32()
        async with self._database.write() as connection:
            row = await store.factor(connection, user.id)
            if row is not None and row["confirmed_at"] is not None:
                raise AccountError(
                    "totp_on", "kode kedua sudah aktif; hapus dahulu", "it is on already; remove it first"
                )
            await store.put_factor(connection, self._site, user.id, secret, self._clock.now_us())
        uri = pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=f"112 {self._site}")
        return Enrolment(secret, uri)

    async def confirm(self, user: User, code: str) -> list[str]:
        """The telephone works: from now on signing in asks for a code. Returns the recovery codes.

        Raises:
            AccountError: wrong_code.
        """
        now = self._clock.now_us()
        codes = ["-".join(_word() for _ in range(2)) for _ in range(RECOVERY_CODES)]
        async with self._database.write() as connection:
            row = await store.factor(connection, user.id)
            step = None if row is None or row["confirmed_at"] is not None else _step(row["secret"], code, now)
            if step is None or not await store.use_factor(connection, user.id, step, confirmed_at=now):
                raise wrong_code()
            await store.put_recovery(connection, user.id, [secret_hash(each) for each in codes])
            await self._audit(connection, user, Action.TOTP_ENROLLED, user.username)
        return codes

    async def check(self, user: User, code: str) -> str | None:
        """``totp`` or ``recovery`` for a code that is right and was not used before; else None."""
        now = self._clock.now_us()
        async with self._database.write() as connection:
            row = await store.factor(connection, user.id)
            if row is None or row["confirmed_at"] is None:
                return None
            step = _step(row["secret"], code, now)
            if step is not None:
                return "totp" if await store.use_factor(connection, user.id, step) else None
            spent = secret_hash(code.strip().lower())
            if await store.use_recovery(connection, user.id, spent, now):
                await self._audit(connection, user, Action.RECOVERY_USED, user.username)
                return "recovery"
        return None

    async def remove(self, user: User, *, actor: str) -> None:
        """Sign in by password alone again: by the owner, or by an administrator (telephone lost)."""
        action = Action.TOTP_REMOVED if actor == user.username else Action.TOTP_RESET
        async with self._database.write() as connection:
            await store.drop_factor(connection, user.id)
            await self._audit(connection, user, action, actor)

    async def everybody_on(self) -> set[str]:
        """Ids of the people whose sign-in asks for a code."""
        async with self._database.read() as connection:
            return await store.factors_of(connection, self._site)

    async def _audit(self, connection: AsyncConnection, user: User, action: Action, actor: str) -> None:
        await write_audit(
            connection,
            site=self._site,
            at=self._clock.now_us(),
            actor=actor,
            action=action,
            subject=user.id,
        )


def wrong_code() -> AccountError:
    """A code that does not fit, or was used."""
    return AccountError("wrong_code", "kode salah atau sudah dipakai", "the code is wrong or was used")


def _step(secret: str, code: str, now_us: int) -> int | None:
    """The 30-second step whose code this is, newest first."""
    digits = code.replace(" ", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        return None
    current = now_us // 1_000_000 // STEP
    totp = pyotp.TOTP(secret)
    steps = [current + off for off in range(SLACK, -SLACK - 1, -1)]
    right = [step for step in steps if secrets.compare_digest(totp.generate_otp(step), digits)]
    return right[0] if right else None


def _word() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(5))
