"""A supervisor listens, whispers to the call taker, or joins: on the supervisor's own telephone.

Every start stands in the audit before the telephone rings, every end after it. Listening and whispering are
Asterisk's ChanSpy on the call taker's channel (dialplan/spy.conf); who joins is asked in like anybody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from ami_bridge.actions import NORMAL, Actions
from ami_bridge.commands import Method, Params, must
from ami_bridge.data import Data
from ami_bridge.duties import Duty
from ami_bridge.talking import Talking
from ami_bridge.targets import Target, Targets, going_on
from ami_bridge.wire import Headers, LinkError, RefusedError
from psap.calls.model import call_id
from psap.calls.parties import Party, PartyKind, leg_id, read_leg_id
from psap.calls.service import Following
from psap.calls.tracking import Tracker
from psap.platform.audit import Action, write_audit
from psap.platform.control import ControlError
from psap.queue.model import Agent, Device

MODES = ("listen", "whisper", "join")
RING_SECONDS = 20.0
LOOK_EVERY = 5.0
FREE_WITHIN = 1.0  # seconds for a telephone that was hung up just now
YOUNG = 5.0  # seconds in which a channel that was asked for may not be listed yet


@dataclass(slots=True)
class Spy:
    """One telephone that listens. ``since`` monotonic."""

    call_id: str
    by: str
    mode: str
    since: float


class Spying:
    """``spy.start`` and ``spy.stop``."""

    def __init__(
        self,
        talking: Talking,
        targets: Targets,
        following: Following,
        actions: Actions,
        data: Data,
        soon: Callable[[Coroutine[Any, Any, None]], None],
        look_anew: Callable[[Agent], Awaitable[None]],
        *,
        tell_agents: bool,
    ) -> None:
        self._talking = talking
        self._targets = targets
        self._following = following
        self._actions = actions
        self._data = data
        self._soon = soon
        self._look_anew = look_anew
        self._tell_agents = tell_agents
        self._numbers = itertools.count(int(time.time()) % 1_000_000_00)
        self._spies: dict[str, Spy] = {}  # by channel id
        self._joined: dict[tuple[str, str], str] = {}  # (call id, who) -> Uniqueid of the call
        self._looked = False
        following.listeners_of = self.listeners

    def methods(self) -> dict[str, Method]:
        """What the console may ask."""
        return {"spy.start": self.start, "spy.stop": self.stop}

    def duties(self) -> Iterable[Duty]:
        return [Duty("listeners", LOOK_EVERY, self.look)]

    def listeners(self, call: str) -> list[dict[str, Any]]:
        """Who listens to a call, as its call taker may know it: whoever speaks is heard anyway."""
        return [
            {"id": f"agent:{spy.by}", "name": self._name(spy.by), "mode": spy.mode}
            for spy in self._spies.values()
            if spy.call_id == call and spy.mode != "join" and (self._tell_agents or spy.mode != "listen")
        ]

    # -- the wishes

    async def start(self, params: Params) -> dict[str, Any]:
        """Ring the supervisor's telephone, or change what the one that listens does."""
        tracker, by, mode = (
            going_on(self._following, params),
            must(params, "by", longest=64),
            must(params, "mode"),
        )
        if mode not in MODES:
            raise ControlError("bad_request", f"mode: {', '.join(MODES)}")
        spied = self._spied(tracker)
        mine = next((key for key, spy in self._spies.items() if spy.by == by), None)
        joined = (tracker.call.id, by) in self._joined or (
            mine is not None and self._spies[mine].mode == "join"
        )
        if mine is not None and self._spies[mine].call_id == tracker.call.id and not joined:
            await self._otherwise(tracker, mine, mode)  # the telephone is in the hand already
            return {"mode": mode}
        if joined:
            if mode == "join":
                return {"mode": mode}
            await self.stop(params)
        agent = await self._free(by)
        await self._audit(Action.LISTEN_STARTED, by, tracker.call.id, mode)
        if mode == "join":
            who = Party(PartyKind.AGENT, by)
            await self._talking.ring_in(tracker, Target(who, f"PJSIP/{agent.phone}"), by)
            self._joined[tracker.call.id, by] = tracker.call.uniqueid
            return {"mode": mode}
        channel = leg_id(tracker.call.uniqueid, Party(PartyKind.SPY, by), next(self._numbers))
        self._spies[channel] = Spy(tracker.call.id, by, mode, time.monotonic())
        try:
            await self._actions.spy(f"PJSIP/{agent.phone}", channel, spied, mode, RING_SECONDS)
        except LinkError:
            await self._over(channel)
            raise
        self._tell(tracker)
        return {"mode": mode}

    async def _otherwise(self, tracker: Tracker, channel: str, mode: str) -> None:
        spy = self._spies[channel]
        await self._audit(Action.LISTEN_STARTED, spy.by, tracker.call.id, mode)
        if mode == "join":
            await self._talking.make_room(tracker)
            await self._actions.join_in(channel)
        else:
            await self._actions.spy_otherwise(channel, mode)
        spy.mode = mode
        self._tell(tracker)

    async def stop(self, params: Params) -> dict[str, Any]:
        """The supervisor's telephone is hung up."""
        tracker, by = going_on(self._following, params), must(params, "by", longest=64)
        for channel, spy in list(self._spies.items()):
            if spy.by == by and spy.call_id == tracker.call.id:
                if spy.mode == "join":
                    await self._talking.drop({**params, "party": f"agent:{by}"})
                    return {"mode": spy.mode}
                with contextlib.suppress(RefusedError):  # it ended by itself
                    await self._actions.hang_up(channel, NORMAL)
                return {"mode": spy.mode}
        if (tracker.call.id, by) in self._joined:
            await self._talking.drop({**params, "party": f"agent:{by}"})
            return {"mode": "join"}
        raise ControlError(
            "not_found", "Anda tidak mendengarkan panggilan ini / you do not listen to this call"
        )

    # -- what Asterisk tells

    def listen(self, event: Headers) -> None:
        """One AMI event: a telephone that listened is gone, or a joined call is over."""
        if event.get("Event") != "Hangup":
            return
        channel = event.get("Uniqueid", "")
        if channel in self._spies:
            self._soon(self._over(channel))
        found = read_leg_id(channel)
        for (call, by), uniqueid in list(self._joined.items()):
            mine = found is not None and found == (uniqueid, Party(PartyKind.AGENT, by))
            if mine or channel == uniqueid:
                del self._joined[call, by]
                self._soon(self._audit(Action.LISTEN_STOPPED, by, call, "join"))

    async def look(self) -> None:
        """What was missed while nobody was connected: telephones that listen still, or no more."""
        if self._looked and not self._spies:
            return
        alive = await self._actions.channels()
        self._looked = True
        for channel in alive - self._spies.keys():
            found = read_leg_id(channel)
            if found is not None and found[1].kind is PartyKind.SPY:
                call = call_id(self._following.site, found[0])
                self._spies[channel] = Spy(call, found[1].id, "listen", time.monotonic())
        for channel, spy in list(self._spies.items()):
            if channel not in alive and time.monotonic() - spy.since > YOUNG:
                await self._over(channel)

    async def _over(self, channel: str) -> None:
        spy = self._spies.pop(channel, None)
        if spy is None:
            return
        tracker = self._following.by_id.get(spy.call_id)
        if tracker is not None:
            self._tell(tracker)
        await self._audit(Action.LISTEN_STOPPED, spy.by, spy.call_id, spy.mode)

    # -- helpers

    @staticmethod
    def _spied(tracker: Tracker) -> str:
        """The channel of the call taker who talks; of somebody outside where none does."""
        talking = [(key, leg) for key, leg in tracker.legs.items() if leg.talking]
        if not talking:
            raise ControlError(
                "not_talking", "panggilan ini tidak sedang dalam percakapan / nobody talks with this caller"
            )
        return max(
            talking, key=lambda each: (each[1].leg.agent == tracker.call.agent, each[1].leg.answered_at)
        )[0]

    async def _free(self, by: str) -> Agent:
        """The supervisor's own telephone. Raises ControlError(no_phone, phone_away, agent_busy)."""
        try:
            agent = await self._targets.agent(by)
        except ControlError:
            raise ControlError("no_phone", f"{by}: ./112 phone {by}") from None
        await self._look_anew(agent)
        if not agent.registered:
            raise ControlError("phone_away", f"{by}")
        with contextlib.suppress(TimeoutError):  # the ear in another conversation was stopped just now
            async with asyncio.timeout(FREE_WITHIN):
                while _busy(agent):  # noqa: ASYNC110 - the telephone's state is told to nobody in particular
                    await asyncio.sleep(0.05)
        if _busy(agent):
            raise ControlError("agent_busy", f"{by}")
        return agent

    def _name(self, by: str) -> str:
        agent = self._following.desk.agent(by)
        return agent.name if agent is not None else by

    def _tell(self, tracker: Tracker) -> None:
        self._following.tell_talk(tracker, self._following.clock.now_us())

    async def _audit(self, action: Action, by: str, call: str, mode: str) -> None:
        async with self._data.writing() as connection:
            await write_audit(
                connection,
                site=self._data.site,
                at=self._following.clock.now_us(),
                actor=by,
                action=action,
                subject=call,
                detail={"mode": mode},
            )


def _busy(agent: Agent) -> bool:
    return agent.talking or agent.ringing or agent.device in (Device.IN_USE, Device.RINGING)
