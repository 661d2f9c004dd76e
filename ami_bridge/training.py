"""Training: rings a trainee's telephone for a simulated caller (dialplan/training.conf), notes what happens.

Nothing of it is a call: no record, no queue, no trunk. The channel id is chosen beforehand, ``SITE-tr-HEX``.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from ami_bridge.actions import Actions
from ami_bridge.commands import Method, Params, must
from ami_bridge.data import Data
from ami_bridge.duties import Errands
from ami_bridge.translate import at_us
from ami_bridge.wire import Headers, LinkError
from psap.calls.service import Following
from psap.platform.control import ControlError
from psap.platform.events import Event, EventType
from psap.queue.model import Agent, Device
from psap.training import service
from psap.training.callers import simulated_callers
from psap.training.model import TrainingError, What

STEPS = {"Newchannel": What.RINGING, "ChannelTalkingStart": What.SPOKE, "Hangup": What.ENDED}
NAMES = (*STEPS, "Newstate", "OriginateResponse")  # the events that are listened to


class Trainings:
    """The exercises that go on. A bridge that is started anew forgets them; the telephone call goes on."""

    def __init__(
        self,
        data: Data,
        actions: Actions,
        following: Following,
        publish: Callable[[Event], None],
        errands: Errands,
        log: Any,
        look_anew: Callable[[Agent], Awaitable[None]],
    ) -> None:
        self._data = data
        self._actions = actions
        self._following = following
        self._publish = publish
        self._errands = errands
        self._log = log
        self._look_anew = look_anew
        self._running: dict[str, tuple[str, str]] = {}  # channel id -> (exercise, trainee)

    def methods(self) -> dict[str, Method]:
        """What the console may ask."""
        return {"training.start": self.start}

    async def start(self, params: Params) -> dict[str, Any]:
        """Ring the trainee. The exercise stands in the database already."""
        training_id, name = must(params, "training_id", longest=36), must(params, "agent", longest=64)
        caller = simulated_callers().get(must(params, "caller", longest=32))
        agent = self._following.desk.agent(name)
        if caller is None:
            raise ControlError("bad_request", "no such simulated caller")
        if agent is None:
            raise ControlError("no_phone", f"{name} has no telephone: ./112 phone {name}")
        await self._look_anew(agent)
        if agent.member and not agent.paused:
            raise ControlError("in_queue", f"{name} takes real calls now: log out or pause first")
        if agent.device in (Device.IN_USE, Device.RINGING):
            raise ControlError("agent_busy", f"the telephone of {name} is in use")
        if not await self._actions.has_contact(agent.phone):
            raise ControlError("phone_away", f"the telephone of {name} is not registered")
        channel = f"{self._data.site}-tr-{uuid.uuid4().hex}"
        self._running[channel] = (training_id, name)
        try:
            await self._actions.train(agent.phone, channel, caller.number, f"{caller.id}|{len(caller.lines)}")
        except LinkError:
            del self._running[channel]
            raise
        return {"channel": channel}

    def listen(self, event: Headers) -> None:
        """Every AMI event: what happens on a trainee's telephone."""
        if not self._running:
            return
        running = self._running.get(event.get("Uniqueid", ""))
        if running is None:
            return
        name = event.get("Event", "")
        what = STEPS.get(name)
        if name == "Newstate" and event.get("ChannelStateDesc") == "Up":
            what = What.ANSWERED
        elif name == "OriginateResponse" and event.get("Response") == "Failure":
            what = What.FAILED
        if what is None:
            return
        if what in (What.ENDED, What.FAILED):
            del self._running[event["Uniqueid"]]
        self._errands.soon(self._note(*running, what, at_us(event)))

    async def _note(self, training_id: str, agent: str, what: What, at: int) -> None:
        try:
            async with self._data.writing() as connection:
                await service.step(connection, self._data.site, training_id, what, at)
        except (ControlError, TrainingError) as error:
            self._log.warning("an exercise's step is not written", error=str(error))
        self._publish(
            Event(EventType.TRAINING_CHANGED, at, {"agent": agent, "id": training_id, "what": str(what)})
        )
