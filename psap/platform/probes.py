"""Is each part well? Asked all at once, each within ``PROBE_SECONDS``, so that `status` answers
within three seconds also when parts hang."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel

from psap.platform import draining, mending, supervise
from psap.platform.heartbeat import read_beat, read_heartbeat
from psap.platform.settings import Settings, load_secrets
from psap.platform.troubles import State, Trouble

PROBE_SECONDS = 1.3  # with start-up of the command itself, under three on a loaded machine
SUPERVISOR_SECONDS = 0.9  # then /proc is searched, which takes its time too
MIGRATIONS = Path(__file__).parent / "migrations" / "versions"


class PartStatus(BaseModel):
    """One part as `./112 status --json` tells it."""

    state: State
    detail: str
    pid: int | None = None
    mend: str | None = None  # what to do, in two languages; None while it is up


class Status(BaseModel):
    """A whole home."""

    healthy: bool
    parts: dict[str, PartStatus]


class UnwellError(Exception):
    """A probe's answer that is not up."""

    def __init__(self, detail: str, state: State = "down") -> None:
        super().__init__(detail)
        self.state: State = state


Probe = Callable[[Settings], Awaitable[str]]


async def status(settings: Settings) -> Status:
    """Ask every part. Never raises; takes at most about two seconds."""
    known, answers = await asyncio.gather(
        asyncio.to_thread(_known, settings),
        asyncio.gather(*(_guarded(probe, settings) for probe in PROBES.values())),
    )
    parts: dict[str, PartStatus] = {}
    for name, (state, detail) in zip(PROBES, answers, strict=True):
        process = known.get(name)
        pid = process.pid if process else None
        if supervise.is_stopped(pid):  # its last heartbeat may still look fresh
            state, detail = "down", f"process {pid} is stopped (SIGSTOP); kill -CONT {pid}"
        elif state == "down" and process and process.state not in ("RUNNING", "STARTING"):
            detail = f"{process.state.lower()}: {process.detail}"
        parts[name] = PartStatus(state=state, detail=detail, pid=pid)
    for name, part in _told_by_the_bridge(settings).items():
        parts.setdefault(name, part)
    for name, part in parts.items():
        if part.state != "up":
            # nothing of this home runs: then nothing is restarted by itself
            here = bool(known) or (settings.outside and supervise.runs(settings))
            part.mend = (
                mending.mend(name, outside=settings.outside, detail=part.detail) if here else _away(settings)
            )
    return Status(healthy=all(part.state == "up" for part in parts.values()), parts=parts)


def _away(settings: Settings) -> str:
    return mending.NOT_RUNNING_OUTSIDE if settings.outside else mending.NOT_RUNNING


def _told_by_the_bridge(settings: Settings) -> dict[str, PartStatus]:
    """What only the bridge knows: its link, the disk, whatever else complains there."""
    beat = read_beat(settings.run, "ami_bridge")
    if beat is None or read_heartbeat(settings.run, "ami_bridge")[0] == "down":
        return {}  # old news
    return {
        name: PartStatus(state=row["state"], detail=Trouble(name, **row).words())
        for name, row in beat.get("parts", {}).items()
    }


def _known(settings: Settings) -> dict[str, supervise.ProcessInfo]:
    with contextlib.suppress(supervise.SuperviseError):
        return supervise.info(settings, timeout=SUPERVISOR_SECONDS)
    # supervisord is dead or hung: what /proc shows
    return {
        name: supervise.ProcessInfo(name, "RUNNING", pid, "without supervisord")
        for pid, name in supervise.survivors(settings).items()
    }


async def _guarded(probe: Probe, settings: Settings) -> tuple[State, str]:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return "up", await probe(settings)
    except UnwellError as error:
        return error.state, str(error)
    except TimeoutError:
        return "down", f"no answer within {PROBE_SECONDS} s"
    except (OSError, ValueError, EOFError) as error:
        return "down", str(error) or type(error).__name__
    except Exception as error:  # whatever a probe meets is an answer about the part, not our end
        return "down", f"{type(error).__name__}: {error}"


async def _redis(settings: Settings) -> str:
    path, address = str(settings.run / "redis.sock"), urlsplit(settings.redis_url or "")
    if address.scheme == "unix" and not address.netloc:
        path = unquote(address.path)
    elif settings.redis_url is not None:
        from psap.platform.hot import Hot

        hot = Hot(settings.redis_url)
        try:
            await hot.ping()
        finally:
            await hot.close()
        return "PING answered"
    # on a local socket: the client library takes longer to load than Redis to answer
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(b"PING\r\n")
        answer = (await reader.readline()).decode("utf-8", "replace").strip()
    finally:
        writer.close()
    if answer != "+PONG":
        raise UnwellError(f"PING: {answer or 'closed'}", "degraded")
    return "PING answered"


