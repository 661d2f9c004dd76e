"""``./112 retention``: what is older than the profile lets it be kept; --apply deletes it."""

from __future__ import annotations

from typing import Annotated

import typer

from psap.cli.ground import Ground, JsonOption, on_ground, show_json
from psap.cli.say import HomeOption, step
from psap.keeping.model import NAMES, Due
from psap.keeping.service import Retention
from psap.platform.clock import rfc3339


def retention(
    apply: Annotated[
        bool, typer.Option("--apply", help="Hapus sungguhan / really delete; tanpa ini hanya dilihat")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Yang melewati masa simpan / what is past its time. Tanpa --apply tidak ada yang berubah / a dry run."""

    async def work(ground: Ground) -> None:
        keeping = Retention(ground.settings, ground.database, ground.profile, ground.clock)
        plan = await keeping.plan()
        if not apply:
            _show(plan, as_json)
            return
        from psap.cli.backup import shown

        with shown("Menghapus / deleting") as progress:
            whole = sum(due.count for due in plan)
            gone = await keeping.apply(
                actor=ground.actor, progress=lambda _kind, count: progress(count, whole)
            )
        if as_json:
            show_json({str(kind): count for kind, count in gone.items()})
            return
        for kind, count in gone.items():
            print(f"{kind:<12} {count:>8} dihapus / deleted")
        step("Selesai dan tercatat di audit", "done, and in the audit")

    on_ground(home, work)


def _show(plan: list[Due], as_json: bool) -> None:
    if as_json:
        show_json(
            [
                {
                    "kind": str(due.kind),
                    "days": due.days,
                    "count": due.count,
                    "oldest": None if due.oldest is None else rfc3339(due.oldest),
                    "held": due.held,
                }
                for due in plan
            ]
        )
        return
    for due in plan:
        oldest = f", tertua / oldest {rfc3339(due.oldest)}" if due.oldest is not None else ""
        held = f", ditahan / on legal hold {due.held}" if due.held else ""
        indonesian, english = NAMES[due.kind]
        print(
            f"{due.kind:<12} {due.days:>5} hari/days  {due.count:>8}  {indonesian} / {english}{oldest}{held}"
        )
    step("Belum ada yang dihapus; --apply menghapus", "nothing was deleted; --apply does")
