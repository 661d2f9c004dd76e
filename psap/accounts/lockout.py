"""How often somebody may guess a password: each failure counts, the wait grows, time forgives.

Kept in the database, so that a restart of ours gives nobody new guesses. Three counts, none of which
lets a stranger lock a call taker out: of an account *from one address*; of an address; and of an
account from everywhere, which does not hold for addresses where that person signed in before.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import math
from dataclasses import dataclass

from psap.accounts import sessions_store as store
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock
from psap.platform.database import Database

SECOND = 1_000_000
KNOWN_FOR = 30 * 86_400 * SECOND  # an address of a sign-in counts as the person's own for so long


@dataclass(frozen=True, slots=True)
class Rule:
    """``free`` failures cost nothing; then waits double from ``first`` to ``longest`` seconds; one
    failure is forgiven every ``leak`` seconds."""

    name: str
    free: int
    leak: float
    first: float
    longest: float

    def after(self, failures: float, last_at: int, now: int) -> tuple[float, int]:
        """(failures, until when to wait in UTC us) after one more failure at ``now``."""
        left = max(0.0, failures - max(0, now - last_at) / SECOND / self.leak) + 1
        over = round(left) - self.free
        wait = 0.0 if over < 0 else min(self.longest, self.first * 2.0 ** min(over, 16))
        return left, now + int(wait * SECOND)


PAIR = Rule("pair", 5, 720, 60, 900)
ADDRESS = Rule("address", 100, 30, 60, 300)  # many call takers sit behind one address
ACCOUNT = Rule("account", 50, 120, 60, 900)
KEPT = 86_400 * SECOND  # by then everything has leaked away


class Lockout:
    """Failed sign-ins of one site."""

    def __init__(self, database: Database, site: str, clock: Clock) -> None:
        self._database = database
        self._site = site
        self._clock = clock
        # a hundred guesses at once wait for each other here, not for the database's lock and its time limit
        self._in_turn = asyncio.Lock()

    async def attempt(self, username: str | None, address: str) -> int:
        """0: go on, and the attempt counts as failed until ``succeeded``; else seconds to wait.

        ``username`` None: nobody is named yet (the way back from a provider), only the address counts.
        Counted before the password is looked at: a hundred guesses at once are a hundred failures.
        """
        now = self._clock.now_us()
        async with self._in_turn, self._database.write() as connection:
            known = username is not None and await store.signed_in_from(
                connection, self._site, username, network_of(address), now - KNOWN_FOR
            )
            keys = _keys(username, address, known)
            rows = await store.failures(connection, self._site, list(keys))
            wait = max((until - now for _, _, until in rows.values()), default=0)
            if wait > 0:
                return max(1, math.ceil(wait / SECOND))
            for key, rule in keys.items():
                failures, last_at, _ = rows.get(key, (0.0, now, 0))
                await store.put_failures(
                    connection, self._site, key, *rule.after(failures, last_at, now), now
                )
            await store.forget_failures(connection, self._site, now - KEPT)
        return 0

    async def failed(self, username: str, address: str) -> None:
        """The attempt was one: a wait that was set by it is told to the audit."""
        now = self._clock.now_us()
        async with self._in_turn, self._database.write() as connection:
            rows = await store.failures(connection, self._site, list(_keys(username, address, True)))
            wait = max((until - now for _, _, until in rows.values()), default=0)
            if wait > 0:
                await write_audit(
                    connection,
                    site=self._site,
                    at=now,
                    actor="anonymous",
                    action=Action.SIGN_IN_LOCKED,
                    subject=await store.user_id(connection, self._site, username),
                    detail={"address": address, "seconds": math.ceil(wait / SECOND)},
                )

    async def succeeded(self, username: str | None, address: str) -> None:
        """It was the right password: this person's failures from here are forgotten."""
        async with self._in_turn, self._database.write() as connection:
            for key, rule in _keys(username, address, False).items():
                if rule is PAIR:
                    await store.drop_failures(connection, self._site, key)
                else:
                    await store.forgive_one(connection, self._site, key)


def _keys(username: str | None, address: str, known: bool) -> dict[str, Rule]:
    network = network_of(address)
    if username is None:
        return {_key(ADDRESS, network): ADDRESS}
    keys = {_key(PAIR, username, network): PAIR, _key(ADDRESS, network): ADDRESS}
    return keys if known else keys | {_key(ACCOUNT, username): ACCOUNT}


def _key(rule: Rule, *names: str) -> str:
    return hashlib.sha256("\0".join((rule.name, *names)).encode()).hexdigest()


def network_of(address: str) -> str:
    """One host's address; of IPv6 the network, for a host has as many addresses as it likes."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if known.version == 4:
        return str(known)
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, 64), strict=False))
