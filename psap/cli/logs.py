"""``./112 logs CALL_ID``: what every part wrote about one call, in the order of time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from psap.cli.say import HomeOption, RefusedError
from psap.platform.settings import load_settings

CALL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ALREADY = {"timestamp", "part", "event", "level", "call_id"}  # said in the line's beginning


def logs(
    call_id: Annotated[str, typer.Argument(help="id panggilan / the call's id", metavar="CALL_ID")],
    as_json: Annotated[bool, typer.Option("--json", help="Baris aslinya / the lines as they are")] = False,
    home: HomeOption = None,
) -> None:
    """Kisah satu panggilan menurut log setiap bagian / the story of one call in every part's log."""
    if not CALL_ID.fullmatch(call_id):
        raise RefusedError(f"bukan id panggilan / not a call's id: {call_id}")
    settings = load_settings(home)
    found = story(settings.logs, call_id)
    if not found:
        raise RefusedError(
            f"tidak ada baris tentang {call_id} di {settings.logs}; log lama sudah dihapus, atau disimpan "
            f"journald atau docker (journalctl --grep {call_id}) / "
            f"no line about {call_id} in {settings.logs}; old logs are gone, or journald or docker keeps them"
        )
    for part, line in found:
        print(json.dumps({"part": part, **line}) if as_json else shown(part, line))


def story(folder: Path, call_id: str) -> list[tuple[str, dict[str, Any]]]:
    """(part, line) of every line that bears the id, rotated files included, oldest first."""
    rows = [
        (path.name.partition(".")[0], line)
        for path in folder.glob("*.log*")
        for line in _lines(path, call_id)
    ]
    return sorted(rows, key=lambda row: str(row[1].get("timestamp", "")))


def _lines(path: Path, call_id: str) -> Iterator[dict[str, Any]]:
    with path.open("r", encoding="utf-8", errors="replace") as file:
        for line in file:
            if call_id not in line:
                continue
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and found.get("call_id") == call_id:
                yield found


def shown(part: str, line: dict[str, Any]) -> str:
    """One line for people."""
    rest = " ".join(
        f"{key}={value}" for key, value in line.items() if key not in ALREADY and value is not None
    )
    level = "" if line.get("level") == "info" else f" [{line.get('level')}]"
    return f"{line.get('timestamp', '?')}  {part:<10}{level} {line.get('event')}  {rest}".rstrip()
