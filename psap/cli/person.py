"""``./112 person``: what UU PDP lets a citizen ask for - a copy of everything, or its erasure."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from psap.cli.ground import Ground, JsonOption, note, on_ground, show_json, tell_bridge
from psap.cli.say import HomeOption, RefusedError, step
from psap.keeping.person import WHY, Identity, Verdict
from psap.keeping.persons import Persons
from psap.platform import disk
from psap.platform.settings import write_private

NUMBER = re.compile(r"\+?[0-9][0-9 .()-]*")
app = typer.Typer(no_args_is_help=True, help="Data satu orang (UU PDP) / one person's data")
Number = Annotated[str, typer.Argument(help="Nomor telepon / telephone number", show_default=False)]


def _who(ground: Ground, persons: Persons, number: str) -> Identity:
    who = persons.who(number)
    # "0 calls" for a slip of the pen would be a wrong answer to a citizen
    if not NUMBER.fullmatch(number.strip()) or sum(map(str.isdigit, number)) < 3 or not who.spellings:
        raise RefusedError("bukan nomor telepon / not a telephone number")
    return who


def _persons(ground: Ground) -> Persons:
    return Persons(ground.settings, ground.database, ground.profile, ground.clock)


@app.command("export")
def export(
    number: Number,
    to: Annotated[Path | None, typer.Option("--to", help="Berkas JSON / a JSON file")] = None,
    home: HomeOption = None,
) -> None:
    """Semua yang tersimpan tentang sebuah nomor / everything that is stored about a number."""

    async def work(ground: Ground) -> None:
        if to is not None and not disk.may_record(ground.settings):
            raise RefusedError(
                "ruang disk hampir habis, ekspor dihentikan dulu; ./112 doctor / "
                "disk space is running out, exports wait; see ./112 doctor"
            )
        persons = _persons(ground)
        told = await persons.export(_who(ground, persons, number), actor=ground.actor)
        if to is None:
            show_json(told)
            return
        write_private(to, json.dumps(told, ensure_ascii=False, indent=2))
        counts = ", ".join(f"{count} {name}" for name, count in told["counts"].items() if count)
        step(f"{to} (0600): {counts or '0'}", "exported; hand it over safely")

    on_ground(home, work)


@app.command("staff")
def staff(
    username: Annotated[str, typer.Argument(help="Nama akun / account name", show_default=False)],
    to: Annotated[Path | None, typer.Option("--to", help="Berkas JSON / a JSON file")] = None,
    home: HomeOption = None,
) -> None:
    """Semua yang tersimpan tentang sebuah akun / everything that is stored about an account."""

    async def work(ground: Ground) -> None:
        told = await _persons(ground).export_staff(username.strip().lower(), actor=ground.actor)
        if told is None:
            raise RefusedError(
                f"tidak ada akun {username!r}; lihat ./112 users list / there is no such account"
            )
        if to is None:
            show_json(told)
            return
        write_private(to, json.dumps(told, ensure_ascii=False, indent=2))
        counts = ", ".join(f"{count} {name}" for name, count in told["counts"].items() if count)
        step(f"{to} (0600): {counts}", "exported; hand it over safely")

    on_ground(home, work)


@app.command("erase")
def erase(
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help="Dasar permintaan / why, for the audit")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Lihat saja / look only")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Keluarkan seseorang dari semua catatan; statistik tetap / take a person out; statistics stay."""
    if len(reason.strip()) < 3:
        raise RefusedError("--reason: sedikitnya 3 huruf / at least 3 letters")

    async def work(ground: Ground) -> None:
        persons = _persons(ground)
        who = _who(ground, persons, number)
        if any(word in reason for word in who.spellings):
            raise RefusedError("--reason memuat nomornya / --reason holds the number: it goes into the audit")
        if dry_run:
            verdict = await persons.examine(who)
            _show(verdict, {name: len(rows) for name, rows in verdict.goes.items()}, as_json)
            if not as_json:
                step("Belum ada yang diubah (--dry-run)", "nothing was changed")
            return
        verdict, done = await persons.erase(who, actor=ground.actor, reason=reason)
        await tell_bridge(ground, "person.forget", {"call_ids": [row["id"] for row in verdict.goes["calls"]]})
        if who.key is not None:
            await tell_bridge(ground, "blocks.sync", {"keys": [who.key]})
        _show(verdict, done, as_json)
        if not as_json:
            days = ground.profile.retention.backups
            step(
                f"Cadangan lama masih memuatnya sampai umurnya {days} hari; pemulihan menghapusnya lagi",
                f"older backups hold it until they are {days} days old; a restore erases it again",
            )

    on_ground(home, work)


def _show(verdict: Verdict, done: dict[str, int], as_json: bool) -> None:
    stays: list[dict[str, Any]] = [
        {"what": table, "count": count, "why": reason, "id": WHY[reason][0], "en": WHY[reason][1]}
        for (table, reason), count in sorted(verdict.stays.items())
    ]
    if as_json:
        show_json({"erased": done, "stays": stays})
        return
    for name, count in done.items():
        print(f"{name:<12} {count:>6} disamarkan / pseudonymised")
    for each in stays:
        print(f"{each['what']:<12} {each['count']:>6} TETAP / STAYS: {each['id']} / {each['en']}")
    if any(each["why"] not in ("append_only",) for each in stays):
        note("sebagian tetap, lihat alasannya", "a part stays, see why")
