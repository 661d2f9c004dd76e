"""Scanners and password guessing over SIP are cut off by rate, for a growing time.

The feed names the addresses that fail; whoever fails too often within a minute stands in Asterisk's
access list until the time is over, and gets 403 before anything else is looked at. Never cut off: the
carrier's addresses, our own, and an address from which a telephone of ours proved its password within
the hour (a whole office may sit behind it); those are told instead. While the bridge is away nothing new
is cut off; who was, stays so until it returns.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ami_bridge.commands import Method, Params, must
from ami_bridge.data import Data
from ami_bridge.duties import Duty
from ami_bridge.link import Link
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock
from psap.platform.control import ControlError
from psap.platform.settings import Settings, write_private

WINDOW = 60.0  # seconds
FAILURES = 10  # within the window
FIRST, LONGEST = 60.0, 86_400.0  # seconds cut off, doubling each time
FORGET = 7 * 86_400.0  # seconds without a failure, and the next time is a first time again
TRUSTED = 3_900.0  # seconds after a telephone proved its password; it registers within the hour
ADDRESSES = 4_096  # that are counted; the quietest goes first
CUT_AT_ONCE = 1_000
TOLD_AN_HOUR = 100  # entries in the audit, however many addresses a flood pretends to have
STATE = "guard"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(slots=True)
class Suspect:
    """What is known of one address. Times in seconds of the wall clock."""

    failures: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES))
    times: int = 0  # cut off so often before
    until: float = 0.0
    last: float = 0.0


class Suspicion:
    """Counts failures by address; decides who is cut off and until when. Pure."""

    def __init__(self, never: Iterable[Network]) -> None:
        self._never = list(never)
        self._suspects: OrderedDict[str, Suspect] = OrderedDict()
        self.trusted: dict[str, float] = {}  # address -> when a telephone last proved itself there
        self.spared: dict[str, float] = {}  # trusted, and failing all the same

    def proved(self, address: str, now: float) -> None:
        """A telephone of ours is there."""
        self.trusted[address] = now
        if len(self.trusted) > ADDRESSES:
            self.trusted = {a: at for a, at in self.trusted.items() if now - at < TRUSTED}

    def failed(self, address: str, now: float) -> Suspect | None:
        """One failure; the suspect if it is cut off because of it."""
        if self.is_safe(address):
            return None
        name = _host(address)
        suspect = self._suspects.setdefault(name, Suspect())
        self._suspects.move_to_end(name)
        if now - suspect.last > FORGET:
            suspect.times = 0
        suspect.last = now
        suspect.failures.append(now)
        self._bound(now)
        if len(suspect.failures) < FAILURES or now - suspect.failures[0] > WINDOW or suspect.until > now:
            return None
        if now - self.trusted.get(address, -TRUSTED) < TRUSTED:
            self.spared[name] = now
            return None
        suspect.until = now + min(LONGEST, FIRST * 2.0 ** min(suspect.times, 16))
        suspect.times += 1
        suspect.failures.clear()
        return suspect

    def is_safe(self, address: str) -> bool:
        """The carrier's, or our own: never counted."""
        known = ipaddress.ip_address(address)
        return any(known in network for network in self._never if known.version == network.version)

    def cut(self, now: float) -> dict[str, Suspect]:
        """Who is cut off now: network -> suspect."""
        found = {name: suspect for name, suspect in self._suspects.items() if suspect.until > now}
        latest = sorted(found, key=lambda name: found[name].until)[-CUT_AT_ONCE:]
        return {name: found[name] for name in latest}

    def release(self, address: str) -> bool:
        """Let somebody back at once, as if nothing had been."""
        return self._suspects.pop(_host(address), None) is not None

    def _bound(self, now: float) -> None:
        while len(self._suspects) > ADDRESSES:
            quiet = next((n for n, s in self._suspects.items() if s.until <= now), None)
            self._suspects.pop(quiet if quiet is not None else next(iter(self._suspects)))

    def kept(self, now: float) -> dict[str, Any]:
        """What a restart must not forget."""
        cut = {name: [s.until, s.times, s.last] for name, s in self.cut(now).items()}
        return {"cut": cut, "trusted": {a: t for a, t in self.trusted.items() if now - t < TRUSTED}}

    def restore(self, kept: dict[str, Any]) -> None:
        """What ``kept`` said."""
        for name, (until, times, last) in kept.get("cut", {}).items():
            self._suspects[name] = Suspect(times=int(times), until=float(until), last=float(last))
        self.trusted |= {str(address): float(at) for address, at in kept.get("trusted", {}).items()}


def _host(address: str) -> str:
    """One host; of IPv6 its network, for there a host has as many addresses as it likes."""
    network = ipaddress.ip_network(address, strict=False)
    if network.version == 6 and network.prefixlen > 64:
        network = network.supernet(new_prefix=64)
    return str(network)


