"""``python -m ami_bridge``: the bridge of the home in PSAP_HOME, until SIGTERM."""

from __future__ import annotations

import asyncio
import signal

from ami_bridge.bridge import Bridge
from psap.agencies.profile import load_profile
from psap.platform.clock import SystemClock
from psap.platform.log import setup_log
from psap.platform.settings import load_settings


async def main() -> None:
    """Run until told to stop."""
    log = setup_log("ami_bridge")
    settings = load_settings()
    profile = load_profile(settings.home / "profile.toml")
    bridge = Bridge(settings, profile, SystemClock(), log)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await bridge.run(stop)


if __name__ == "__main__":
    asyncio.run(main())
