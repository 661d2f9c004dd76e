"""``./112 audit``: who did what, and whether the trail is whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from psap.cli.ground import Ground, JsonOption, on_ground, show_json
from psap.cli.say import HomeOption, RefusedError
from psap.platform.audit import Action, read_audit, verify_audit
from psap.platform.clock import rfc3339

app = typer.Typer(no_args_is_help=True, help="Jejak audit / the audit")


@app.command("list")
def list_entries(
    actor: Annotated[str | None, typer.Option("--actor", help="Siapa / who")] = None,
    action: Annotated[Action | None, typer.Option("--action", help="Perbuatan / deed")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Entri terbaru dahulu / entries, newest first."""

    async def work(ground: Ground) -> None:
        async with ground.database.read() as connection:
            found = await read_audit(
                connection,
                ground.site,
                limit=limit,
                actor=actor,
                action=None if action is None else str(action),
            )
        if as_json:
            show_json([asdict(entry) | {"at": rfc3339(entry.at)} for entry in found])
            return
        for entry in found:
            detail = " ".join(f"{name}={value}" for name, value in entry.detail.items())
            words = (rfc3339(entry.at), entry.actor, entry.action, entry.subject or "-", detail)
            print(f"{entry.seq:>7}", *words)

    on_ground(home, work)


@app.command("verify")
def verify(home: HomeOption = None) -> None:
    """Periksa rantainya utuh / check that nothing was changed or taken away."""

    async def work(ground: Ground) -> None:
        async with ground.database.read() as connection:
            count, fault = await verify_audit(connection, ground.site)
            newest = await read_audit(connection, ground.site, limit=1)
        if fault is not None:
            raise RefusedError(
                f"jejak audit tidak utuh, bandingkan dengan cadangan / the audit is not whole, "
                f"compare with a backup: {fault}"
            )
        place = f", {newest[0].seq}" if newest else ""
        print(f"Utuh / whole: {count} entri / entries{place}")

    on_ground(home, work)
