"""The link by which callers send where they are: for one call, short enough to be read out, soon over."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass

from psap.places import links_store as store
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock
from psap.platform.database import Database

# read out on the telephone: no 0 and o, no 1, l and i
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
LENGTH = 12  # 31^12, 59 bits: guessing one of a hundred within half an hour is hopeless, also without limits
VALID_US = 30 * 60_000_000
FORGOTTEN_US = 24 * 3_600_000_000  # a row is kept so long after its end
_TOKEN = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}")


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link's secret, shown once, and its end (UTC microseconds)."""

    token: str
    expires_at: int


def tidy(token: str) -> str | None:
    """A token as it was made, however it was typed; None where it cannot be one."""
    plain = token.strip().lower().replace("-", "").replace(" ", "") if len(token) <= 64 else ""
    return plain if _TOKEN.fullmatch(plain) else None


class LocationLinks:
    """The links of one site. Only a hash of each token is kept."""

    def __init__(self, database: Database, site: str, clock: Clock) -> None:
        self._database, self._site, self._clock = database, site, clock

    async def make(self, call_id: str, by: str) -> NewLink:
        """A new link for a call; earlier ones of it stay valid until their own end."""
        now = self._clock.now_us()
        token = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        async with self._database.write() as connection:
            await store.forget(connection, self._site, now - FORGOTTEN_US)
            await store.insert(
                connection,
                id=str(uuid.uuid4()),
                site=self._site,
                token_hash=_hash(token),
                call_id=call_id,
                made_by=by,
                created_at=now,
                expires_at=now + VALID_US,
                uses=0,
            )
            await write_audit(
                connection,
                site=self._site,
                at=now,
                actor=by,
                action=Action.LOCATION_LINK_MADE,
                subject=call_id,
            )
        return NewLink(token, now + VALID_US)

    async def call_of(self, token: str) -> str | None:
        """The call that a token is for; None: unknown, or over."""
        plain = tidy(token)
        if plain is None:
            return None
        async with self._database.read() as connection:
            return await store.call_of(connection, self._site, _hash(plain), self._clock.now_us())

    async def used(self, token: str) -> None:
        """Count that a location came by it."""
        async with self._database.write() as connection:
            await store.used(connection, self._site, _hash(tidy(token) or ""))


def _hash(token: str) -> str:
    # 59 random bits that live for half an hour: a fast hash is enough
    return hashlib.sha256(token.encode()).hexdigest()
