"""``./112 blocklist``: who is held off, why, and letting them in again."""

from __future__ import annotations

import csv
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from psap.callers.blocklist import BlocklistError, add_block, key_or_refuse, list_blocks, remove_block
from psap.callers.model import Block
from psap.callers.service import explain
from psap.callers.transfer import BadFileError, import_blocks
from psap.callers.transfer import export as export_rows
from psap.cli.ground import Ground, JsonOption, note, on_ground, show_json, tell_bridge
from psap.cli.say import HomeOption, RefusedError
from psap.platform.clock import local, to_us

app = typer.Typer(no_args_is_help=True, help="Daftar blokir / the blocklist")
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
Number = Annotated[str, typer.Argument(help="Nomor telepon / telephone number", show_default=False)]


def duration_us(text: str) -> int:
    """Microseconds of ``24h``, ``3d``, ``90m``, ``30s``.

    Raises:
        RefusedError: it is none.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text.strip().lower())
    if not found:
        raise RefusedError(f"--for {text!r}: tulis misalnya 24h atau 3d / write for instance 24h or 3d")
    return int(found[1]) * UNIT_SECONDS[found[2]] * 1_000_000


def until_us(text: str, ground: Ground) -> int:
    """Microseconds of an ISO time; without an offset it is the city's.

    Raises:
        RefusedError: it is no time.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        # outside the calendar is no time either
        return to_us(moment if moment.tzinfo else moment.replace(tzinfo=ground.profile.zone))
    except ValueError:
        raise RefusedError(
            f"--until {text!r}: tulis misalnya / write for instance 2026-12-31T23:59"
        ) from None


