"""Talking with more than one: a caller is sent on, or somebody is asked into the conversation.

What makes it safe is the dialplan's (transfer.conf, talk.conf): each wish is one Redirect or one Originate,
and from then on the caller's own channel finds its way to a person whatever happens here.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ami_bridge.actions import NO_ANSWER, NORMAL, Actions
from ami_bridge.commands import Method, Params, must
from ami_bridge.duties import Duty
from ami_bridge.targets import Target, Targets, going_on
from ami_bridge.wire import RefusedError
from psap.calls.legs import LegState
from psap.calls.parties import Party, leg_id
from psap.calls.service import Following
from psap.calls.together import party_of
from psap.calls.tracking import Tracker
from psap.pbx.render import SHORTEST_RING_SECONDS, TRANSFER_RING_SECONDS, scaled
from psap.platform.control import ControlError
from psap.platform.settings import Settings

ROOM_WITHIN = 2.0  # seconds until caller and call taker sit in the room
LOOK_EVERY = 0.5
SETTLED_US = 500_000  # microseconds after an answer in which Asterisk may still be putting the two together


@dataclass(slots=True)
class Ring:
    """Somebody who is being rung in. ``until``: monotonic."""

    call: str
    until: float


class Talking:
    """The wishes of ``talk.*``."""

    def __init__(
        self,
        settings: Settings,
        targets: Targets,
        following: Following,
        actions: Actions,
        log: Any,
        *,
        recorded: bool,
    ) -> None:
        self._settings = settings
        self._targets = targets
        self._following = following
        self._actions = actions
        self._log = log
        self._numbers = itertools.count(int(time.time()) % 1_000_000_00)  # no id of before a restart again
        self._rings: dict[str, Ring] = {}  # by channel id
        self._making: dict[str, asyncio.Lock] = {}  # one room for a call, by Uniqueid
        self._recorded = recorded
        self._roomed: dict[str, int] = {}  # by Uniqueid: how many conversations were over before
        following.name_of = targets.name

    def methods(self) -> dict[str, Method]:
        """What the console may ask."""
        return {
            "talk.transfer": self.transfer,
            "talk.add": self.add,
            "talk.drop": self.drop,
            "talk.leave": self.leave,
            "talk.show": self.show,
        }

    def duties(self) -> Iterable[Duty]:
        duties = [Duty("rings into conversations", LOOK_EVERY, self.look_after)]
        if self._recorded:
            duties.append(Duty("second voices", LOOK_EVERY, self.second_voices))
        return duties

    # -- the wishes

    async def show(self, params: Params) -> dict[str, Any]:
        """Who is there now, as ``call.talk`` tells it."""
        return self._following.talk(going_on(self._following, params))

    async def transfer(self, params: Params) -> dict[str, Any]:
        """Cold: the caller is sent on, and who asked leaves at once. Warm: ``add``, then ``leave``."""
        if params.get("how", "cold") not in ("cold", "warm"):
            raise ControlError("bad_request", "how: cold atau warm / how: cold or warm")
        tracker, by = going_on(self._following, params), must(params, "by", longest=64)
        if params.get("how") == "warm":
            await self.add(params)
            return _dump(tracker)
        leg = self._conversation(tracker)
        target = await self._targets.find(params.get("to"), queue=True)
        self._not_there(tracker, target.who)
        back = next((each for each in tracker.talking_legs() if each.leg.agent == by), leg).phone
        await self._stop_rings(tracker)
        # a target that fails gives the caller back to who sent them on
        await self._actions.send_on(
            tracker.call.uniqueid, target.who, target.dial, by, back if target.dial else None, "cold"
        )
        self._log.info("transfer", call_id=tracker.call.id, how="cold", kind=target.who.kind)
        return _dump(tracker)

    async def add(self, params: Params) -> dict[str, Any]:
        """Ring somebody into the conversation."""
        tracker, by = going_on(self._following, params), must(params, "by", longest=64)
        self._conversation(tracker)
        target = await self._targets.find(params.get("to"))
        self._not_there(tracker, target.who)
        await self.ring_in(tracker, target, by)
        return {"party": str(target.who)}

    async def ring_in(self, tracker: Tracker, target: Target, by: str) -> None:
        """Make the conversation a room, and ring one more into it."""
        await self.make_room(tracker)
        ring = scaled(self._settings, TRANSFER_RING_SECONDS, SHORTEST_RING_SECONDS)
        channel = leg_id(tracker.call.uniqueid, target.who, next(self._numbers))
        self._rings[channel] = Ring(tracker.call.uniqueid, time.monotonic() + ring)
        shown = "112" if target.who.kind.outside else tracker.call.caller.number or "112"
        try:
            await self._actions.ring_in(target.dial, channel, shown, ring)
        except RefusedError:
            self._rings.pop(channel, None)
            raise
        self._log.info("asked in", call_id=tracker.call.id, kind=target.who.kind)

    async def drop(self, params: Params) -> dict[str, Any]:
        """Somebody leaves the conversation, or is not rung any more; never the last one."""
        tracker, wanted = going_on(self._following, params), must(params, "party", longest=64)
        for channel, state in tracker.legs.items():
            if str(party_of(state.leg)) != wanted or not (state.talking or state.leg.end is None):
                continue
            if state.talking:
                self._not_the_last(tracker, state)
            await self._hang_up(channel, NORMAL)
            return {}
        raise ControlError("not_found", "tidak ada dalam percakapan ini / not in this conversation")

    async def leave(self, params: Params) -> dict[str, Any]:
        """An agent leaves, the others go on."""
        tracker, by = going_on(self._following, params), must(params, "by", longest=64)
        found = [(key, leg) for key, leg in tracker.legs.items() if leg.talking and leg.leg.agent == by]
        if not found:
            raise ControlError(
                "not_found", "Anda tidak dalam percakapan ini / you are not in this conversation"
            )
        channel, state = found[0]
        newest = self._not_the_last(tracker, state)
        who = party_of(newest.leg)
        handed = newest.invited and (newest.leg.answered_at or 0) > (state.leg.answered_at or 0)
        if who is not None and handed:
            await self._actions.hand_over(channel, who, by)
        else:
            await self._hang_up(channel, NORMAL)
        return _dump(tracker)

    # -- the room

    async def make_room(self, tracker: Tracker) -> None:
        """Caller and call taker sit in a room of their own; at once, without a word between being lost."""
        call = tracker.call.uniqueid
        async with self._making.setdefault(call, asyncio.Lock()):
            if await self._actions.members(call) >= 2:
                return
            leg = next((key for key, state in tracker.legs.items() if state.talking), None)
            if leg is None:
                raise _not_talking()
            await self._actions.into_room(call, leg)
            async with asyncio.timeout(ROOM_WITHIN):
                while await self._actions.members(call) < 2:  # noqa: ASYNC110 - Asterisk tells no sooner
                    await asyncio.sleep(0.02)
        self._making.pop(call, None)

    async def second_voices(self) -> None:
        """A caller's second conversation (sent on, or back from the queue) goes on in a room.

        MixMonitor hears no voice in a plain bridge whose RTP sequence numbers lie below those of the
        conversation before it, which is every other one (Asterisk's issue 507, measured here on 22.10.1).
        The sound of a room has none.
        """
        for tracker in list(self._following.calls.values()):
            call, talking = tracker.call.uniqueid, tracker.talking_legs()
            before = sum(leg.leg.answered_at is not None and not leg.talking for leg in tracker.legs.values())
            if len(talking) != 1 or not before or talking[0].invited or tracker.call.answered_at is None:
                continue
            began = talking[0].leg.answered_at or 0
            if self._roomed.get(call) == before or self._following.clock.now_us() - began < SETTLED_US:
                continue
            try:
                await self.make_room(tracker)
                self._roomed[call] = before  # once for each conversation
            except (RefusedError, TimeoutError) as error:  # it ends in this moment, or will be tried again
                self._log.warning("no room", call_id=tracker.call.id, error=repr(error))
        self._roomed = {call: count for call, count in self._roomed.items() if call in self._following.calls}

    # -- who is still being rung

    async def look_after(self) -> None:
        """A ring ends with its time, and with its call."""
        now = time.monotonic()
        for channel, ring in list(self._rings.items()):
            tracker = self._following.calls.get(ring.call)
            state = tracker.legs.get(channel) if tracker is not None else None
            if tracker is not None and (state is None or state.leg.end is None) and now < ring.until:
                continue
            del self._rings[channel]
            if tracker is None or state is None or state.leg.end is None:
                await self._hang_up(channel, NO_ANSWER)

    async def _stop_rings(self, tracker: Tracker) -> None:
        for channel, state in list(tracker.legs.items()):
            if state.invited and state.leg.end is None:
                await self._hang_up(channel, NORMAL)

    async def _hang_up(self, channel: str, cause: int) -> None:
        with contextlib.suppress(RefusedError):  # it ended by itself
            await self._actions.hang_up(channel, cause)

    # -- what is asked for

    @staticmethod
    def _conversation(tracker: Tracker) -> LegState:
        leg = tracker.talking_leg()
        if leg is None:
            raise _not_talking()
        return leg

    @staticmethod
    def _not_there(tracker: Tracker, who: Party) -> None:
        for state in tracker.legs.values():
            if (state.talking or (state.invited and state.leg.end is None)) and party_of(state.leg) == who:
                raise ControlError(
                    "already_there", "sudah dalam percakapan ini / is in this conversation already"
                )

    @staticmethod
    def _not_the_last(tracker: Tracker, leaving: LegState) -> LegState:
        """The newest of those who stay. Raises ControlError(last_one): nobody would."""
        others = [leg for leg in tracker.talking_legs() if leg is not leaving]
        if not others:
            raise ControlError(
                "last_one",
                "pelapor akan sendirian; akhiri panggilan / the caller would be alone; end the call",
            )
        return max(others, key=lambda leg: leg.leg.answered_at or 0)


def _not_talking() -> ControlError:
    return ControlError(
        "not_talking", "panggilan ini tidak sedang dalam percakapan / nobody talks with this caller now"
    )


def _dump(tracker: Tracker) -> dict[str, Any]:
    return tracker.call.model_dump(mode="json")
