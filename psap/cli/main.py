"""The command line behind ./112. Each noun's module is loaded only when it is asked for, so that
``status`` answers at once."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from psap.cli.say import RefusedError, refuse

# noun -> (module, whether the module brings a typer `app` of its own or a plain command)
NOUNS: dict[str, tuple[str, bool]] = {
    "up": ("psap.cli.up", False),
    "down": ("psap.cli.down", False),
    "status": ("psap.cli.status", False),
    "doctor": ("psap.cli.doctor", False),
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
    "bench": ("psap.cli.bench", True),
}
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


def main() -> None:
    """Run one command. Every foreseen failure is one line and a non-zero exit."""
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        app = build(asked)
        app(prog_name="112", standalone_mode=True)
    except RefusedError as error:
        try:
            refuse(str(error))
        except typer.Exit as end:
            sys.exit(end.exit_code)