@app.command("add")
def add(
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help="Alasan / why", show_default=False)],
    for_: Annotated[str | None, typer.Option("--for", help="24h, 3d", show_default=False)] = None,
    until: Annotated[str | None, typer.Option("--until", help="2026-12-31T23:59", show_default=False)] = None,
    permanent: Annotated[bool, typer.Option("--permanent", help="Tetap / for ever")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Blokir sebuah nomor / block a number."""
    if (for_ is not None) + (until is not None) + permanent != 1:
        raise RefusedError(
            "pilih satu: --for, --until, atau --permanent / choose one: --for, --until or --permanent"
        )

    async def work(ground: Ground) -> Block:
        expires = None
        if for_ is not None:
            expires = ground.clock.now_us() + duration_us(for_)
        elif until is not None:
            expires = until_us(until, ground)
        try:
            async with ground.database.write() as connection:
                block = await add_block(
                    connection,
                    ground.site,
                    ground.profile,
                    ground.clock,
                    number=number,
                    reason=reason,
                    expires_at=expires,
                    author=ground.actor,
                )
        except BlocklistError as error:
            raise RefusedError(str(error)) from None
        await tell_bridge(ground, "blocks.sync", {"keys": [block.number_key]})
        if as_json:
            show_json(_shown(block, ground))
        else:
            end_id, end_en = _end(block, ground)
            print(f"Diblokir {end_id} / blocked {end_en}")
        return block

    on_ground(home, work, new=True)


@app.command("remove")
def remove(number: Number, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Cabut blokir; tanda sebelumnya dilupakan / lift a block; earlier marks are forgiven."""

    async def work(ground: Ground) -> None:
        try:
            key = key_or_refuse(number, ground.profile)
            async with ground.database.write() as connection:
                lifted = await remove_block(
                    connection, ground.site, ground.clock, author=ground.actor, key=key
                )
        except BlocklistError as error:
            raise RefusedError(str(error)) from None
        await tell_bridge(ground, "blocks.sync", {"keys": [key]})
        if as_json:
            show_json({"number_key": key, "removed": [_shown(each, ground) for each in lifted]})
        else:
            print(f"{len(lifted)} entri dicabut / {len(lifted)} entries lifted")

    on_ground(home, work)


@app.command("list")
def list_(
    all_entries: Annotated[bool, typer.Option("--all", help="Juga yang berakhir / also what ended")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000)] = 1_000,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Yang berlaku sekarang, terbaru dahulu / what is in force, newest first."""

    async def work(ground: Ground) -> None:
        async with ground.database.read() as connection:
            page = await list_blocks(
                connection, ground.site, ground.clock.now_us(), limit=limit, all_entries=all_entries
            )
        if as_json:
            show_json({"items": [_shown(each, ground) for each in page.items], "next": page.next})
            return
        from rich.console import Console
        from rich.table import Table

        table = Table("Nomor/number", "Tingkat/rung", "Berakhir/ends", "Oleh/by", "Alasan/reason")
        for each in page.items:
            end = f"{_local(each.expires_at, ground)}" if each.expires_at else "tetap/permanent"
            # plain text: a reason is no markup
            table.add_row(
                *(_plain(text) for text in (each.number, str(each.rung), end, each.author)),
                _plain(each.reason),
            )
        Console().print(table)
        if page.next:
            note("masih ada lagi; pakai --limit", "there are more; use --limit")

    on_ground(home, work)


@app.command("show")
def show(number: Number, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Jelaskan dengan kata-kata / explain in words."""

    async def work(ground: Ground) -> None:
        try:
            key = key_or_refuse(number, ground.profile)
        except BlocklistError as error:
            raise RefusedError(str(error)) from None
        async with ground.database.read() as connection:
            found = await explain(connection, ground.site, key, ground.clock.now_us(), profile=ground.profile)
        if as_json:
            show_json(found.model_dump(mode="json") | {"blocked": found.state == "blocked"})
            return
        print(found.words.id)
        print(found.words.en)
        for each in found.marks:
            print(f"  {_local(each.at, ground)}  {each.kind}  {each.author}  {each.call_id}")
        for block in (*found.active, *found.past):
            end = _end(block, ground)
            state = "berlaku/in force" if block in found.active else "berakhir/ended"
            print(f"  {_local(block.started_at, ground)}  {state}  {end[0]} / {end[1]}  {block.reason}")

    on_ground(home, work)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV: number,reason,until", show_default=False)],
    reason: Annotated[str, typer.Option("--reason")] = "impor / import",
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Ambil banyak nomor dari berkas CSV / take many numbers from a CSV file."""

    async def work(ground: Ground) -> None:
        try:
            report = await import_blocks(
                ground.database,
                ground.site,
                ground.profile,
                ground.clock,
                file,
                author=ground.actor,
                reason=reason,
            )
        except BadFileError as error:
            raise RefusedError(str(error)) from None
        if report.imported:
            await tell_bridge(ground, "blocks.sync", {"keys": None}, timeout=60)
        if as_json:
            show_json(
                {
                    "imported": report.imported,
                    "already": report.already,
                    "bad_total": report.bad_total,
                    "bad": [{"line": each.line, "id": each.id, "en": each.en} for each in report.bad],
                }
            )
            return
        print(
            f"{report.imported} diimpor, {report.already} sudah ada, {report.bad_total} salah / "
            f"{report.imported} imported, {report.already} there already, {report.bad_total} bad"
        )
        for each in report.bad:
            print(f"{file}:{each.line}: {each.id} / {each.en}", file=sys.stderr)

    on_ground(home, work, new=True)


@app.command("export")
def export(
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Tulis yang berlaku sebagai CSV / write what is in force as CSV."""

    async def work(ground: Ground) -> None:
        rows = [
            row async for row in export_rows(ground.database, ground.site, ground.clock, author=ground.actor)
        ]
        if as_json:
            header = rows[0]
            # in JSON what has no end is null; an empty cell is CSV's way to say it
            show_json([{k: v or None for k, v in zip(header, row, strict=True)} for row in rows[1:]])
        else:
            csv.writer(sys.stdout, lineterminator="\n").writerows(rows)

    on_ground(home, work)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text("".join(each if each.isprintable() else "?" for each in text))


def _shown(block: Block, ground: Ground) -> dict[str, Any]:
    return block.model_dump(mode="json") | {"active": block.active(ground.clock.now_us())}


def _local(us: int, ground: Ground) -> str:
    return f"{local(us, ground.profile.zone):%d-%m-%Y %H.%M}"


def _end(block: Block, ground: Ground) -> tuple[str, str]:
    if block.expires_at is None:
        return "tetap", "permanently"
    return f"hingga {_local(block.expires_at, ground)}", f"until {_local(block.expires_at, ground)}"
