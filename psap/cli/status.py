"""``./112 status``: is every part well?"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from psap.cli.say import HomeOption
from psap.platform.probes import PartStatus, Status
from psap.platform.settings import Settings, load_settings

UNHEALTHY = 3  # exit code, as systemctl status has it

WORDS = {"up": ("jalan", "green"), "degraded": ("terganggu", "yellow"), "down": ("mati", "red")}


def status(
    home: HomeOption = None,
    json: Annotated[bool, typer.Option("--json", help="Untuk program / for programs")] = False,
) -> None:
    """Keadaan setiap bagian / how each part is. Kode keluar / exit code: 0 sehat / healthy, 3 tidak / not."""
    settings = load_settings(home)
    told = ask(settings)
    if json:
        print(told.model_dump_json())
    else:
        show(settings, told)
    if not told.healthy:
        raise typer.Exit(UNHEALTHY)


def ask(settings: Settings) -> Status:
    """Every part's state, within about two seconds."""
    from psap.platform import probes

    return asyncio.run(probes.status(settings))


def _detail(part: PartStatus) -> str:
    from rich.markup import escape

    return escape(part.detail + (f"\n→ {part.mend}" if part.mend else ""))


def show(settings: Settings, told: Status) -> None:
    """A table for people."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"112 · {settings.home}")
    for column in ("Bagian / part", "Keadaan / state", "PID", "Keterangan / detail"):
        table.add_column(column)
    for name, part in told.parts.items():
        word, colour = WORDS[part.state]
        table.add_row(name, f"[{colour}]{word} / {part.state}[/]", str(part.pid or ""), _detail(part))
    console = Console()
    console.print(table)
    console.print("Sehat / healthy" if told.healthy else "TIDAK sehat / NOT healthy")
