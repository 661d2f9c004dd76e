"""The bridge: puts its parts together and keeps their tasks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ami_bridge import resync
from ami_bridge.actions import Actions
from ami_bridge.blocks import Blocks
from ami_bridge.commands import CommandServer
from ami_bridge.data import Data
from ami_bridge.link import Link
from ami_bridge.probe import AgiProbe
from ami_bridge.publisher import Publisher
from ami_bridge.reputation import Reputation, mark_of
from ami_bridge.resync import Books
from ami_bridge.sweep import sweep
from ami_bridge.translate import agent_fact, call_fact
from ami_bridge.wire import Headers, LinkError
from ami_bridge.wishes import Wishes
from psap.agencies.profile import Profile
from psap.callers.numbers import normalise
from psap.calls.model import call_id
from psap.calls.recorder import Recorder
from psap.calls.service import Following, Ports
from psap.calls.tracking import Stage, Tracker
from psap.pbx.render import scaled
from psap.platform import pbx_names
from psap.platform.clock import Clock
from psap.platform.control import ControlError
from psap.platform.database import Database
from psap.platform.events import Event, EventType
from psap.platform.heartbeat import beat_forever
from psap.platform.hot import Hot
from psap.platform.settings import Secrets, Settings

TELL_EVERY = 1.0  # seconds between two words to the dialplan
BLOCKS_LOOK_EVERY = 0.5  # seconds: changes made while our socket was away count soon
RECONCILE_EVERY = 30.0  # seconds between two comparisons of AstDB with SQL
QUEUE_TELL_EVERY = 0.1
BOOKS_EVERY = 5.0
AUDIO_EVERY = 2.0
SWEEP_EVERY = 600.0
END_TOLD_WITHIN = 0.3  # a slow database delays the word of a call's end by no more


class Bridge:
    """One site's bridge."""

    def __init__(
        self, settings: Settings, secrets: Secrets, profile: Profile, clock: Clock, log: Any
    ) -> None:
        self.settings, self.profile, self.clock, self.log = settings, profile, clock, log
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
            on_marked=self._marked,
        )
        self.following = Following(
            profile.site,
            clock,
            Ports(
                publish=self._publish,
                record=self.recorder.put,
                spoke=lambda channel, word: self._soon(self.actions.spoke(channel, word)),
                look_up=lambda call_id, key: self._soon(self._look_up(call_id, key)),
                no_response=self._no_response,
                later=self._later,
                describe=lambda number, _key, pres: normalise(number, pres, profile.area_code),
            ),
        )
        self.following.desk.wrapup = scaled(settings, profile.queue.wrapup_seconds)
        self.link = Link(
            "127.0.0.1",
            settings.ami_port,
            "bridge",
            secrets.ami_bridge,
            on_event=self._event,
            on_up=self._up,
            on_down=self._down,
            log=log,
        )
        self.actions = Actions(self.link)
        self.blocks = Blocks(self.actions, self.reputation.wanted)
        self.probe = AgiProbe(settings.agi_port)
        self.books = Books(settings.pbx)
        self.wishes = Wishes(
            settings, self.following, self.actions, self.blocks, self.recorder, self.data, self.health
        )
        self.commands = CommandServer(settings.bridge_socket, self.wishes.methods(), log)
        self._errands: set[asyncio.Task[None]] = set()
        self._reconciled = 0.0
        self._many_blocks = False  # more changed than can be named: wait until it is quiet

    # -- life

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``, then write everything down within three seconds."""
        recorder = asyncio.create_task(self.recorder.run(), name="recorder")
        tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("heartbeat", beat_forever(self.settings.run, "ami_bridge", self.state)),
                ("publisher", self.publisher.run()),
                ("link", self.link.run()),
                ("dialplan-words", self._every(TELL_EVERY, self._tell_dialplan)),
                ("blocks", self._every(BLOCKS_LOOK_EVERY, self._look_at_blocks)),
                ("queue", self._every(QUEUE_TELL_EVERY, self._tell_queue)),
                ("books", self._every(BOOKS_EVERY, self._keep_books)),
                ("audio", self._every(AUDIO_EVERY, self._count_audio)),
                ("sweep", self._every(SWEEP_EVERY, self._sweep)),
            )
        ]
        await self._load_books()
        await self.commands.start()
        try:
            stopped = asyncio.create_task(stop.wait(), name="stop")
            done, _ = await asyncio.wait([stopped, recorder, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                # each of these is made to run for ever: an end is a fault, and a restart mends it
                self.log.error("a part of the bridge ended", part=task.get_name(), error=repr(_outcome(task)))
        finally:
            await self.commands.stop()
            await self.link.close()
            await self.publisher.flush(0.5)
            await self.recorder.stop(recorder, 1.0)
            for task in [*tasks, *self._errands]:
                task.cancel()
            await asyncio.gather(*tasks, *self._errands, return_exceptions=True)
            await self.hot.close()
            await self.database.close()

    async def _every(self, seconds: float, work: Any) -> None:
        """Do something again and again; a failure is said and the next time comes."""
        while True:
            began = time.monotonic()
            try:
                await work()
            except (LinkError, ControlError):
                pass  # whoever was away is named by the heartbeat
            except Exception as error:
                self.log.error("a regular task failed", task=repr(work), error=repr(error), exc_info=True)
            await asyncio.sleep(max(0.0, seconds - (time.monotonic() - began)))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        """An errand beside event handling."""
        task = asyncio.create_task(self._errand(work))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, work)

    async def _errand(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (LinkError, ControlError) as error:
            self.log.warning("errand not done", error=str(error))
        except Exception as error:
            self.log.error("errand failed", error=repr(error), exc_info=True)

    # -- telling

    def _publish(self, event: Event) -> None:
        """Tell it now; an end only when it can be looked up, for whoever hears it will look."""
        if event.type is EventType.CALL_ENDED and self.recorder.away is None:
            self._soon(self._publish_written(event))
        else:
            self.publisher.put(event)

    async def _publish_written(self, event: Event) -> None:
        await self.recorder.flush(END_TOLD_WITHIN)
        self.publisher.put(event)

    # -- Asterisk

    def _event(self, event: Headers) -> None:
        fact = call_fact(event)
        if fact is not None:
            self.following.take(fact)
            return
        about_agent = agent_fact(event)
        if about_agent is not None:
            self.following.take_agent(about_agent)

    async def _up(self) -> None:
        """Asterisk is (again) there: learn what is true and what happened meanwhile."""
        began = time.monotonic()
        with contextlib.suppress(ControlError):
            await self.data.load_phones(self.following)
        await resync.agents(self.link, self.following)
        told, alive = await resync.whole_story(self.link, self.books)
        known: dict[str, Any] = {}
        with contextlib.suppress(ControlError):
            # what is still on its way to the database counts as well
            await self.recorder.flush(1.0)
            known = await self.data.open_calls()
            known |= await self.data.calls([call_id(self.profile.site, key) for key in told])
        adopted, finished = await resync.calls(self.following, told, alive, known)
        for call, key in resync.orphans(self.following, known, told, alive):
            tracker = Tracker.of_record(call, key)
            tracker.stage = Stage.GATE
            tracker.lost(self.clock.now_us())
            self.following.replace(tracker)
            finished += 1
        self.following.tell_all()
        self.blocks.forget()
        self._soon(self._sync_after_boot())
        self.log.info(
            "resynchronised",
            channels=len(alive),
            adopted=adopted,
            finished=finished,
            seconds=round(time.monotonic() - began, 3),
        )

    def _down(self, why: str) -> None:
        self.books.sizes.clear()
        self.blocks.forget()
        self.log.warning("asterisk lost", detail=why)

    async def _sync_after_boot(self) -> None:
        await self.wishes.sync_phones({})  # accounts made while Asterisk was away, or before its first start
        await self.blocks.reconcile()

    # -- the dialplan's words

    async def _tell_dialplan(self) -> None:
        await self.probe.ask()
        self.following.settle_agents()
        now = int(time.time())
        if self.probe.up is not None:
            word = "up" if self.probe.up else "down"
            await self.actions.set_global(pbx_names.GLOBAL_AGI, f"{word}:{now}")
        await self.actions.set_global(pbx_names.GLOBAL_BRIDGE, f"up:{now}")
        await self.actions.set_global(pbx_names.GLOBAL_FREE, f"{self.following.desk.free()}:{now}")

    async def _tell_queue(self) -> None:
        self.following.tell_queue()

    # -- blocks

    async def _look_at_blocks(self) -> None:
        if not self.link.up:
            return
        keys = await self.reputation.changed()
        # in the middle of an import: all at once when it is over, or every copy takes its time from it
        if keys is None:
            self._many_blocks, keys = True, []
        elif self._many_blocks and not keys:
            self._many_blocks, keys = False, None
        if self._blocks_due():
            keys = None
        if keys is None or keys:
            await self.blocks.sync(keys)

    def _blocks_due(self) -> bool:
        now = time.monotonic()
        if now - self._reconciled < RECONCILE_EVERY:
            return False
        self._reconciled = now
        return True

    async def _sweep(self) -> None:
        if self.link.up:
            await sweep(self.actions, int(time.time()))

    async def _marked(self, marks: list[dict[str, Any]]) -> None:
        """Marks are in the database: what follows from them counts at once."""
        keys = {key for mark in marks if (key := self.reputation.key_of(mark)) is not None}
        with contextlib.suppress(LinkError, ControlError):
            await self.blocks.sync(sorted(keys))

    def _no_response(self, tracker: Tracker) -> None:
        self.recorder.mark(mark_of(tracker.call, "no_response", "system"))

    # -- what is known of a caller

    async def _look_up(self, call_id: str, key: str) -> None:
        background = await self.reputation.background(key)
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

    # -- the ledger's place

    async def _load_books(self) -> None:
        with contextlib.suppress(ControlError):
            value = await self.data.read_state("ledger")
            if isinstance(value, dict):
                self.books.cel_offset = int(value.get("cel", 0))
                self.books.queue_offset = int(value.get("queue", 0))

    async def _keep_books(self) -> None:
        if not self.link.up:
            return
        now = self.clock.now_us()
        self.books.look(now)
        if self.recorder.away is not None or not self.recorder.idle:
            return
        oldest = min((t.call.started_at for t in self.following.calls.values()), default=now)
        if self.books.settle(oldest):
            await self.data.write_state(
                "ledger", {"cel": self.books.cel_offset, "queue": self.books.queue_offset}
            )

    # -- how we are

    def state(self) -> tuple[str, str]:
        """The heartbeat's (state, detail)."""
        troubles = []
        if not self.link.up:
            troubles.append(f"Asterisk: {self.link.detail}")
        if self.recorder.away is not None:
            troubles.append(f"database: {self.recorder.away}")
        if self.publisher.away is not None:
            troubles.append(f"Redis: {self.publisher.away}")
        if self.probe.up is False:
            troubles.append(f"agi: {self.probe.detail}")
        if troubles:
            return "degraded", "; ".join(troubles)
        return "up", f"{len(self.following.calls)} calls"

    def health(self) -> dict[str, Any]:
        """For ``snapshot``: who is there."""
        return {
            "asterisk": self.link.up,
            "database": self.recorder.away is None,
            "redis": self.publisher.away is None,
            "agi": bool(self.probe.up),
            "detail": self.state()[1],
        }


def _outcome(task: asyncio.Task[Any]) -> BaseException | None:
    return None if task.cancelled() else task.exception()
