"""What each command does."""

from __future__ import annotations

from typing import Any

from ami_bridge.actions import Actions
from ami_bridge.blocks import Blocks
from ami_bridge.commands import Method, Params, must, text
from ami_bridge.data import Data
from ami_bridge.reputation import mark_of
from ami_bridge.web_phones import WebPhones
from ami_bridge.wire import LinkError, RefusedError
from psap.calls import facts as f
from psap.calls.model import Call, Classification
from psap.calls.recorder import Recorder
from psap.calls.service import Following
from psap.calls.store import call_of
from psap.calls.tracking import Tracker
from psap.pbx.render import PhoneRow, render_phones
from psap.platform.control import ControlError
from psap.platform.events import Event, EventType
from psap.platform.settings import Settings
from psap.queue.model import Agent, web_name


class Wishes:
    """The commands of docs/architecture/contracts.md."""

    def __init__(
        self,
        settings: Settings,
        following: Following,
        actions: Actions,
        blocks: Blocks,
        recorder: Recorder,
        data: Data,
        health: Any,
        telephones: WebPhones,
    ) -> None:
        self._settings = settings
        self._following = following
        self._actions = actions
        self._blocks = blocks
        self._recorder = recorder
        self._data = data
        self._health = health
        self._telephones = telephones

    def methods(self) -> dict[str, Method]:
        """Every command by name."""
        return {
            "snapshot": self.snapshot,
            "health": self.health,
            "agent.login": self.login,
            "agent.logout": self.logout,
            "agent.pause": self.pause,
            "agent.unpause": self.unpause,
            "call.classify": self.classify,
            "call.link_incident": self.link_incident,
            "blocks.sync": self.sync_blocks,
            "phones.sync": self.sync_phones,
        }

    async def snapshot(self, _params: Params) -> dict[str, Any]:
        return self._following.snapshot() | {"health": self._health()}

    async def health(self, _params: Params) -> dict[str, Any]:
        found: dict[str, Any] = self._health()
        return found

    # -- agents

    async def _agent(self, params: Params) -> Agent:
        name = must(params, "agent")
        agent = self._following.desk.agent(name)
        if agent is None:
            await self._data.load_phones(self._following)
            agent = self._following.desk.agent(name)
        if agent is None:
            raise ControlError("no_phone", f"{name} has no telephone: ./112 phone {name}")
        return agent

    async def login(self, params: Params) -> dict[str, Any]:
        agent = await self._agent(params)
        wanted = text(params, "telephone", longest=16, needed=False)
        telephone = await self._telephones.choose(agent, wanted)
        if not telephone.member:
            await self._telephones.move(agent, telephone)
        else:
            await self._actions.first_row(telephone.name)
        if agent.paused:
            await self._actions.unpause(telephone.name)
        agent.joined(telephone)
        return self._told(agent)

    async def logout(self, params: Params) -> dict[str, Any]:
        agent = await self._agent(params)
        for telephone in [each for each in agent.telephones if each.member]:
            try:
                await self._actions.logout(telephone.name)
            except RefusedError as error:
                if "not" not in str(error).lower():  # not there: what was wished for
                    raise
        await self._actions.stop_ringing(agent)  # who left is not there to answer
        agent.left()
        return self._told(agent)

    async def pause(self, params: Params) -> dict[str, Any]:
        reason = must(params, "reason", longest=64)
        agent = await self._member(params)
        telephone = agent.telephone
        await self._actions.pause(telephone.name, reason)
        telephone.paused, telephone.reason = True, reason
        await self._actions.stop_ringing(agent)
        return self._told(agent)

    async def unpause(self, params: Params) -> dict[str, Any]:
        agent = await self._member(params)
        telephone = agent.telephone
        await self._actions.unpause(telephone.name)
        await self._actions.first_row(telephone.name)
        telephone.paused, telephone.reason = False, None
        return self._told(agent)

    async def _member(self, params: Params) -> Agent:
        agent = await self._agent(params)
        if not agent.member:
            raise ControlError("bad_request", f"{agent.agent} is not logged in")
        return agent

    def _told(self, agent: Agent) -> dict[str, Any]:
        now = self._following.clock.now_us()
        if agent.settle(now):
            self._following.ports.publish(Event(EventType.AGENT_CHANGED, now, agent.shown()))
        return agent.shown()

    # -- calls

    async def classify(self, params: Params) -> dict[str, Any]:
        """A person's word; what is not said (null) stays as it is, also whose word it was."""
        call_id, by = must(params, "call_id", longest=64), must(params, "by", longest=64)
        word = text(params, "classification", longest=32, needed=False)
        if word is not None and word not in set(Classification):
            raise ControlError("bad_request", f"no such classification: {word!r}")
        note = text(params, "note", longest=4000, needed=False)
        tracker, key = await self._call(call_id)
        if word is not None or note is not None:
            self._following.said(tracker, None if word is None else Classification(word), note, by)
        if word is not None and key is not None:
            self._recorder.mark(mark_of(tracker.call, word, by))
        if params.get("end") and not tracker.ended:
            await self._end(tracker)
        return tracker.call.model_dump(mode="json")

    async def _end(self, tracker: Tracker) -> None:
        """Hang up; whose wish it was is said before its end can be heard, and taken back if it fails."""
        before = tracker.declared
        tracker.apply(f.EndDeclared(self._following.clock.now_us(), tracker.call.uniqueid, None, "agent"))
        mine = tracker.declared
        try:
            await self._actions.hang_up(tracker.call.uniqueid)
        except LinkError:
            if tracker.declared is mine:  # the call goes on: its end, one day, is another's
                tracker.declared = before
            raise

    async def link_incident(self, params: Params) -> dict[str, Any]:
        tracker, _ = await self._call(must(params, "call_id", longest=64))
        tracker.call.incident_id = must(params, "incident_id", longest=64)
        self._following.changed(tracker)
        return tracker.call.model_dump(mode="json")

    async def find(self, call_id: str) -> tuple[Tracker, str | None]:
        """A call, running or over, with its number's key. Raises ControlError(not_found, database_away)."""
        return await self._call(call_id)

    async def _call(self, call_id: str) -> tuple[Tracker, str | None]:
        """A call in progress, or one that ended, out of what is not written yet or the database."""
        tracker = self._following.by_id.get(call_id) or self._following.recent.get(call_id)
        if tracker is not None:
            return tracker, tracker.number_key
        row = self._recorder.pending(call_id)
        found: tuple[Call, str | None] | None
        if row is not None:
            found = (call_of(row), row["number_key"])
        else:
            found = (await self._data.calls([call_id])).get(call_id)
        if found is None:
            raise ControlError("not_found", f"no call {call_id}")
        if found[0].ending is None or found[0].direction != "inbound":  # others still write it
            return Tracker.of_record(*found), found[1]
        # two words at once must be about one and the same, or the later row undoes the earlier
        tracker = self._following.remember(Tracker.of_record(*found))
        return tracker, tracker.number_key

    # -- blocks and telephones

    async def sync_blocks(self, params: Params) -> dict[str, Any]:
        keys = params.get("keys")
        if keys is not None and not (isinstance(keys, list) and all(isinstance(k, str) for k in keys)):
            raise ControlError("bad_request", "keys must be a list of texts, or null")
        written, deleted = await self._blocks.sync(keys)
        return {"written": written, "deleted": deleted}

    async def sync_phones(self, _params: Params) -> dict[str, Any]:
        rows = await self._data.phone_rows()
        if _rewritten(self._settings, [PhoneRow(*row) for row in rows]):
            await self._actions.reload_phones()
        wanted = {name: agent for username, _, agent in rows for name in (username, web_name(username))}
        there = await self._actions.tree("psap-phone")
        put = {k: v for k, v in wanted.items() if there.get(k) != v}
        closed = [k for k in there if k not in wanted]
        for phone in closed:  # first: once it is not in the list, nothing would try again
            await self._actions.out_of_all(phone)
            if (agent := self._following.desk.by_phone.get(phone)) is not None:
                await self._actions.stop_ringing(agent, only=phone)
        await self._actions.write_tree("psap-phone", put, closed)
        await self._data.load_phones(self._following)
        return {"phones": len(rows)}


def _rewritten(settings: Settings, rows: list[PhoneRow]) -> bool:
    """Write pjsip's file of phones; False where it was as it should be."""
    path = settings.pbx / "etc" / "pjsip_phones.conf"
    before = path.read_bytes() if path.exists() else b""
    render_phones(settings, rows)
    return path.read_bytes() != before