def never_cut(settings: Settings) -> list[Network]:
    """The carrier's networks and our own addresses."""
    proxy = (settings.trunk_proxy or "").rsplit(":", 1)[0].strip("[]")
    found: list[Network] = [ipaddress.ip_network("127.0.0.1"), ipaddress.ip_network("::1")]
    for each in (*settings.trunk_addresses, proxy, settings.external_address or "", settings.sip_bind):
        try:
            network = ipaddress.ip_network(each, strict=False)
        except ValueError:
            continue  # a name, or nothing
        if network.num_addresses < 2**24 and not network.network_address.is_unspecified:
            found.append(network)
    return found


class Guard:
    """The suspicion at work: tells Asterisk, the audit and whoever asks."""

    def __init__(self, settings: Settings, site: str, data: Data, link: Link, clock: Clock, log: Any) -> None:
        self._settings = settings
        self._site = site
        self._data = data
        self._link = link
        self._clock = clock
        self._log = log
        self.suspicion = Suspicion(never_cut(settings))
        self._in_force: list[str] | None = None  # None: not known, so written once
        self._to_tell: deque[tuple[Action, str, dict[str, Any]]] = deque(maxlen=TOLD_AN_HOUR)
        self._told: deque[float] = deque(maxlen=TOLD_AN_HOUR)
        self._saved: dict[str, Any] | None = None
        self._loaded = False
        self._cuts = 0

    def figures(self) -> dict[str, int]:
        """For metrics: hosts cut off now, and how often one was."""
        return {"guard_cut": len(self.suspicion.cut(self._now())), "guard_cuts": self._cuts}

    def duties(self) -> list[Duty]:
        """Put into force at once, remember now and then."""
        return [Duty("guard", 0.2, self._apply), Duty("guard's memory", 20.0, self._remember)]

    def methods(self) -> dict[str, Method]:
        """``guard.list`` and ``guard.release``."""
        return {"guard.list": self._list, "guard.release": self._release}

    def heard(self, address: str, proved: bool) -> None:
        """One security event: a failure, or a telephone's right password."""
        now = self._now()
        if proved:
            self.suspicion.proved(address, now)
            return
        suspect = self.suspicion.failed(address, now)
        if suspect is not None:
            self._cuts += 1
            seconds = round(suspect.until - now)
            self._tell(Action.HOST_CUT_OFF, address, {"seconds": seconds, "times": suspect.times})

    def _now(self) -> float:
        return self._clock.now_us() / 1_000_000

    def _tell(self, action: Action, address: str, detail: dict[str, Any]) -> None:
        now = self._now()
        if len(self._told) == TOLD_AN_HOUR and now - self._told[0] < 3_600:
            return  # a flood from pretended addresses fills neither log nor audit
        self._told.append(now)
        self._to_tell.append((action, address, detail))
        self._log.warning("sip host", deed=str(action), address=address, **detail)

    async def _apply(self) -> None:
        """Make Asterisk's list equal to ours, and write down what was done."""
        if not self._loaded:
            with contextlib.suppress(ControlError):  # a database that is away holds up no cut-off
                await self._load()
        wanted = sorted(self.suspicion.cut(self._now()))
        if wanted != self._in_force and self._link.up:
            gone = [each for each in self._in_force or [] if each not in wanted]
            _write_list(self._settings, wanted)
            await self._link.do("Reload", Module="acl")
            self._in_force = wanted
            for each in gone:
                self._tell(Action.HOST_LET_BACK, each.partition("/")[0], {})
        while self._to_tell:
            action, address, detail = self._to_tell[0]
            try:
                async with self._data.database.write() as connection:
                    await write_audit(
                        connection,
                        site=self._site,
                        at=self._clock.now_us(),
                        actor="bridge",
                        action=action,
                        subject=f"host:{address}",
                        detail=detail,
                    )
            except Exception as error:
                self._log.warning("guard's audit waits", error=type(error).__name__)
                return
            self._to_tell.popleft()

    async def _load(self) -> None:
        kept = await self._data.read_state(STATE)
        if isinstance(kept, dict):
            self.suspicion.restore(kept)
        self._loaded = True

    async def _remember(self) -> None:
        kept = self.suspicion.kept(self._now())
        if self._loaded and kept != self._saved:
            await self._data.write_state(STATE, kept)
            self._saved = kept

    async def _list(self, _params: Params) -> dict[str, Any]:
        now = self._now()
        cut = self.suspicion.cut(now)
        return {
            "cut": [
                {"address": name, "seconds": round(s.until - now), "times": s.times}
                for name, s in cut.items()
            ],
            "spared": sorted(a for a, at in self.suspicion.spared.items() if now - at < WINDOW),
        }

    async def _release(self, params: Params) -> dict[str, Any]:
        address = must(params, "address", longest=64)
        try:
            found = self.suspicion.release(address.partition("/")[0])
        except ValueError:
            raise ControlError("bad_request", f"not an address: {address!r}") from None
        await self._apply()
        return {"released": found}


def _write_list(settings: Settings, cut: Iterable[str]) -> None:
    """Asterisk's access list, as its account may read it."""
    etc = settings.pbx / "etc"
    path = etc / "acl_guard.conf"
    lines = ["; Written by ami_bridge/guard.py: who is cut off now.", "[psap-guard]"]
    write_private(path, "\n".join([*lines, *(f"deny = {network}" for network in cut)]) + "\n")
    if os.geteuid() == 0:
        owner = etc.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
