"""What a request can ask: made once at start, handed to every handler."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from console.bridge import Bridge
from console.live import Live
from console.metrics import Metrics
from console.state import StateWatch
from psap.accounts.service import Accounts
from psap.agencies.model import Profile
from psap.calls.queries import CallQueries
from psap.platform.clock import Clock
from psap.platform.database import Database
from psap.platform.hot import Hot
from psap.platform.settings import Settings


@dataclass(slots=True)
class Parts:
    """The console's wiring."""

    settings: Settings
    profile: Profile
    clock: Clock
    database: Database
    hot: Hot
    bridge: Bridge
    live: Live
    metrics: Metrics
    accounts: Accounts
    calls: CallQueries
    state: StateWatch
    audit_key: str  # under which the audit names numbers

    @property
    def site(self) -> str:
        """Whose calls these are."""
        return self.profile.site


PARTS: web.AppKey[Parts] = web.AppKey("parts", Parts)
