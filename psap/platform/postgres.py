"""Everything that is true of PostgreSQL alone; SQLite's module is ``sqlite``.

A server that is absent, hung or refuses us is one thing to everybody else: the database is away
(``OperationalError``), told within a few seconds, so that records go to the spool and screens say so.
Writers are one at a time, as with SQLite's BEGIN IMMEDIATE: whatever a service reads and then writes
in one transaction holds, on both engines, without a lock of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DataError, DisconnectionError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

CONNECT_SECONDS = 4.0  # a loaded machine takes its time to make a process for us
PING_SECONDS = 3.0  # a connection that does not answer so long is given up
COMMAND_SECONDS = 15.0  # one statement; whoever has longer ones says so
IDLE_SECONDS = 30  # of a transaction whose client was stopped: its locks must not hold everybody up
POOL, OVERFLOW = 5, 10  # connections of one process
WRITERS = 112_001  # the advisory lock of whoever writes
EXECUTION: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

# classes (and single codes) of SQLSTATE that say "not now", not "this was wrong"
_AWAY = ("08", "28", "3D", "53", "57", "58", "XX", "25006", "25P03", "40001", "40P01", "55P03", "0A000")

# raised where there is no connection: none of them is a class of the DBAPI
LOST: tuple[type[Exception], ...] = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


def is_postgres(url: str) -> bool:
    """Whether an address is PostgreSQL's."""
    return make_url(url).get_backend_name() == "postgresql"


def shown(url: str) -> str:
    """The address as it may be shown: without its password, wherever it stands in it."""
    parsed = make_url(url)
    if "password" in parsed.query:
        parsed = parsed.update_query_dict({"password": "***"})
    return parsed.render_as_string(hide_password=True)


def make_engine(
    url: str | URL, *, busy_seconds: float, command_seconds: float = COMMAND_SECONDS
) -> AsyncEngine:
    """An engine whose every step ends in time. ``busy_seconds``: how long a writer waits for its turn."""
    try:
        url = make_url(url)
    except ValueError as error:  # a port that is no number
        raise ArgumentError(str(error)) from error
    secret: dict[str, Any] = {}
    if file := url.query.get("password_file"):  # Settings.database_password_file
        url = url.difference_update_query(["password_file"])
        path = Path(str(file))
        # asked at each connect: a password that is changed there counts without a restart
        secret["password"] = lambda: path.read_text("utf-8").strip("\r\n")
    engine = create_async_engine(
        url,
        pool_size=POOL,
        max_overflow=OVERFLOW,
        pool_timeout=max(busy_seconds, 1.0),
        pool_recycle=1800,
        connect_args=secret
        | {
            "timeout": CONNECT_SECONDS,
            "command_timeout": command_seconds,
            "server_settings": {
                "application_name": "psap112",
                "lock_timeout": str(max(1, int(busy_seconds * 1000))),
                # the client gives up first and says why; the server does not go on for nobody
                "statement_timeout": str(int(command_seconds * 1000) + 1000),
                "idle_in_transaction_session_timeout": str(IDLE_SECONDS * 1000),
                "timezone": "UTC",
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _taken)
    event.listen(engine.sync_engine, "begin", _begin)
    event.listen(engine.sync_engine, "handle_error", _away)
    return engine


def _taken(dbapi_connection: Any, _record: Any, _proxy: object) -> None:
    """A connection of a server that restarted is made anew; one of a hung server costs PING_SECONDS."""
    raw = dbapi_connection.driver_connection
    try:
        dbapi_connection.run_async(lambda connection: connection.fetchrow(";", timeout=PING_SECONDS))
    except LOST as error:
        raw.terminate()
        raise DisconnectionError(str(error) or type(error).__name__) from error
    except BaseException:  # cancelled: whatever still comes on it is nobody's
        raw.terminate()
        raise


def _begin(connection: Connection) -> None:
    """One writer at a time, each waiting at most ``lock_timeout``; what it then reads is the newest."""
    if connection.get_execution_options().get("psap_write", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")


def _away(context: ExceptionContext) -> BaseException | None:
    """Tell "the server is not there now" from "what was asked is wrong"."""
    error = context.original_exception
    if isinstance(error, TimeoutError) and context.connection is not None:
        # nothing more will come on this connection that somebody waits for
        raw = context.connection.connection.driver_connection
        if raw is not None:
            raw.terminate()
        context.is_disconnect = True
    # whatever a server says instead of letting us in, it cannot be used now
    if (context.connection is None or is_away(error)) and not isinstance(
        context.sqlalchemy_exception, OperationalError
    ):
        return away(error, context.statement)
    if _state(error).startswith("22") and not isinstance(context.sqlalchemy_exception, DataError):
        # the driver's own words hold the value
        said = _SaidError(_words(error).partition(":")[0])
        return DataError(context.statement, None, said, hide_parameters=True)
    if isinstance(error.__cause__, asyncpg.PostgresError):
        error.__cause__.detail = None  # "Key (number)=(0812...) already exists": it would reach a log
    return None


def is_away(error: BaseException) -> bool:
    """Whether an error says that the server cannot be used now."""
    if isinstance(error, OSError | TimeoutError):
        return True
    if code := _state(error):
        return code.startswith(_AWAY)
    return isinstance(error.__cause__ or error, asyncpg.InterfaceError) and "closed" in str(error)


def _state(error: BaseException) -> str:
    """The SQLSTATE; SQLAlchemy wraps what asyncpg raised."""
    return str(getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None) or "")


def away(error: BaseException, statement: str | None = None) -> OperationalError:
    """The one error that everybody knows, in words that a person can use."""
    return OperationalError(statement, None, _SaidError(_words(error)), hide_parameters=True)


class _SaidError(Exception):
    """What went wrong, in one line, as ``orig`` of the error."""


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "PostgreSQL does not answer in time"
    if isinstance(error, OSError) and error.filename is not None:
        return f"the password's file {error.filename} cannot be read: {error.strerror}"
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return f"no PostgreSQL server there ({error.strerror or type(error).__name__})"
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first.removeprefix("<class 'asyncpg.exceptions.").strip()
