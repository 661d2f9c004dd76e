"""``./112 users``: accounts, and tokens for scripts."""

from __future__ import annotations

import secrets
import sys
from typing import Annotated, Any

import typer

from psap.accounts.model import AccountError, Role, User
from psap.accounts.service import Accounts
from psap.cli.ground import Ground, JsonOption, note, on_ground, show_json, tell_bridge
from psap.cli.say import HomeOption, RefusedError
from psap.platform.clock import rfc3339

app = typer.Typer(no_args_is_help=True, help="Akun / accounts")
Username = Annotated[str, typer.Argument(help="Nama akun / username", show_default=False)]


def _accounts(ground: Ground) -> Accounts:
    return Accounts(ground.database, ground.site, ground.clock)


def _shown(user: User) -> dict[str, Any]:
    return user.model_dump(mode="json", exclude={"id", "site"})


@app.command("add")
def add(
    username: Username,
    role: Annotated[Role, typer.Option("--role")] = Role.AGENT,
    name: Annotated[str | None, typer.Option("--name", help="Nama lengkap / full name")] = None,
    agency: Annotated[str | None, typer.Option("--agency", help="Instansi asal / seconding agency")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Baca dari masukan / read it from standard input")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Buat akun; tanpa --password-stdin sandinya acak / make an account; its password is random."""
    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else None

    async def work(ground: Ground) -> None:
        if agency is not None and ground.profile.agency(agency) is None:
            raise RefusedError(f"instansi '{agency}' tidak ada / no agency '{agency}' in the profile")
        password = given if given is not None else secrets.token_urlsafe(12)
        try:
            user = await _accounts(ground).add(
                username, name or username, role, password, actor=ground.actor, agency=agency
            )
        except AccountError as error:
            raise RefusedError(str(error)) from None
        if as_json:
            show_json(_shown(user) | ({} if given is not None else {"password": password}))
            return
        print(f"Akun dibuat / account made: {user.username} ({user.role})")
        if given is None:
            print(f"Kata sandi / password: {password}")

    on_ground(home, work, new=True)


@app.command("password")
def password(
    username: Username,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Baca dari masukan / read it from standard input")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Sandi baru; sesi dan token berakhir / a new password; sessions and tokens end."""
    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else None

    async def work(ground: Ground) -> None:
        made = given if given is not None else secrets.token_urlsafe(12)
        try:
            await _accounts(ground).set_password(username, made, actor=ground.actor)
        except AccountError as error:
            raise RefusedError(str(error)) from None
        shown = {} if given is not None else {"password": made}
        if as_json:
            show_json({"username": username.strip().lower(), **shown})
            return
        print(f"Sandi diganti / password changed: {username.strip().lower()}")
        if shown:
            print(f"Kata sandi / password: {made}")

    on_ground(home, work)


@app.command("list")
def list_(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Semua akun / every account."""

    async def work(ground: Ground) -> None:
        users = await _accounts(ground).all()
        if as_json:
            show_json([_shown(user) for user in users])
            return
        for user in users:
            closed = "  ditutup/disabled" if user.disabled_at else ""
            print(f"{user.username:<20} {user.role:<12} {user.name}{closed}")

    on_ground(home, work)


@app.command("disable")
def disable(username: Username, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Tutup akun: sesi dan token berakhir / close an account: its sessions and tokens end."""

    async def work(ground: Ground) -> None:
        try:
            user = await _accounts(ground).disable(username, actor=ground.actor)
        except AccountError as error:
            raise RefusedError(str(error)) from None
        if user.role in (Role.AGENT, Role.SUPERVISOR):
            await tell_bridge(ground, "phones.sync", {})
        if as_json:
            show_json(_shown(user))
        else:
            print(f"Ditutup / disabled: {user.username}")

    on_ground(home, work)


@app.command("token")
def token(
    username: Username,
    label: Annotated[str, typer.Option("--label", help="Untuk apa / what for")] = "cli",
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Token untuk skrip / a token for scripts."""

    async def work(ground: Ground) -> None:
        try:
            secret = await _accounts(ground).make_token(username, label, actor=ground.actor)
        except AccountError as error:
            raise RefusedError(str(error)) from None
        if as_json:
            show_json({"username": username.strip().lower(), "token": secret})
            return
        print(secret)
        note("simpan sekarang; tidak ditampilkan lagi", "keep it now; it is not shown again")

    on_ground(home, work)


@app.command("sessions")
def sessions(
    username: Username,
    end: Annotated[bool, typer.Option("--end", help="Akhiri semuanya / end them all")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Sesi dan token satu akun / an account's sessions and tokens."""

    async def work(ground: Ground) -> None:
        accounts = _accounts(ground)
        try:
            user = await accounts.existing(username)
        except AccountError as error:
            raise RefusedError(str(error)) from None
        found = await accounts.sessions.open_of(user.id)
        if end:
            await accounts.sessions.revoke([one.id for one in found], actor=ground.actor)
        shown = [
            {
                "id": one.id,
                "kind": one.kind,
                "label": one.label,
                "seen_at": rfc3339(one.seen_at),
                "expires_at": rfc3339(one.expires_at),
                "address": one.address,
                "ended": end,
            }
            for one in found
        ]
        if as_json:
            show_json(shown)
            return
        for row in shown:
            print("  ".join(str(value) for value in row.values() if value not in (None, False)))

    on_ground(home, work)


@app.command("totp-reset")
def totp_reset(username: Username, home: HomeOption = None) -> None:
    """Lepas kode kedua (telepon hilang) / take the second factor away (telephone lost)."""

    async def work(ground: Ground) -> None:
        accounts = _accounts(ground)
        try:
            user = await accounts.existing(username)
        except AccountError as error:
            raise RefusedError(str(error)) from None
        if not await accounts.factors.is_on(user):
            raise RefusedError(
                f"{user.username} tidak memakai kode kedua / {user.username} has no second factor"
            )
        await accounts.factors.remove(user, actor=ground.actor)
        print(f"Kode kedua dilepas / second factor removed: {user.username}")

    on_ground(home, work)
