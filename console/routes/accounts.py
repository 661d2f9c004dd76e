"""Sessions and second factors: one's own, and everybody's for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from console.problem import Problem
from console.security import authenticate, client_address
from console.table import EVERYONE, Ask, Body, RouteTable, who_may
from psap.accounts.model import AccountError, Permission, Role, User
from psap.accounts.sessions import SessionInfo
from psap.platform.clock import rfc3339

table = RouteTable("accounts")

MANAGE = who_may(Permission.MANAGE_USERS)


class Session(BaseModel):
    """One open session or token. ``current``: the one that asks."""

    id: str
    username: str
    kind: str
    label: str | None
    created_at: str | None
    seen_at: str | None
    expires_at: str | None
    address: str | None
    device: str | None
    method: str | None
    current: bool


class SessionList(BaseModel):
    """Open sessions, newest first."""

    items: list[Session]
    next: str | None = None


class Revoked(BaseModel):
    """How many sessions ended."""

    revoked: int


class Account(BaseModel):
    """One account as administrators see it."""

    id: str
    username: str
    name: str
    role: Role
    agency: str | None
    disabled_at: str | None
    totp: bool


class AccountList(BaseModel):
    """Every account, by username."""

    items: list[Account]
    next: str | None = None


class TotpSecret(BaseModel):
    """What the telephone needs, shown once; it counts when it is confirmed."""

    secret: str
    uri: str


class RecoveryCodes(BaseModel):
    """Each signs in once in place of a code. Shown once."""

    recovery_codes: list[str]


class Code(Body):
    """A code from the telephone, or a recovery code."""

    code: Annotated[str, Field(min_length=1, max_length=32)]


@table.add(
    "GET",
    "/me/sessions",
    roles=EVERYONE,
    answer=SessionList,
    summary=("Sesi saya", "My sessions"),
    unenrolled=True,
)
async def my_sessions(ask: Ask[None, None]) -> SessionList:
    return await _sessions(ask, ask.user.id)


@table.add(
    "DELETE",
    "/me/sessions",
    roles=EVERYONE,
    answer=Revoked,
    summary=("Akhiri semua sesi saya yang lain", "End all my other sessions"),
    unenrolled=True,
)
async def revoke_mine(ask: Ask[None, None]) -> Revoked:
    current = (await authenticate(ask.request, ask.parts)).identity.session_id
    # a token belongs to a script, and is ended by its id
    found = await ask.parts.accounts.sessions.open_of(ask.user.id)
    return await _revoke(ask, [one for one in found if one.id != current and one.kind == "cookie"])


@table.add(
    "DELETE",
    "/sessions/{id}",
    roles=EVERYONE,
    answer=Revoked,
    summary=("Akhiri satu sesi; admin: milik siapa pun", "End one session; administrators: anybody's"),
    problems=("not_found",),
    unenrolled=True,
)
async def revoke_one(ask: Ask[None, None]) -> Revoked:
    found = await ask.parts.accounts.sessions.one(ask.id)
    if found is None or (found.user_id != ask.user.id and not ask.user.may(Permission.MANAGE_USERS)):
        raise Problem("not_found")  # also somebody else's: whether there is one is none of their business
    return await _revoke(ask, [found])


@table.add(
    "POST",
    "/me/totp",
    roles=EVERYONE,
    answer=TotpSecret,
    summary=("Mulai memasang kode kedua", "Begin to set up a second factor"),
    problems=("totp_on",),
    unenrolled=True,
)
async def enrol_totp(ask: Ask[None, None]) -> TotpSecret:
    try:
        made = await ask.parts.accounts.factors.enrol(ask.user)
    except AccountError as error:
        raise Problem(error.key) from None
    return TotpSecret(secret=made.secret, uri=made.uri)


@table.add(
    "POST",
    "/me/totp/confirm",
    roles=EVERYONE,
    body=Code,
    answer=RecoveryCodes,
    summary=("Aktifkan kode kedua", "Turn the second factor on"),
    problems=("wrong_code", "too_many_attempts"),
    unenrolled=True,
)
async def confirm_totp(ask: Ask[Code, None]) -> RecoveryCodes:
    await _guess(ask)
    try:
        codes = await ask.parts.accounts.factors.confirm(ask.user, ask.body.code)
    except AccountError as error:
        raise Problem(error.key) from None
    await ask.parts.accounts.lockout.succeeded(ask.user.username, _where(ask))
    return RecoveryCodes(recovery_codes=codes)


@table.add(
    "POST",
    "/me/totp/remove",
    roles=EVERYONE,
    body=Code,
    status=204,
    summary=("Lepas kode kedua", "Take the second factor away"),
    problems=("wrong_code", "too_many_attempts"),
)
async def remove_totp(ask: Ask[Code, None]) -> None:
    await _guess(ask)
    if await ask.parts.accounts.factors.check(ask.user, ask.body.code) is None:
        raise Problem("wrong_code")
    await ask.parts.accounts.lockout.succeeded(ask.user.username, _where(ask))
    await ask.parts.accounts.factors.remove(ask.user, actor=ask.user.username)


@table.add("GET", "/users", roles=MANAGE, answer=AccountList, summary=("Semua akun", "Every account"))
async def list_users(ask: Ask[None, None]) -> AccountList:
    on = await ask.parts.accounts.factors.everybody_on()
    return AccountList(
        items=[
            Account(
                id=user.id,
                username=user.username,
                name=user.name,
                role=user.role,
                agency=user.agency,
                disabled_at=rfc3339(user.disabled_at),
                totp=user.id in on,
            )
            for user in await ask.parts.accounts.all()
        ]
    )


@table.add(
    "GET",
    "/users/{id}/sessions",
    roles=MANAGE,
    answer=SessionList,
    summary=("Sesi satu akun", "One account's sessions"),
    problems=("not_found",),
)
async def sessions_of(ask: Ask[None, None]) -> SessionList:
    return await _sessions(ask, (await _account(ask)).id)


@table.add(
    "DELETE",
    "/users/{id}/sessions",
    roles=MANAGE,
    answer=Revoked,
    summary=("Akhiri semua sesi dan token satu akun", "End all sessions and tokens of an account"),
    problems=("not_found",),
)
async def revoke_theirs(ask: Ask[None, None]) -> Revoked:
    account = await _account(ask)
    return await _revoke(ask, await ask.parts.accounts.sessions.open_of(account.id))


@table.add(
    "DELETE",
    "/users/{id}/totp",
    roles=MANAGE,
    status=204,
    summary=("Lepas kode kedua orang lain (telepon hilang)", "Take somebody's second factor away (lost)"),
    problems=("not_found",),
)
async def reset_totp(ask: Ask[None, None]) -> None:
    account = await _account(ask)
    await ask.parts.accounts.factors.remove(account, actor=f"{ask.user.username}"[:64])


async def _account(ask: Ask[Any, Any]) -> User:
    wanted = ask.id
    for user in await ask.parts.accounts.all():
        if user.id == wanted:
            return user
    raise Problem("not_found")


async def _sessions(ask: Ask[Any, Any], user_id: str) -> SessionList:
    current = (await authenticate(ask.request, ask.parts)).identity.session_id
    found = await ask.parts.accounts.sessions.open_of(user_id)
    return SessionList(items=[_shown(one, current) for one in found])


def _shown(one: SessionInfo, current: str) -> Session:
    return Session(
        id=one.id,
        username=one.username,
        kind=one.kind,
        label=one.label,
        created_at=rfc3339(one.created_at),
        seen_at=rfc3339(one.seen_at),
        expires_at=rfc3339(one.expires_at),
        address=one.address,
        device=one.device,
        method=one.method,
        current=one.id == current,
    )


async def _revoke(ask: Ask[Any, Any], found: list[SessionInfo]) -> Revoked:
    count = await ask.parts.accounts.sessions.revoke([one.id for one in found], actor=ask.user.username)
    ids = {one.id for one in found}
    ask.parts.live.expel(lambda client: client.session_id in ids)
    return Revoked(revoked=count)


async def _guess(ask: Ask[Any, Any]) -> None:
    """A code has six digits: guessing it is counted like guessing a password."""
    if (wait := await ask.parts.accounts.lockout.attempt(ask.user.username, _where(ask))) > 0:
        raise Problem("too_many_attempts", headers={"Retry-After": str(wait)})


def _where(ask: Ask[Any, Any]) -> str:
    return client_address(ask.request)
