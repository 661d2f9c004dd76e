"""``./112 phone AGENT``: what a SIP desk phone needs to register."""

from __future__ import annotations

from typing import Annotated

import typer

from psap.accounts.model import AccountError, PhoneRow
from psap.accounts.phones import ensure_phone, list_phones
from psap.cli.ground import Ground, JsonOption, note, on_ground, show_json
from psap.cli.say import HomeOption, RefusedError
from psap.platform.control import ControlError, ask


def phone_command(
    agent: Annotated[str, typer.Argument(help="Nama akun / username", show_default=False)],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Data pendaftaran telepon meja / what a desk phone registers with."""

    async def work(ground: Ground) -> None:
        try:
            async with ground.database.write() as connection:
                phone = await ensure_phone(
                    connection, ground.site, agent, clock=ground.clock, actor=ground.actor
                )
                everyone = await list_phones(connection, ground.site)
        except AccountError as error:
            raise RefusedError(str(error)) from None
        try:
            await ask(ground.settings.bridge_socket, "phones.sync", timeout=5)
        except ControlError:
            without_the_bridge(ground, everyone)
        shown = {
            "username": phone.username,
            "password": phone.password,
            "domain": ground.settings.external_address or ground.settings.sip_bind,
            "port": ground.settings.sip_port,
        }
        if as_json:
            show_json(shown)
        else:
            for name, value in shown.items():
                print(f"{name:<10} {value}")

    on_ground(home, work)


def without_the_bridge(ground: Ground, everyone: list[PhoneRow]) -> None:
    """Write Asterisk's phones ourselves: a desk phone must work with all of our processes dead."""
    import subprocess

    from psap.pbx.render import PhoneRow as Rendered
    from psap.pbx.render import render_phones
    from psap.platform.pbx_root import PbxRootError, asterisk_rx

    settings = ground.settings
    if not (settings.pbx / "etc" / "asterisk.conf").exists():
        note("tersimpan; dipakai sejak `./112 up`", "saved; it counts from `./112 up`")
        return
    try:
        render_phones(settings, [Rendered(each.username, each.password, each.agent) for each in everyone])
        asterisk_rx(settings, "module reload res_pjsip.so")
        for each in everyone:
            # names of both are letters, digits, dots and dashes: no quoting needed
            asterisk_rx(settings, f"database put psap-phone {each.username} {each.agent}")
    except (PbxRootError, OSError, ValueError, subprocess.SubprocessError) as error:
        note(
            f"tersimpan; Asterisk belum tahu ({type(error).__name__}), berlaku pada `./112 up` berikutnya",
            f"saved; Asterisk does not know yet ({type(error).__name__}), it counts from the next `./112 up`",
        )


phone = phone_command
