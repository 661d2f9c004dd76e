"""``python -m console``: serves the desk until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from aiohttp import web

from console.app import make_app, make_parts
from console.limits import CONNECTIONS, HEADER_LINE, KEEP_ALIVE, Connections
from console.tls import TlsError, follow, make_context
from psap.agencies.profile import ProfileError
from psap.platform.log import setup_log
from psap.platform.pauses import keep_what_is_there
from psap.platform.settings import load_settings

GOODBYE = 1.0  # seconds for requests in progress


async def serve() -> int:
    """Run until told to stop; the exit code."""
    log = setup_log("console")
    # malformed requests are strangers' noise, and may hold anything: not for the log
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    settings = load_settings()
    try:
        parts = make_parts(settings)
    except ProfileError as error:
        log.error("profile cannot be used", detail=str(error))
        return 1
    context = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        try:
            context = make_context(settings.tls_cert, settings.tls_key)
        except TlsError as error:
            log.error("cannot speak TLS", detail=str(error))
            return 1
    app = make_app(parts)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=GOODBYE,
        keepalive_timeout=KEEP_ALIVE,
        max_line_size=HEADER_LINE,
        max_field_size=HEADER_LINE,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await runner.setup()
    assert runner.server is not None
    connections = Connections(runner.server)
    app[CONNECTIONS].append(connections)
    try:
        server = await asyncio.get_running_loop().create_server(
            connections, settings.http_bind, settings.http_port, ssl=context, backlog=256
        )
    except OSError as error:
        log.error("cannot listen", address=settings.http_bind, port=settings.http_port, why=error.strerror)
        await runner.cleanup()
        return 1
    servers: list[asyncio.AbstractServer] = [server]
    if settings.http_socket is not None:
        try:
            servers.append(await listen_locally(connections, settings.http_socket))
        except OSError as error:  # desks without the front are better than none
            log.error("cannot listen", address=str(settings.http_socket), why=error.strerror)
    keep_what_is_there()
    log.info("console listens", address=settings.http_bind, port=settings.http_port)
    tasks = [asyncio.create_task(connections.sweep_forever(), name="connections")]
    if context is not None and settings.tls_cert is not None and settings.tls_key is not None:
        tasks.append(asyncio.create_task(follow(context, settings.tls_cert, settings.tls_key, log)))
    await stop.wait()
    for task in tasks:
        task.cancel()
    for each in servers:
        each.close()
    await runner.cleanup()
    return 0


async def listen_locally(connections: Connections, path: Path) -> asyncio.AbstractServer:
    """For a TLS front in a container of its own: it is of our group, and needs no network of ours."""
    server = await asyncio.get_running_loop().create_unix_server(connections, path, backlog=256)
    path.chmod(0o660)
    return server


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
