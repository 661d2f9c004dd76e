"""The versions of the tables that this software knows.

alembic is imported only where there is something to do: every command asks, and it loads slowly.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0009"  # the newest file in migrations/versions; a test compares
MIGRATIONS = Path(__file__).parent / "migrations"


def known_revisions() -> set[str]:
    """Every version of the tables that this software knows."""
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


def config() -> Config:
    """alembic's configuration, without a file of its own."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return made
