"""The bridge: puts its parts together, hands events to them, and keeps their tasks."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from ami_bridge import callback_steps, nudging, training, unsaved
from ami_bridge.absent import Absent
from ami_bridge.actions import Actions
from ami_bridge.ari import Ari
from ami_bridge.blocks import Blocks, BlockWatch
from ami_bridge.books import Books
from ami_bridge.browser_death import BrowserDeath
from ami_bridge.callbacks import Callbacks
from ami_bridge.catch_up import CatchUp
from ami_bridge.commands import CommandServer
from ami_bridge.data import Data
from ami_bridge.duties import Duty, Errands
from ami_bridge.figures import Figures
from ami_bridge.guard import Guard
from ami_bridge.hearing import Hearing
from ami_bridge.keeping import Keeping
from ami_bridge.keys import Keys
from ami_bridge.link import Link
from ami_bridge.located import Located
from ami_bridge.missed_list import MissedList
from ami_bridge.moving import Moving
from ami_bridge.nudging import Nudging
from ami_bridge.overload import Overload
from ami_bridge.probe import AgiProbe
from ami_bridge.publisher import Publisher
from ami_bridge.recordings import Recordings
from ami_bridge.reputation import Reputation, mark_of
from ami_bridge.rotation import Rotation
from ami_bridge.security_feed import SecurityFeed
from ami_bridge.set_clock import SetClock
from ami_bridge.spying import Spying
from ami_bridge.steps import Steps
from ami_bridge.story import Story
from ami_bridge.stuck import Alone, Stuck
from ami_bridge.talking import Talking
from ami_bridge.targets import Targets
from ami_bridge.training import Trainings
from ami_bridge.translate import NAMES, agent_fact, call_fact
from ami_bridge.unsaved import Unsaved
from ami_bridge.web_phones import WebPhones
from ami_bridge.wire import Headers
from ami_bridge.wishes import Wishes
from ami_bridge.words import Words
from psap.agencies.profile import Profile
from psap.callers.numbers import normalise
from psap.calls.recorder import Recorder
from psap.calls.service import Following, Ports
from psap.calls.tracking import Tracker
from psap.pbx.render import scaled
from psap.platform import draining, mending
from psap.platform.clock import Clock
from psap.platform.database import Database
from psap.platform.events import Event, EventType
from psap.platform.heartbeat import beat_forever
from psap.platform.hot import Hot
from psap.platform.pauses import keep_what_is_there
from psap.platform.settings import Settings, load_secrets
from psap.platform.troubles import Complaint, Trouble
from psap.recordings.service import Shelf

QUEUE_TELL_EVERY = 0.1  # seconds
AUDIO_EVERY = 2.0
END_TOLD_WITHIN = 0.3  # a slow database delays the word of a call's end by no more


class Bridge:
    """One site's bridge. ``hearing`` tells AMI events to those who listen, before they are translated."""

    def __init__(self, settings: Settings, profile: Profile, clock: Clock, log: Any) -> None:
        self.settings, self.profile, self.clock, self.log = settings, profile, clock, log
        self.errands = Errands(log)
        self.database = Database(settings.effective_database_url, busy_seconds=1.0)
        self.hot = Hot(settings.effective_redis_url)
        self.publisher = Publisher(self.hot)
        self.data = Data(self.database, profile.site)
        self.reputation = Reputation(self.database, profile, clock)
        self.recorder = Recorder(
            self.database,
            settings.spool,
            clock,
            log,
            on_mark=self.reputation.mark,
            on_marked=lambda marks: self.block_watch.marked(marks),
        )
        self.following = Following(profile.site, clock, self._ports())
        self.following.desk.wrapup = scaled(settings, profile.queue.wrapup_seconds)
        self.story = Story(log)
        self.figures = Figures(self.following)
        self.hearing = Hearing(NAMES)
        self.hearing.add(self.figures.listen, "UserEvent")
        self.troubles: list[Complaint] = []  # what else makes us degraded
        self.link = Link(
            "127.0.0.1",
            settings.ami_link_port or settings.ami_port,
            "bridge",
            lambda: load_secrets(settings.home).ami_bridge,  # anew at each login: it may be rotated
            on_event=self._event,
            on_up=self._up,
            on_down=self._down,
            log=log,
            wanted=self.hearing.names,
        )
        self.actions = Actions(self.link)
        self.blocks = Blocks(self.actions, self.reputation.wanted)
        self.block_watch = BlockWatch(self.link, self.actions, self.blocks, self.reputation)
        self.probe = AgiProbe(settings.agi_port)
        self.words = Words(
            self.actions, self.following, self.probe, may_record=lambda: self.recordings.may_record()
        )
        books = Books(settings.pbx)
        self.catch_up = CatchUp(self.link, self.following, books, self.data, self.recorder, log)
        self.rotation = Rotation(books, settings.pbx, self.link, log)
        self.keeping = Keeping(
            settings, self.catch_up.replaced, self.following, self.database, profile, clock, log
        )
        self.troubles += self.keeping.complaints()
        self.web_phones = WebPhones(
            self.data,
            Ari(settings.pbx_http_port, lambda: load_secrets(settings.home).ari),
            self.actions,
            self.following,
            sync_phones=lambda params: self.wishes.sync_phones(params),
            publish=self.publisher.put,
            soon=self.errands.soon,
            log=log,
        )
        self.hearing.add(self.web_phones.listen, "QueueMemberAdded")
        self.wishes = Wishes(
            settings, self.following, self.actions, self.blocks, self.recorder, self.data, self.health,
            self.web_phones,
        )  # fmt: skip
        self.browser_death = BrowserDeath(
            self.following, self.actions, self.web_phones.opened_at, self.errands.soon, log
        )
        self.hearing.add(self.browser_death.listen, "ContactStatus")
        self.recordings = Recordings(
            Shelf(settings, self.database, profile, clock, self.data.in_one_go),
            self.actions,
            self.following,
            self.catch_up,
            lambda: self.keeping.room,
            self.wishes.find,
            log,
        )
        self.troubles.append(self.recordings.complaint)
        self.missed = MissedList(self.data, self.following, self.recorder, self.publisher.put)
        self.callbacks = Callbacks(
            settings, self.data, self.link, self.actions, self.following, self.recorder,
            self.publisher.put, self.errands, log,
        )  # fmt: skip
        self.hearing.add(self.callbacks.heard, *callback_steps.NAMES)
        absent = Absent(self.actions, self.following.desk, self.errands.soon)
        self.hearing.add(absent.listen, "ContactStatus")
        self.steps = Steps(self.following)
        keys = Keys(self.following, self.actions.heard, self.errands.soon)
        self.hearing.add(keys.listen, "DTMFEnd", "Hangup")
        self.trainings = Trainings(
            self.data, self.actions, self.following, self.publisher.put, self.errands, log,
            self.web_phones.look_anew,
        )  # fmt: skip
        self.hearing.add(self.trainings.listen, *training.NAMES)
        self.unsaved = Unsaved(self.actions, self.following.desk, log)
        self.hearing.add(self.unsaved.listen, *unsaved.WORDS)
        self.stuck = Stuck(self.actions.hang_up, log)
        self.alone = Alone(self.actions.channel_rows, self.actions.back_from_talk, self.actions.hang_up, log)
        self.hearing.add(self.stuck.listen, "HangupRequest", "Hangup")
        self.set_clock = SetClock(self.link, self.following, log)
        self.overload = Overload()
        self.hearing.add(self.overload.listen, "UserEvent")
        self.troubles.append(self.overload.complaint)
        self.troubles.append(lambda: draining.complaint(self.settings))  # last: it says more than "full"
        self.guard = Guard(settings, profile.site, self.data, self.link, clock, log)
        self.feed = SecurityFeed(
            settings.ami_link_port or settings.ami_port,
            lambda: load_secrets(settings.home).ami_guard,
            self.guard.heard,
            log,
        )
        targets = Targets(settings, profile, self.following, self.data)
        self.talking = Talking(
            settings, targets, self.following, self.actions, log, recorded=profile.recording.enabled
        )
        self.moving = Moving(targets, self.following, self.actions)
        self.spying = Spying(
            self.talking, targets, self.following, self.actions, self.data, self.errands.soon,
            self.web_phones.look_anew, tell_agents=profile.supervision.tell_agents,
        )  # fmt: skip
        self.hearing.add(self.spying.listen, "Hangup")
        self.nudging = Nudging(
            self.actions.nudge, lambda: self.following.desk.wrapup, self.errands.soon, self.errands.later, log
        )
        self.hearing.add(self.nudging.listen, *nudging.NAMES)
        self.commands = CommandServer(
            settings.bridge_socket,
            self.wishes.methods()
            | Located(self.following, self.wishes.find).methods()
            | self.callbacks.methods()
            | self.trainings.methods()
            | self.talking.methods()
            | self.moving.methods()
            | self.nudging.methods()
            | self.spying.methods()
            | self.keeping.methods()
            | self.guard.methods()
            | self.web_phones.methods()
            | self.recordings.methods()
            | {"secrets.reload": self._reload_secrets},
            log,
        )

    def _ports(self) -> Ports:
        return Ports(
            publish=self._publish,
            record=self.recorder.put,
            spoke=lambda channel, word: self.errands.soon(self.actions.spoke(channel, word)),
            look_up=lambda call_id, key: self.errands.soon(self._look_up(call_id, key)),
            no_response=self._no_response,
            later=self.errands.later,
            describe=lambda number, _key, pres: normalise(number, pres, self.profile.area_code),
        )

    # -- life

    def duties(self) -> list[Duty]:
        """Everything that is done again and again."""
        return [
            *self.words.duties(),
            *self.block_watch.duties(),
            *self.catch_up.duties(),
            *self.stuck.duties(),
            *self.alone.duties(),
            *self.set_clock.duties(),
            *self.rotation.duties(),
            *self.keeping.duties(),
            *self.missed.duties(),
            *self.callbacks.duties(),
            *self.talking.duties(),
            *self.spying.duties(),
            *self.guard.duties(),
            *self.web_phones.duties(),
            *self.browser_death.duties(),
            *self.recordings.duties(),
            Duty("queue", QUEUE_TELL_EVERY, self._tell_queue),
            Duty("audio", AUDIO_EVERY, self._count_audio),
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``, then write everything down within three seconds."""
        recorder = asyncio.create_task(self.recorder.run(), name="recorder")
        tasks = [
            asyncio.create_task(beat_forever(self.settings.run, "ami_bridge", self.state), name="heartbeat"),
            asyncio.create_task(self.publisher.run(), name="publisher"),
            asyncio.create_task(self.link.run(), name="link"),
            asyncio.create_task(self.feed.run(), name="security events"),
            *self.errands.every(self.duties()),
        ]
        self.errands.soon(self.keeping.check())
        await self.commands.start()
        keep_what_is_there()
        try:
            stopped = asyncio.create_task(stop.wait(), name="stop")
            done, _ = await asyncio.wait([stopped, recorder, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                # each of these is made to run for ever: an end is a fault, and a restart mends it
                self.log.error("a part of the bridge ended", part=task.get_name(), error=repr(_outcome(task)))
        finally:
            await self.commands.stop()
            await self.link.close()
            await self.catch_up.close()
            await self.publisher.flush(0.5)
            await self.recorder.stop(recorder, 1.0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.errands.end()
            await self.hot.close()
            await self.reputation.close()
            await self.data.close()
            await self.database.close()
            await self.keeping.close()

    # -- telling

    def _publish(self, event: Event) -> None:
        """Tell it now; an end only when it can be looked up, for whoever hears it will look."""
        if event.type is EventType.CALL_ENDED and self.recorder.away is None:
            self.recorder.when_written(partial(self.publisher.put, event), END_TOLD_WITHIN)
        else:
            self.publisher.put(event)
        self.story.told(event)
        self.figures.told(event)

    async def _tell_queue(self) -> None:
        self.following.tell_queue()

    # -- Asterisk

    def _event(self, event: Headers) -> None:
        self.steps.listen(event)
        self.hearing.heard(event)
        fact = call_fact(event)
        if fact is not None:
            self.following.take(fact)
            return
        about_agent = agent_fact(event)
        if about_agent is not None:
            self.following.take_agent(about_agent)

    async def _up(self) -> None:
        await self.catch_up.run()
        await self.unsaved.again()
        self.nudging.again(await self.actions.queue_rows())
        self.words.up()
        self.blocks.forget()
        self.errands.soon(self.set_clock.forget())
        self.errands.soon(self._sync_after_boot())
        self.errands.soon(self.web_phones.again())

    def _down(self, why: str) -> None:
        self.catch_up.lost()
        self.words.down()
        self.nudging.lost()
        self.unsaved.lost()
        self.callbacks.lost()
        self.blocks.forget()
        self.log.warning("asterisk lost", detail=why)

    async def _sync_after_boot(self) -> None:
        await self.wishes.sync_phones({})  # accounts made while Asterisk was away, or before its first start
        await self.blocks.reconcile()

    def _no_response(self, tracker: Tracker) -> None:
        self.recorder.mark(mark_of(tracker.call, "no_response", "system"))

    # -- what is known of a caller

    async def _look_up(self, call_id: str, key: str) -> None:
        background = await self.reputation.background(call_id, key)
        if call_id in self.following.backgrounds:
            self.following.backgrounds[call_id] = background

    async def _count_audio(self) -> None:
        """Ask once for each caller whether any sound came; again only while none did."""
        now = self.clock.now_us()
        for tracker in list(self.following.calls.values()):
            if tracker.packets or now - tracker.call.started_at < 2_000_000:
                continue
            packets = await self.actions.packets_received(tracker.channel)
            if packets is not None:
                tracker.packets = packets

    async def _reload_secrets(self, _params: dict[str, Any]) -> dict[str, Any]:
        """The passwords are new: whoever holds a connection of the old ones must not keep it."""
        self.link.reconnect("the password was changed")
        self.feed.reconnect()
        return {}

    # -- how we are

    def state(self) -> tuple[str, str, dict[str, Any]]:
        """The heartbeat's (state, detail, {"parts": what we know of others})."""
        troubles = self._troubles()
        parts = {trouble.part: trouble.shown() for trouble in troubles}
        if troubles:
            return (
                "degraded",
                "; ".join(f"{t.part}: {t.detail or t.words()}" for t in troubles),
                {"parts": parts},
            )
        return "up", f"{len(self.following.calls)} calls", {"parts": parts}

    def _troubles(self) -> list[Trouble]:
        found: list[Trouble] = []
        if not self.link.up:
            found.append(mending.ami(self.link.detail, refused=self.link.refused))
        if self.recorder.away is not None:
            found.append(mending.trouble("database", "down", self.recorder.away))
        if self.publisher.away is not None:
            found.append(mending.trouble("redis", "down", self.publisher.away))
        if self.probe.up is False:
            found.append(mending.trouble("agi", "down", self.probe.detail))
        return found + [Trouble.of(said) for ask in self.troubles if (said := ask()) is not None]

    def health(self) -> dict[str, Any]:
        """For ``snapshot`` and ``health``: who is there, who is not and why, and our figures."""
        state, detail, more = self.state()
        return {
            "asterisk": self.link.up,
            "database": self.recorder.away is None,
            "redis": self.publisher.away is None,
            "agi": bool(self.probe.up),
            "state": state,
            "detail": detail,
            "parts": more["parts"],
            "figures": {
                **self.link.figures(),
                **self.figures.figures(),
                **self.blocks.figures(),
                **self.guard.figures(),
                "behind": self.catch_up.behind,
                "calls": len(self.following.calls),
                "unsaved": self.recorder.waiting,
                "publish_waiting": self.publisher.waiting,
                "nudges": self.nudging.sent,
            },
        }


def _outcome(task: asyncio.Task[Any]) -> BaseException | None:
    return None if task.cancelled() else task.exception()
