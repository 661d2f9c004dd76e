"""``./112 bench NAME``: what takes minutes to measure, on homes of its own.

Each measurement is a module of ``bench/`` whose ``command`` is the typer command; it is loaded only
when it is asked for (a plain installation has neither ``bench/`` nor ``tests/``).
"""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from psap.cli.say import RefusedError

# name -> module
MEASUREMENTS = {
    "bridge": "bench.bridge",
    "pop": "bench.pop",
    "soak": "bench.soak_command",
    "idle": "bench.idle_command",
    "bogor": "bench.bogor",
    "gate": "bench.gate_command",
    "call": "bench.call_command",
    "memory": "bench.memory",
    "report": "bench.report",
}

app = typer.Typer(no_args_is_help=True, help="Pengukuran / measurements")


@app.callback()
def _bench() -> None:
    """Pengukuran / measurements"""


def _register() -> None:
    asked = [name for name in MEASUREMENTS if name in sys.argv[1:]]
    for name in asked or MEASUREMENTS:
        try:
            module = import_module(MEASUREMENTS[name])
        except ImportError as error:
            raise RefusedError(
                f"bench memerlukan klon lengkap / bench needs a whole clone: {error}"
            ) from error
        app.command(name)(module.command)


_register()
