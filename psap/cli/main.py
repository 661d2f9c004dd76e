"""The command line behind ./112. Each noun's module is loaded only when it is asked for, so that
``status`` answers at once."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

import typer

from psap.cli.owner import become_owner
from psap.cli.say import RefusedError, refuse
from psap.platform.settings import ROOT

# noun -> (module, whether the module brings a typer `app` of its own or a plain command)
NOUNS: dict[str, tuple[str, bool]] = {
    "up": ("psap.cli.up", False),
    "prepare": ("psap.cli.prepare", False),
    "down": ("psap.cli.down", False),
    "status": ("psap.cli.status", False),
    "drain": ("psap.cli.drain", False),
    "doctor": ("psap.cli.doctor", False),
    "db": ("psap.cli.db", True),
    "backup": ("psap.cli.backup", False),
    "restore": ("psap.cli.restore", False),
    "retention": ("psap.cli.retention", False),
    "person": ("psap.cli.person", True),
    "upgrade": ("psap.cli.upgrade", False),
    "test": ("psap.cli.test", False),
    "lock": ("psap.cli.lock", False),
    "call": ("psap.cli.call", False),
    "blocklist": ("psap.cli.blocklist", True),
    "users": ("psap.cli.users", True),
    "phone": ("psap.cli.phone", False),
    "profile": ("psap.cli.profile", True),
    "secrets": ("psap.cli.secrets", True),
    "audit": ("psap.cli.audit", True),
    "guard": ("psap.cli.guard", True),
    "logs": ("psap.cli.logs", False),
    "bench": ("psap.cli.bench", True),
}
# these start, end or make what an ordinary account may not
AS_ROOT = frozenset({"up", "down", "prepare", "upgrade", "doctor", "test", "lock", "bench", "profile"})
PASS_ON = {"test": {"allow_extra_args": True, "ignore_unknown_options": True}}


def build(asked: str | None) -> typer.Typer:
    """The whole command line, or only the noun that was asked for."""
    app = typer.Typer(
        name="112",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="112: nomor tunggal darurat / the single emergency number",
    )

    @app.callback()
    def _root() -> None:
        """112: nomor tunggal darurat / the single emergency number"""

    for noun, (module, is_app) in NOUNS.items():
        if asked in NOUNS and noun != asked:
            continue
        loaded = import_module(module)
        if is_app:
            app.add_typer(loaded.app, name=noun)
        else:
            app.command(noun, context_settings=PASS_ON.get(noun))(getattr(loaded, noun))
    return app


def _step_down() -> None:
    """What root asks of a home that others keep running is done as the home's owner."""
    words = sys.argv[1:]
    given = [words[n + 1] for n, word in enumerate(words[:-1]) if word == "--home"]
    given += [word.removeprefix("--home=") for word in words if word.startswith("--home=")]
    where = Path(given[-1] if given else os.environ.get("PSAP_HOME") or ROOT / "var").resolve()
    try:
        outside = json.loads((where / "config.json").read_text("utf-8")).get("supervisor") == "outside"
    except (OSError, ValueError):
        return  # the command itself says what is wrong with it
    if outside:
        become_owner(where)


def main() -> None:
    """Run one command. Every foreseen failure is one line and a non-zero exit."""
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        if asked in NOUNS and asked not in AS_ROOT:
            _step_down()
        app = build(asked)
        app(prog_name="112", standalone_mode=True)
    except RefusedError as error:
        try:
            refuse(str(error))
        except typer.Exit as end:
            sys.exit(end.exit_code)
