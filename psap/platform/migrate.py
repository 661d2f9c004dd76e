"""Bringing the database to this version of the software, in-process and within a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from psap.platform.revisions import HEAD, config, known_revisions
from psap.platform.settings import Settings

BUSY_SECONDS = 10.0  # another process may just be writing
LONGEST_STEP = 3_600.0  # one statement of a migration: an index over many millions of calls


class MigrationError(Exception):
    """The database cannot be used by this version of the software."""


def migrate(settings: Settings) -> None:
    """Create the database or bring it to the newest version; does nothing when it is there.

    A database with records is backed up before it is changed. One that has disappeared is put back
    from the newest backup; the bridge then makes up the rest from Asterisk's ledger.

    Raises:
        MigrationError: the database is newer than the software, or cannot be opened, written or backed up.
    """
    try:
        url = settings.effective_database_url
        _put_back(settings)
        _prepare_file(url)
        with_connection(url, lambda connection: _upgrade(connection, settings), BUSY_SECONDS)
    except (SQLAlchemyError, OSError) as error:
        raise MigrationError(_unusable(error, settings)) from error


def current_ok(settings: Settings, *, timeout: float = 1.0) -> tuple[bool, str]:
    """(usable, why not) for ``status``; answers within ``timeout`` seconds and never writes."""
    state: list[str | None] = []

    def look(connection: Connection) -> None:
        state.append(_revision(connection))

    try:
        url = settings.effective_database_url
        path = _sqlite_path(url)
        if path is not None and not path.exists():
            return False, "belum dibuat / not created yet"
        with_connection(url, look, timeout, limit=timeout)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        return False, _unusable(error, settings)
    if state[0] == HEAD:
        return True, HEAD
    if state[0] is None:
        return False, "belum dibuat / not created yet"
    if state[0] is not None and state[0] not in known_revisions():
        return False, _newer(state[0])
    return False, f"versi lama {state[0]} / old version {state[0]}"


def downgrade(settings: Settings, revision: str) -> None:
    """Bring the database back to an earlier version, after a backup. The home must not run.

    Raises:
        MigrationError: no such version, or the database cannot be used.
    """
    if revision not in known_revisions():
        known = ", ".join(sorted(known_revisions()))
        raise MigrationError(f"versi {revision} tidak ada / there is no version {revision} ({known})")

    def back(connection: Connection) -> None:
        found = _revision(connection)
        if found is None or found not in known_revisions():
            raise MigrationError(_newer(str(found)))
        if found < revision:
            raise MigrationError(f"basis data sudah di versi / the database is already at {found}")
        _back_up(settings)
        _alembic(connection, "downgrade", revision)

    try:
        with_connection(settings.effective_database_url, back, BUSY_SECONDS)
    except (SQLAlchemyError, OSError) as error:
        raise MigrationError(_unusable(error, settings)) from error


def _upgrade(connection: Connection, settings: Settings) -> None:
    revision = _revision(connection)
    if revision == HEAD:
        return
    if revision is not None and revision not in known_revisions():
        raise MigrationError(_newer(revision))
    if revision is not None:
        _back_up(settings)
    _alembic(connection, "upgrade", "head")


def _alembic(connection: Connection, way: str, revision: str) -> None:
    from alembic import command

    made = config()
    made.attributes["connection"] = connection
    getattr(command, way)(made, revision)
    connection.commit()


def _back_up(settings: Settings) -> None:
    """No change of the tables without a way back."""
    from psap.platform import backup

    try:
        backup.make(settings, kind="upgrade")
    except backup.BackupError as error:
        raise MigrationError(str(error)) from error


def _put_back(settings: Settings) -> None:
    path = _sqlite_path(settings.effective_database_url)
    if path is None or path.exists() or not (settings.home / "backups").is_dir():
        return
    from psap.platform.restore import put_database_back

    put_database_back(settings)


def _newer(revision: str) -> str:
    return (
        f"basis data berasal dari versi yang lebih baru ({revision}); perbarui perangkat lunak ini, "
        f"basis data tidak diubah / the database is from a newer version ({revision}); update this "
        "software, the database was not changed"
    )


def _unusable(error: BaseException, settings: Settings) -> str:
    why = (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]
    if settings.database_url is not None and not settings.database_url.startswith("sqlite"):
        from psap.platform import postgres

        with contextlib.suppress(ArgumentError, ValueError):  # then that is what ``why`` says
            why += f" ({postgres.shown(settings.database_url)}; PSAP_DATABASE_URL)"
    return f"basis data tidak dapat dipakai / the database cannot be used: {why}"


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _sqlite_path(url: str) -> Path | None:
    scheme, _, rest = url.partition(":///")
    return Path(rest) if scheme.startswith("sqlite") and rest not in ("", ":memory:") else None


def _prepare_file(url: str) -> None:
    """An own file for its owner's eyes only: it holds personal data."""
    path = _sqlite_path(url)
    if path is not None and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def with_connection(
    url: str, work: Callable[[Connection], None], timeout: float, *, limit: float | None = None
) -> None:
    """Run ``work`` on a connection, also when an event loop is running here.

    ``timeout``: seconds to wait for other writers; ``limit``: for all of it, where that is asked for.
    """
    if url.startswith("sqlite"):
        engine = create_engine(url.replace("+aiosqlite", ""), connect_args={"timeout": timeout})
        try:
            with engine.connect() as connection:
                work(connection)
        finally:
            engine.dispose()
        return

    async def through_the_async_driver() -> None:
        from psap.platform import postgres

        # whoever only looks takes no turn among the writers
        options = {} if limit is not None else {"psap_write": True}
        engine = postgres.make_engine(url, busy_seconds=timeout, command_seconds=limit or LONGEST_STEP)
        try:
            async with asyncio.timeout(limit), engine.connect() as connection:
                await (await connection.execution_options(**options)).run_sync(work)
        except postgres.LOST as error:
            raise postgres.away(error) from error
        finally:
            await engine.dispose()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, through_the_async_driver()).result()
