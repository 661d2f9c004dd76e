"""Who can be asked into a conversation, or be given one: call takers, agencies of the profile, neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ami_bridge.commands import Params, must
from ami_bridge.data import Data
from psap.agencies.profile import Profile
from psap.calls.parties import Party, PartyKind, party
from psap.calls.service import Following
from psap.calls.tracking import Tracker
from psap.platform.control import ControlError
from psap.platform.settings import Settings
from psap.queue.model import Agent, Device


def going_on(following: Following, params: Params) -> Tracker:
    """The call that a wish names by ``call_id``, while it goes on. Raises ControlError(not_found)."""
    tracker = following.by_id.get(must(params, "call_id", longest=64))
    if tracker is None or tracker.ended:
        raise ControlError("not_found", "panggilan ini sudah selesai / this call is over")
    return tracker


@dataclass(frozen=True, slots=True)
class Target:
    """``dial``: what Asterisk dials, empty for the queue."""

    who: Party
    dial: str


class Targets:
    """Finds whom a wish means."""

    def __init__(self, settings: Settings, profile: Profile, following: Following, data: Data) -> None:
        self._settings = settings
        self._profile = profile
        self._following = following
        self._data = data

    async def find(self, wish: Any, *, queue: bool = False) -> Target:
        """The target of ``{"kind", "id"}``.

        Raises:
            ControlError: bad_request, unknown_target, no_trunk, target_away, target_busy.
        """
        if not isinstance(wish, dict):
            raise ControlError("bad_request", "to harus berisi kind dan id / to must hold kind and id")
        kind, identity = wish.get("kind"), wish.get("id")
        if kind == PartyKind.QUEUE and queue:
            return Target(Party(PartyKind.QUEUE, "psap112"), "")
        who = party(kind, identity) if isinstance(kind, str) and isinstance(identity, str) else None
        if who is None or who.kind not in (PartyKind.AGENT, PartyKind.AGENCY, PartyKind.CENTRE):
            raise _unknown()
        if who.kind is PartyKind.AGENT:
            return Target(who, f"PJSIP/{(await self.free_agent(who.id)).phone}")
        number = self._number(who)
        if number is None:
            raise _unknown()
        if self._settings.trunk_proxy is None:
            raise ControlError("no_trunk", "PSAP_TRUNK_PROXY belum diatur / PSAP_TRUNK_PROXY is not set")
        return Target(who, f"PJSIP/psap-out/sip:{number}@{self._settings.trunk_proxy}")

    async def free_agent(self, name: str) -> Agent:
        """An agent whose telephone can ring now.

        Raises:
            ControlError: unknown_target, target_away, target_busy.
        """
        agent = await self.agent(name)
        if not agent.registered:
            raise ControlError(
                "target_away", f"telepon {name} tidak terdaftar / the telephone of {name} is not registered"
            )
        if agent.talking or agent.ringing or agent.device in (Device.IN_USE, Device.RINGING):
            raise ControlError(
                "target_busy", f"telepon {name} sedang dipakai / the telephone of {name} is in use"
            )
        return agent

    async def agent(self, name: str) -> Agent:
        """An agent with a telephone. Raises ControlError(unknown_target)."""
        found = self._following.desk.agent(name)
        if found is None:
            await self._data.load_phones(self._following)
            found = self._following.desk.agent(name)
        if found is None:
            raise _unknown()
        return found

    def _number(self, who: Party) -> str | None:
        """A number outside is the profile's, never the asker's."""
        if who.kind is PartyKind.AGENCY:
            agency = self._profile.agency(who.id)
            return agency.numbers[0] if agency is not None and agency.numbers else None
        centre = self._profile.neighbour(who.id)
        return centre.number if centre is not None else None

    def name(self, kind: str, identity: str) -> str:
        """What people call a party that is no call taker of ours."""
        if kind == PartyKind.AGENCY:
            agency = self._profile.agency(identity)
            return agency.name if agency is not None else identity
        centre = self._profile.neighbour(identity)
        return centre.name if centre is not None else identity


def _unknown() -> ControlError:
    return ControlError(
        "unknown_target",
        "tidak ada petugas, instansi bernomor atau pusat tetangga seperti itu / "
        "there is no such call taker, agency with a number or neighbouring centre",
    )
