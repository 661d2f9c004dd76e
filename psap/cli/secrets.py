"""``./112 secrets``: new passwords between our parts, and for a desk phone, while calls go on."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Annotated, Any

import typer

from psap.accounts.model import AccountError
from psap.accounts.phones import list_phones, rotate_phone
from psap.cli.ground import Ground, JsonOption, note, on_ground, show_json, tell_bridge
from psap.cli.say import HomeOption, RefusedError, step
from psap.pbx.render import RenderError, render_logins
from psap.platform.audit import Action, write_audit
from psap.platform.control import ControlError, ask
from psap.platform.pbx_root import PbxRootError, asterisk_rx
from psap.platform.settings import load_secrets, new_secret, save_secrets

app = typer.Typer(no_args_is_help=True, help="Rahasia / secrets")
ROTATED = ("ami_bridge", "ami_status", "ami_guard", "ari")
BACK_SECONDS = 30.0


@app.callback()
def _root() -> None:
    """Rahasia / secrets"""


@app.command("rotate")
def rotate(
    phone: Annotated[
        list[str] | None,
        typer.Option("--phone", help="Sandi telepon meja akun ini saja / only this account's desk phone"),
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Ganti sandi AMI dan ARI, atau satu telepon / new AMI and ARI passwords, or one telephone's.

    Panggilan tidak terputus / calls go on."""

    async def work(ground: Ground) -> None:
        if phone:
            shown = [await _rotate_phone(ground, agent) for agent in phone]
            if as_json:
                show_json(shown if len(shown) > 1 else shown[0])
                return
            for one in shown:
                print("\n".join(f"{name:<10} {value}" for name, value in one.items()))
            note("atur ulang telepon itu sekarang", "set that telephone up anew now")
            return
        done = await _rotate_logins(ground)
        if as_json:
            show_json(done)

    on_ground(home, work)


async def _rotate_phone(ground: Ground, agent: str) -> dict[str, Any]:
    """A new SIP password: a call in progress goes on, the next registration needs it."""
    try:
        async with ground.database.write() as connection:
            made = await rotate_phone(connection, ground.site, agent, clock=ground.clock, actor=ground.actor)
            everyone = await list_phones(connection, ground.site)
    except AccountError as error:
        raise RefusedError(str(error)) from None
    try:
        await ask(ground.settings.bridge_socket, "phones.sync", timeout=10)
    except ControlError:
        from psap.cli.phone import without_the_bridge

        without_the_bridge(ground, everyone)
    return {
        "username": made.username,
        "password": made.password,
        "domain": ground.settings.external_address or ground.settings.sip_bind,
        "port": ground.settings.sip_port,
    }


async def _rotate_logins(ground: Ground) -> dict[str, Any]:
    """Asterisk first learns the new passwords, then everybody who uses them."""
    settings = ground.settings
    before = load_secrets(settings.home)
    after = before.model_copy(update={name: new_secret() for name in ROTATED})
    configured = (settings.pbx / "etc" / "manager.conf").exists()
    save_secrets(settings.home, after)
    running = False
    if configured:
        try:
            render_logins(settings, ground.profile, after)
        except (RenderError, OSError) as error:
            save_secrets(settings.home, before)
            raise RefusedError(
                f"sandi tidak diganti, berkas Asterisk tidak dapat ditulis / nothing was changed, "
                f"Asterisk's files cannot be written: {error}"
            ) from None
        try:
            for command in ("manager reload", "module reload res_ari.so"):
                await asyncio.to_thread(asterisk_rx, settings, command)
            running = True
        except (PbxRootError, OSError, subprocess.SubprocessError) as error:
            note(
                f"tersimpan; Asterisk tidak menjawab, berlaku saat dijalankan lagi ({error})",
                f"saved; Asterisk does not answer, it counts from its next start ({error})",
            )
    async with ground.database.write() as connection:
        await write_audit(
            connection,
            site=ground.site,
            at=ground.clock.now_us(),
            actor=ground.actor,
            action=Action.SECRETS_ROTATED,
            detail={"names": list(ROTATED)},
        )
    told = running and await tell_bridge(ground, "secrets.reload", {}, timeout=10)
    if told:
        await _bridge_is_back(ground)
        step(
            "Sandi AMI dan ARI diganti, panggilan berjalan terus",
            "AMI and ARI passwords are new, calls went on",
        )
    return {"rotated": list(ROTATED), "asterisk": running, "bridge": told}


async def _bridge_is_back(ground: Ground) -> None:
    """Return when the bridge has logged in with the new password.

    Raises:
        RefusedError: it has not within ``BACK_SECONDS``.
    """
    detail = ""
    try:
        async with asyncio.timeout(BACK_SECONDS):
            while True:
                try:
                    health = (await ask(ground.settings.bridge_socket, "snapshot", timeout=5))["health"]
                    if health["asterisk"]:
                        return
                    detail = str(health["detail"])
                except ControlError as error:
                    detail = error.detail
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise RefusedError(
            f"sandi diganti, tetapi ami_bridge belum masuk lagi: ./112 status / the passwords are new, "
            f"but the bridge has not logged in again: {detail}"
        ) from None
