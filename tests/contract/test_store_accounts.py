"""Accounts on a real database: signing in, tokens, closing, phones, the demonstration."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from psap.accounts.demo import UNCHANGED, make_demo_accounts
from psap.accounts.model import AccountError, Role
from psap.accounts.phones import ensure_phone, list_phones
from psap.accounts.service import SESSION_SECONDS, Accounts
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.schema import audit, sessions, users
from psap.queue.store import passwords_of

SITE = "semarang"
PASSWORD = "sandi yang panjang"


@pytest.fixture
async def accounts(database: Database, clock: FixedClock) -> Accounts:
    made = Accounts(database, SITE, clock)
    await made.add("Agent1", "Petugas\r\nSatu", Role.AGENT, PASSWORD, actor="test")
    return made


async def test_a_session_lasts_renews_and_ends(accounts: Accounts, clock: FixedClock) -> None:
    signed_in = await accounts.sign_in(" AGENT1 ", PASSWORD)
    assert signed_in is not None
    assert signed_in.user.name == "Petugas Satu"
    clock.advance(SESSION_SECONDS - 10)
    assert (await accounts.who(signed_in.secret)) == signed_in.user
    clock.advance(SESSION_SECONDS - 10)  # the use renewed it
    assert await accounts.who(signed_in.secret) is not None
    clock.advance(SESSION_SECONDS + 1)
    assert await accounts.who(signed_in.secret) is None


async def test_signing_out_ends_it(accounts: Accounts) -> None:
    signed_in = await accounts.sign_in("agent1", PASSWORD)
    assert signed_in is not None
    await accounts.sign_out(signed_in.secret)
    assert await accounts.who(signed_in.secret) is None


async def test_wrong_unknown_and_closed_are_alike(accounts: Accounts) -> None:
    assert await accounts.sign_in("agent1", PASSWORD + " ") is None
    assert await accounts.sign_in("nobody", PASSWORD) is None
    await accounts.disable("agent1", actor="test")
    assert await accounts.sign_in("agent1", PASSWORD) is None


async def test_a_closed_account_ends_its_sessions_and_tokens(accounts: Accounts) -> None:
    signed_in = await accounts.sign_in("agent1", PASSWORD)
    token = await accounts.make_token("agent1", "script", actor="test")
    assert signed_in is not None
    assert await accounts.who(token) is not None
    await accounts.disable("agent1", actor="test")
    assert await accounts.who(token) is None
    assert await accounts.who(signed_in.secret) is None


async def test_a_token_outlives_sessions(accounts: Accounts, clock: FixedClock) -> None:
    token = await accounts.make_token("agent1", "script", actor="test")
    for _ in range(3):
        clock.advance(30 * 86_400)
        assert await accounts.who(token) is not None


async def test_no_secret_is_stored_or_audited(accounts: Accounts, database: Database) -> None:
    signed_in = await accounts.sign_in("agent1", PASSWORD)
    assert signed_in is not None
    async with database.read() as connection:
        rows = [
            str(row)
            for table in (users, sessions, audit)
            for row in (await connection.execute(select(table))).mappings()
        ]
    assert not [row for row in rows if PASSWORD in row or signed_in.secret in row]


@pytest.mark.parametrize("name", ["", "1", "a", "with blank", "semi;colon", "x" * 40, "über", "a\nb"])
async def test_bad_usernames_are_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountError) as refused:
        await accounts.add(name, "N", Role.AGENT, PASSWORD, actor="test")
    assert refused.value.key == "bad_username"


async def test_a_name_is_taken_once(accounts: Accounts) -> None:
    with pytest.raises(AccountError) as refused:
        await accounts.add("agent1", "N", Role.AGENT, PASSWORD, actor="test")
    assert refused.value.key == "user_exists"


async def test_phones_are_random_lettered_and_kept(accounts: Accounts, database: Database) -> None:
    async with database.write() as connection:
        first = await ensure_phone(connection, SITE, "agent1")
        assert await ensure_phone(connection, SITE, "agent1") == first
        assert await list_phones(connection, SITE) == [first]
    assert re.fullmatch(r"[a-z]{4}[a-z0-9]{12}", first.username)
    await accounts.disable("agent1", actor="test")
    async with database.write() as connection:
        assert await list_phones(connection, SITE) == []
        with pytest.raises(AccountError):
            await ensure_phone(connection, SITE, "nobody")


async def test_a_closed_account_has_no_telephone_to_configure(accounts: Accounts, database: Database) -> None:
    await accounts.add("agent2", "Agen 2", Role.AGENT, "a-long-enough-one", actor="test")
    async with database.write() as connection:
        for agent in ("agent1", "agent2"):
            await ensure_phone(connection, SITE, agent)
    await accounts.disable("agent2", actor="test")
    async with database.read() as connection:
        assert [agent for _, _, agent in await passwords_of(connection, SITE)] == ["agent1"]


async def test_the_demonstration_twice(database: Database, clock: FixedClock) -> None:
    first = await make_demo_accounts(database, SITE, None, clock=clock)
    second = await make_demo_accounts(database, SITE, None, clock=clock)
    third = await make_demo_accounts(database, SITE, "sandi demo 112", clock=clock)
    assert [row[:2] for row in first] == [row[:2] for row in second] == [row[:2] for row in third]
    assert {row[2] for row in second} == {UNCHANGED}
    signed_in = await Accounts(database, SITE, clock).sign_in("supervisor1", "sandi demo 112")
    assert signed_in is not None
    assert signed_in.user.role is Role.SUPERVISOR
