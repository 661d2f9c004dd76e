"""How the command line speaks: Indonesian first, English beside it; errors as one line on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder semua data / where all state lies (./var)", show_default=False),
]


class RefusedError(Exception):
    """Something the person at the keyboard must know and mend: one line."""


def refuse(message: str, code: int = 1) -> NoReturn:
    """End with one clear line on standard error."""
    print(f"112: {' '.join(message.split())}", file=sys.stderr)
    raise typer.Exit(code)


def step(indonesian: str, english: str) -> None:
    """Say what is being done, at once."""
    print(f"· {indonesian} / {english}", flush=True)
