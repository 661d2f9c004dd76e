"""``python -m console``: serves the desk until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from aiohttp import web

from console.app import make_app, make_parts
from psap.agencies.profile import ProfileError
from psap.platform.log import setup_log
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
    runner = web.AppRunner(make_app(parts), access_log=None, shutdown_timeout=GOODBYE)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.http_bind, settings.http_port).start()
    except OSError as error:
        log.error("cannot listen", address=settings.http_bind, port=settings.http_port, why=error.strerror)
        await runner.cleanup()
        return 1
    log.info("console listens", address=settings.http_bind, port=settings.http_port)
    await stop.wait()
    await runner.cleanup()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