async def _asterisk(settings: Settings) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.ami_port)
    try:
        banner = (await reader.readline()).decode("utf-8", "replace").strip()
        if not banner.startswith("Asterisk Call Manager"):
            raise UnwellError(f"port {settings.ami_port} is not Asterisk's")
        secret = load_secrets(settings.home).ami_status
        login = f"Action: Login\r\nUsername: status\r\nSecret: {secret}\r\nEvents: off\r\n\r\n"
        await _ami(reader, writer, login, "Success")
        await _ami(reader, writer, "Action: Ping\r\n\r\n", "Success")
    finally:
        writer.close()
    closed = draining.complaint(settings)
    if closed is not None:
        raise UnwellError(closed.words(), "degraded")
    return f"AMI answered ({banner})"


async def _ami(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, action: str, wanted: str) -> None:
    """Send one action and await its response; events in between are passed over."""
    writer.write(action.encode())
    while True:
        block = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace")
        if not block.startswith("Response:"):
            continue
        if not block.startswith(f"Response: {wanted}"):
            raise UnwellError(f"AMI refused: {' '.join(block.split())}", "degraded")
        return


async def _agi(settings: Settings) -> str:
    """A real FastAGI exchange: a server that accepts and then hangs is down."""
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.agi_port)
    try:
        url = f"agi://127.0.0.1:{settings.agi_port}/probe"
        head = f"agi_network: yes\nagi_network_script: probe\nagi_request: {url}\nagi_channel: probe\n\n"
        writer.write(head.encode())
        command = (await reader.readline()).decode("utf-8", "replace").strip()
        if not command:
            raise UnwellError("the AGI server closed without a command")
        writer.write(b"200 result=1\n")
        await writer.drain()
    finally:
        writer.close()
    return "FastAGI answered"


async def _bridge(settings: Settings) -> str:
    return _beat(settings, "ami_bridge")


async def _console(settings: Settings) -> str:
    context = None
    if settings.tls_cert is not None:
        import ssl

        # our own address, not the certificate's name: whether it answers is asked, not who it is
        context = ssl._create_unverified_context()  # noqa: S323
    reader, writer = await asyncio.open_connection(
        reachable(settings.http_bind), settings.http_port, ssl=context
    )
    try:
        writer.write(b"GET /api/v1/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        words = (await reader.readline()).split()
    finally:
        writer.close()
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):
        raise UnwellError(f"port {settings.http_port} does not speak HTTP")
    if words[1] != b"200":
        raise UnwellError(f"healthz answered {words[1].decode('ascii', 'replace')}", "degraded")
    return _beat(settings, "console")


async def _watchdog(settings: Settings) -> str:
    return _beat(settings, "watchdog")


async def _database(settings: Settings) -> str:
    if settings.database_url is None:
        version = await asyncio.to_thread(_sqlite_version, settings.home / "psap.db")
    else:
        usable, version = await asyncio.to_thread(_current_ok, settings)
        if not usable:
            raise UnwellError(version)
    return f"version {version}"


def _current_ok(settings: Settings) -> tuple[bool, str]:
    """Loaded beside the other questions, not before their answers: it takes a second."""
    from psap.platform import migrate

    return migrate.current_ok(settings)


def _sqlite_version(path: Path) -> str:
    """The embedded database's version, read without the libraries that take a second to load."""
    if not path.exists():
        raise UnwellError("no database yet")  # opening it would make an empty one
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=1.0)) as database:
        (version,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        database.execute("SELECT count(*) FROM state").fetchone()
    newest = max(file.stem.split("_")[0] for file in MIGRATIONS.glob("[0-9]*.py"))
    if version != newest:
        raise UnwellError(f"version {version}, this software has {newest}", "degraded")
    return str(version)


def _beat(settings: Settings, part: str) -> str:
    state, detail, _pid = read_heartbeat(settings.run, part)
    if state == "degraded":
        raise UnwellError(detail, "degraded")
    if state != "up":
        raise UnwellError(detail)
    return detail


def reachable(bind: str) -> str:
    """An address at which something bound to ``bind`` answers on this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104


PROBES: dict[str, Probe] = {
    "redis": _redis,
    "asterisk": _asterisk,
    "agi": _agi,
    "ami_bridge": _bridge,
    "console": _console,
    "database": _database,
    "watchdog": _watchdog,
}
