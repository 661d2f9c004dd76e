"""Call-backs: a person's click rings the agent's telephone, then the citizen's, once.

What makes it once: the attempt stands in SQL, one for each claim, before Asterisk is asked; the
link sends nothing twice; and the number stands in AstDB under the attempt's channel id, from where
the dialplan takes it out as it dials. So after any crash the entry that is still there proves that
nobody was dialled, and taking it out makes sure that nobody will be; when it is gone, CEL tells by
the channel id how it went, and where CEL does not know, a person decides. Nothing here redials.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from ami_bridge import callback_steps
from ami_bridge.actions import Actions
from ami_bridge.callback_record import Running, record
from ami_bridge.commands import Method, Params, must
from ami_bridge.data import Data
from ami_bridge.duties import Duty, Errands
from ami_bridge.link import Link
from ami_bridge.missed_list import changed
from ami_bridge.wire import Headers, LinkAwayError, LinkError, RefusedError
from psap.calls.model import Source
from psap.calls.recorder import Recorder
from psap.calls.service import Following
from psap.missed import progress as p
from psap.missed import service, store
from psap.missed.model import AttemptState, Missed, MissedError, Result
from psap.pbx.render import SHORTEST_RING_SECONDS, scaled
from psap.platform import pbx_names
from psap.platform.control import ControlError
from psap.platform.events import Event
from psap.platform.settings import Settings
from psap.queue.model import Agent, Device

LOOK_EVERY = 1.0  # seconds
UNKNOWN_AFTER = 15.0  # seconds that Asterisk may be away before a person may decide
ASK_AGAIN = 10.0  # seconds between two looks for what nobody knows
LOOKS = 3  # without a word in the ledger before nobody knows: its last lines come a little late
SILENT = 90.0  # seconds without a step before a call-back is looked for
AGENT_RING_SECONDS = 20.0


class Callbacks:
    """The call-backs of one site."""

    def __init__(
        self,
        settings: Settings,
        data: Data,
        link: Link,
        actions: Actions,
        following: Following,
        recorder: Recorder,
        publish: Callable[[Event], None],
        errands: Errands,
        log: Any,
    ) -> None:
        self._settings = settings
        self._data = data
        self._link = link
        self._actions = actions
        self._following = following
        self._recorder = recorder
        self._publish = publish
        self._errands = errands
        self._log = log
        self._running: dict[str, Running] = {}  # by channel id
        self._loaded = False
        self._swept = False  # tokens of nobody's are out, on this connection
        self._away_since = time.monotonic()

    def methods(self) -> dict[str, Method]:
        """What console and command line may ask."""
        return {"call_back.start": self.start}

    def duties(self) -> Iterable[Duty]:
        return [Duty("call-backs", LOOK_EVERY, self.look_after)]

    @property
    def site(self) -> str:
        return self._data.site

    def _now(self) -> int:
        return self._following.clock.now_us()

    # -- a person's click

    async def start(self, params: Params) -> dict[str, Any]:
        """Ring the agent, then the citizen. Answers when the attempt is written, before anything rings."""
        missed_id, agent = must(params, "missed_id", longest=36), must(params, "agent", longest=64)
        if self._settings.trunk_proxy is None:
            raise ControlError("no_trunk", "PSAP_TRUNK_PROXY is not set: no calls go out")
        if not self._link.up or not self._swept:
            raise LinkAwayError(self._link.detail or "Asterisk has only just come back")
        entry = await self._entry(missed_id)
        if not entry.reachable or entry.caller.number is None:
            raise ControlError("not_reachable", "there is no number to ring")
        self._not_on_the_line(entry)
        phone = (await self._free(agent)).phone
        await self._end_earlier(missed_id)
        await self._recorder.flush(1.0)  # a silent call that ended just now asks for a word, too
        channel_id = f"{self.site}-cb-{uuid.uuid4().hex}"
        await self._actions.allow_dial(channel_id, entry.caller.number)
        try:
            async with self._data.writing() as connection:
                entry, attempt = await service.begin(
                    connection,
                    self.site,
                    missed_id,
                    self._now(),
                    agent=agent,
                    phone=phone,
                    confirm=params.get("confirm") is True,
                    channel_id=channel_id,
                )
        except BaseException as error:
            with contextlib.suppress(LinkError):
                await self._actions.forbid_dial(channel_id)
            if isinstance(error, MissedError):
                raise ControlError(error.key, str(error)) from error
            raise
        running = Running(attempt, entry.caller, entry.number_key, entry.incident_id)
        self._running[channel_id] = running
        self._tell(entry, stage="starting")
        self._errands.soon(self._originate(running))
        return entry.shown() | {"attempt": attempt.model_dump(mode="json")}

    async def _free(self, name: str) -> Agent:
        agent = self._following.desk.agent(name)
        if agent is None:
            await self._data.load_phones(self._following)
            agent = self._following.desk.agent(name)
        if agent is None:
            raise ControlError("no_phone", f"{name} has no telephone: ./112 phone {name}")
        if agent.device is Device.AWAY:
            raise ControlError("phone_away", f"the telephone of {name} is not registered")
        busy = agent.ringing or agent.talking or agent.device in (Device.IN_USE, Device.RINGING)
        mine = [one for one in self._running.values() if one.attempt.agent == name and not one.done]
        if busy or any(one.attempt.state is AttemptState.UNDER_WAY for one in mine):
            raise ControlError("agent_busy", f"the telephone of {name} is in use")
        return agent

    async def _entry(self, missed_id: str) -> Missed:
        async with self._data.reading() as connection:
            entry = await store.by_id(connection, self.site, missed_id)
        if entry is None:
            raise ControlError("not_found", "not in the list")
        return entry

    def _not_on_the_line(self, entry: Missed) -> None:
        key = entry.number_key
        if key is not None and any(call.number_key == key for call in self._following.calls.values()):
            raise ControlError("on_the_line", "the caller is on the line to 112 right now")

    async def _end_earlier(self, missed_id: str) -> None:
        """A person decided about an earlier attempt that nobody knew of: it dials no more, or goes on now."""
        for running in list(self._running.values()):
            channel_id = running.attempt.channel_id
            if running.attempt.missed_id != missed_id or running.done:
                continue
            undialled = await self._actions.forbid_dial(channel_id)
            if not undialled and channel_id in await self._actions.channels():
                raise ControlError("already_calling", "the earlier call-back goes on after all")

    async def _originate(self, running: Running) -> None:
        attempt = running.attempt
        ring = scaled(self._settings, AGENT_RING_SECONDS, SHORTEST_RING_SECONDS)
        try:
            await self._actions.call_back(
                attempt.phone, running.caller.number or "", attempt.channel_id, ring
            )
        except RefusedError as error:
            self._log.warning("call-back refused", call_id=attempt.call_id, error=str(error))
            running.unsure = True
        except LinkError as error:
            # it may ring all the same; whatever comes, it is not sent again
            self._log.warning("call-back not acknowledged", call_id=attempt.call_id, error=str(error))
            running.unsure = True

    # -- what Asterisk tells

    def heard(self, event: Headers) -> None:
        """One AMI event."""
        if not self._running:
            return
        running = self._running.get(event.get("Linkedid") or event.get("Uniqueid") or "")
        if running is None or running.done:
            return
        step = callback_steps.live_step(event, running.attempt.channel_id)
        if step is None or not running.progress.take(step):
            return
        running.moved = time.monotonic()
        if step.what is p.What.REFUSED:
            running.unsure = True  # there may be a channel's story besides
        elif running.progress.over:
            self._over(running, Source.LIVE)
        else:
            running.stage = str(step.what)
            self._errands.soon(self._tell_stage(running))

    def lost(self) -> None:
        """The link is down: what happens now is read from the ledger later."""
        self._swept = False
        self._away_since = time.monotonic()
        for running in self._running.values():
            running.unsure, running.looks = True, 0

    # -- looking after them

    async def look_after(self) -> None:
        """Load, look up and write down whatever is not settled."""
        if not self._loaded:
            await self._load()
        for running in list(self._running.values()):
            if running.done:
                await self._write(running)
        if not self._link.up:
            await self._nobody_knows()
            return
        if not self._swept:
            await self._sweep()
        for running in list(self._running.values()):
            now = time.monotonic()
            silent = now - running.moved > SILENT
            again = running.attempt.state is not AttemptState.UNKNOWN or now - running.asked > ASK_AGAIN
            if not running.done and (running.unsure or silent) and again:
                running.asked = now
                await self._look_up(running)

    async def _load(self) -> None:
        async with self._data.reading() as connection:
            attempts = await store.undecided(connection, self.site)
            attempts += await store.unrecorded(connection, self.site)
            entries = [await store.by_id(connection, self.site, one.missed_id) for one in attempts]
        for attempt, entry in zip(attempts, entries, strict=True):
            if entry is not None and attempt.channel_id not in self._running:
                running = Running(attempt, entry.caller, entry.number_key, entry.incident_id, unsure=True)
                running.done, running.source = attempt.state is AttemptState.DONE, Source.LEDGER
                self._running[attempt.channel_id] = running
        self._loaded = True

    async def _sweep(self) -> None:
        """Take back every leave to dial that belongs to no call-back under way."""
        there = await self._actions.tree(pbx_names.CALL_BACK_TOKEN)
        stale = [key for key in there if key not in self._running]
        await self._actions.write_tree(pbx_names.CALL_BACK_TOKEN, {}, stale)
        self._swept = True

    async def _look_up(self, running: Running) -> None:
        attempt = running.attempt
        alive = attempt.channel_id in await self._actions.channels()
        if running.looks <= LOOKS:  # the ledger of what is long gone grows no more, only everybody else's
            await self._read_ledger(running)
        if running.done:
            return
        if alive:
            await self._goes_on(running)
        elif running.progress.has(p.What.AGENT_GONE):
            self._over(running, Source.LEDGER)
        elif await self._actions.forbid_dial(attempt.channel_id) and not running.progress.dialled:
            self._over(running, Source.LEDGER)  # the citizen was not dialled, and now never will be
        elif running.progress.has(p.What.CITIZEN_ANSWERS) and running.looks >= LOOKS:
            self._over(running, Source.LEDGER)  # they talked, and Asterisk died meanwhile
        elif running.looks >= LOOKS:
            await self._give_to_a_person(running)
            running.looks += 1
        else:
            running.looks += 1

    async def _read_ledger(self, running: Running) -> None:
        attempt = running.attempt
        since = attempt.started_at / 1_000_000
        cel = self._settings.pbx / callback_steps.CEL
        lines = await asyncio.to_thread(callback_steps.lines_about, cel, attempt.channel_id, since)
        for step in callback_steps.ledger_steps(lines, attempt.channel_id):
            running.progress.take(step)

    async def _goes_on(self, running: Running) -> None:
        running.unsure, running.looks, running.moved = False, 0, time.monotonic()
        if running.attempt.state is AttemptState.UNKNOWN:
            running.attempt = running.attempt.model_copy(
                update={"state": AttemptState.UNDER_WAY, "result": None}
            )
            async with self._data.writing() as connection:
                entry = await service.resume(connection, running.attempt, self._now())
            if entry is not None:
                self._tell(entry, stage=running.stage, call_id=running.attempt.call_id)

    async def _nobody_knows(self) -> None:
        if time.monotonic() - self._away_since > UNKNOWN_AFTER:
            for running in list(self._running.values()):
                if not running.done:
                    await self._give_to_a_person(running)

    async def _give_to_a_person(self, running: Running) -> None:
        if running.attempt.state is AttemptState.UNKNOWN:
            # a person may have decided: then nobody needs to look any more
            attempt = running.attempt
            async with self._data.reading() as connection:
                known = await store.attempt_of(connection, self.site, attempt.missed_id, attempt.claim)
            if known is None or known.state is AttemptState.DONE:
                running.attempt = attempt.model_copy(update={"state": AttemptState.DONE})
                running.done = True
            return
        before = running.attempt
        unknown = before.model_copy(update={"state": AttemptState.UNKNOWN, "result": Result.UNKNOWN})
        running.attempt, running.source = unknown, Source.LEDGER
        try:
            await record(running, self._recorder, self._data)
            async with self._data.writing() as connection:
                entry = await service.finish(connection, running.attempt, self._now())
        except BaseException:
            # not written, so nobody was told: next time again, or the entry would be "calling" for ever
            if running.attempt is unknown:
                running.attempt = before
            raise
        if entry is not None:
            self._tell(entry)

    # -- the end

    def _over(self, running: Running, source: Source) -> None:
        running.done, running.source = True, source
        running.attempt = p.finished(running.attempt, running.progress, self._now())
        self._errands.soon(self._write(running))

    async def _write(self, running: Running) -> None:
        await record(running, self._recorder, self._data)
        async with self._data.writing() as connection:
            entry = await service.finish(connection, running.attempt, self._now())
        self._running.pop(running.attempt.channel_id, None)
        await self._recorder.flush(0.5)  # whoever hears of the end looks the call up
        if entry is not None:
            self._tell(entry)
        if not running.progress.has(p.What.DIALLING):  # else it is taken already
            with contextlib.suppress(LinkError):
                await self._actions.forbid_dial(running.attempt.channel_id)

    # -- telling

    def _tell(self, entry: Missed, **more: Any) -> None:
        self._publish(changed(entry, self._now(), **more))

    async def _tell_stage(self, running: Running) -> None:
        entry = await self._entry(running.attempt.missed_id)
        if not running.done:
            await record(running, self._recorder, self._data)  # seen among the calls while it goes on
        if not running.done:
            # the newest: of two errands the later one may be done first
            self._tell(entry, stage=running.stage, call_id=running.attempt.call_id)
