"""The telephones in browsers: a password for each sign-in, and who is the queue's member.

An open tab is a telephone while its row stands in SQL; its password stands in Asterisk's memory alone, and
is put there again after each start of Asterisk. Whose browser is gone for good is no member by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ami_bridge.actions import Actions
from ami_bridge.ari import Ari
from ami_bridge.commands import Method, Params, must, text
from ami_bridge.data import Data
from ami_bridge.duties import Duty
from ami_bridge.translate import phone_of
from ami_bridge.wire import Headers, RefusedError
from psap.calls.service import Following
from psap.platform.control import ControlError
from psap.platform.events import Event, EventType
from psap.queue import web_store
from psap.queue.model import Agent, Device, Kind, Telephone, web_name
from psap.queue.web_store import WebPhone

DOMAIN = "psap112.invalid"  # a telephone's name is all that Asterisk looks at
GONE = 30.0  # seconds without a registration, and its call taker is not there
SWEEP_EVERY = 5.0


class WebPhones:
    """``phone.open``, ``phone.close``, and the moves between an agent's two telephones."""

    def __init__(
        self,
        data: Data,
        ari: Ari,
        actions: Actions,
        following: Following,
        *,
        sync_phones: Callable[[Params], Coroutine[Any, Any, dict[str, Any]]],
        publish: Callable[[Event], None],
        soon: Callable[[Coroutine[Any, Any, None]], None],
        log: Any,
    ) -> None:
        self._data = data
        self._ari = ari
        self._actions = actions
        self._following = following
        self._sync_phones = sync_phones
        self._publish = publish
        self._soon = soon
        self._log = log
        self._open: dict[str, WebPhone] = {}  # agent -> the tab
        self._loaded = False
        self._lock = asyncio.Lock()
        self._stale = True  # Asterisk may know no password of ours
        self._locked: set[str] = set()  # endpoints without a tab, since Asterisk was started
        self._away: dict[str, float] = {}  # agent -> monotonic: a member without a registration since then

    def methods(self) -> dict[str, Method]:
        """The commands."""
        return {"phone.open": self.open, "phone.close": self.close}

    def duties(self) -> list[Duty]:
        """Sign-ins that ended, and browsers that do not come back."""
        return [Duty("browsers' passwords", SWEEP_EVERY, self.sweep), Duty("browsers gone", 1.0, self.look)]

    def opened_at(self, agent: str) -> int:
        """When the tab that is this agent's telephone now was opened, UTC microseconds; 0 never."""
        found = self._open.get(agent)
        return found.opened_at if found else 0

    # -- commands

    async def open(self, params: Params) -> dict[str, Any]:
        """This tab is the agent's telephone from now on; whichever was, is told."""
        agent = must(params, "agent", longest=64)
        session = must(params, "session", longest=64)
        sign_in = must(params, "sign_in", longest=36)
        async with self._lock:
            await self._load()
            known = await self._agent(agent)
            before = self._open.get(agent)
            phone = WebPhone(
                agent,
                web_name(known.desk.name),
                secrets.token_urlsafe(24),
                session,
                sign_in,
                self._following.clock.now_us(),
            )
            async with self._data.writing() as connection:
                await web_store.put(connection, self._data.site, phone)
            self._open[agent] = phone
            self._locked.discard(phone.username)
            self._mark()
            await self._ari.put_password(phone.username, phone.password)
        other = before is not None and before.session != session
        if before is not None and other:
            taken = {"agent": agent, "session": before.session}
            self._publish(Event(EventType.PHONE_TAKEN, phone.opened_at, taken))
        return {
            "username": phone.username,
            "password": phone.password,
            "domain": DOMAIN,
            "registered_elsewhere": other,
            "telephone": known.shown()["telephone"],
        }

    async def close(self, params: Params) -> dict[str, Any]:
        """The tab, or everything of a sign-in, is no telephone any more."""
        agent = must(params, "agent", longest=64)
        session = text(params, "session", longest=64, needed=False)
        sign_in = text(params, "sign_in", longest=36, needed=False)
        async with self._lock:
            await self._load()
            found = self._open.get(agent)
            if found is None or not (session == found.session if session else sign_in == found.sign_in):
                return {"closed": False}
            await self._end(agent)
        await self.look()
        return {"closed": True}

    async def _agent(self, name: str) -> Agent:
        found = self._following.desk.agent(name)
        if found is None or found.browser is None:
            await self._data.ensure_phone(name)
            await self._sync_phones({})
            found = self._following.desk.agent(name)
        if found is None or found.browser is None:
            raise ControlError("no_phone", f"{name} has no telephone: ./112 phone {name}")
        return found

    # -- what is true

    async def _load(self) -> None:
        if self._loaded:
            return
        async with self._data.reading() as connection:
            rows = await web_store.all_of(connection, self._data.site)
        self._open = {row.agent: row for row in rows}
        self._loaded = True
        self._mark()

    def _mark(self) -> None:
        """Tell the agents which of their browsers may be a telephone at all."""
        for agent in self._following.desk.agents():
            if agent.browser is not None:
                agent.browser.open = agent.agent in self._open

    async def _end(self, agent: str) -> None:
        """The password first: it must be dead also where the database is away."""
        found = self._open[agent]
        await self._ari.lock(found.username)
        async with self._data.writing() as connection:
            await web_store.drop(connection, self._data.site, agent)
        self._open.pop(agent, None)
        self._mark()

    async def again(self) -> None:
        """Asterisk may have been started anew: it knows no password then."""
        self._stale = True
        async with self._lock:
            await self._load()
            await self._put_all()

    async def _put_all(self) -> None:
        """Every open tab's password; and where no tab is, one that nobody knows."""
        if self._stale:
            self._locked.clear()
            for phone in self._open.values():
                await self._ari.put_password(phone.username, phone.password)
            self._stale = False
        for agent in self._following.desk.agents():
            browser = agent.browser
            if browser is None or agent.agent in self._open or browser.name in self._locked:
                continue
            await self._ari.lock(browser.name)
            self._locked.add(browser.name)

    async def sweep(self) -> None:
        """Passwords of sign-ins that ended; and what could not be put when Asterisk came back."""
        async with self._lock:
            await self._load()
            self._mark()  # telephones may have been made meanwhile
            await self._put_all()
            async with self._data.reading() as connection:
                now = self._following.clock.now_us()
                ended = await web_store.ended(connection, self._data.site, now)
            for agent in ended:
                if agent in self._open:
                    await self._end(agent)
                    self._log.info("a browser's telephone ended with its sign-in")

    # -- who is the member

    def listen(self, event: Headers) -> None:
        """One AMI event: who logs in by one telephone (a feature code) leaves the queue with the other."""
        if event.get("Event") != "QueueMemberAdded" or event.get("Queue") != "psap112":
            return
        phone = phone_of(event.get("Interface", ""))
        agent = self._following.desk.by_phone.get(phone or "")
        if agent is None or phone is None:
            return
        for other in agent.telephones:
            if other.name != phone and other.member:
                self._soon(self._leave(other))

    async def _leave(self, telephone: Telephone) -> None:
        with contextlib.suppress(RefusedError):  # it left by itself
            await self._actions.logout(telephone.name)

    async def look(self) -> None:
        """Whose browser is gone for good is a member by the desk phone, or not at all."""
        now = time.monotonic()
        for agent in self._following.desk.agents():
            browser = agent.browser
            if browser is not None and browser.member and agent.desk.member:  # both, while we were away
                await self._leave(agent.desk if browser.registered else browser)
            if browser is None or not browser.member or browser.registered or agent.talking:
                self._away.pop(agent.agent, None)
                continue
            since = self._away.setdefault(agent.agent, now)
            if not browser.open or now - since > GONE:
                self._away.pop(agent.agent, None)
                await self._gone(agent, browser)

    async def _gone(self, agent: Agent, browser: Telephone) -> None:
        if agent.desk.registered:
            await self.move(agent, agent.desk)
            self._log.info("a call taker's browser is gone: the desk phone again")
        else:
            await self._actions.stop_ringing(agent)
            await self._leave(browser)
            agent.left()
            self.told(agent)
            self._log.info("a call taker's browser is gone, and no desk phone is there: out of the queue")

    async def move(self, agent: Agent, telephone: Telephone) -> None:
        """This telephone is the member instead of the other, paused if that was."""
        paused, reason = agent.paused, agent.reason
        others = [each for each in agent.telephones if each.member and each is not telephone]
        try:
            await self._actions.login(telephone.name, agent.agent)
        except RefusedError as error:
            if "already" not in str(error).lower():
                raise
        if paused:
            await self._actions.pause(telephone.name, reason or "")
        for each in others:
            await self._leave(each)
        agent.joined(telephone, paused=paused, reason=reason)
        self.told(agent)

    async def look_anew(self, agent: Agent) -> None:
        """Before an agent's telephone is judged: the page knows of its registration before the news of it
        has come to us, and asks for what it registered for at once."""
        browser = agent.browser
        if (
            browser is not None
            and agent.agent in self._open
            and not browser.registered
            and await self._actions.has_contact(browser.name)
        ):
            browser.device = Device.FREE

    async def choose(self, agent: Agent, wanted: str | None) -> Telephone:
        """The telephone for a login. Raises ControlError(no_phone, bad_request)."""
        if wanted is not None and wanted not in set(Kind):
            raise ControlError("bad_request", "telephone is desk or browser")
        if wanted != Kind.DESK:
            await self.look_anew(agent)
        if wanted is None:
            mine = agent.telephone
            there = next((each for each in agent.telephones if each.registered), mine)
            return mine if mine.registered else there  # where only the other one is there, it is meant
        found = agent.of_kind(Kind(wanted))
        if found is None or (found.kind is Kind.BROWSER and not found.registered):
            raise ControlError("no_phone", f"the browser of {agent.agent} is no telephone now")
        return found

    def told(self, agent: Agent) -> None:
        """Say what changed about an agent."""
        now = self._following.clock.now_us()
        agent.settle(now)
        self._publish(Event(EventType.AGENT_CHANGED, now, agent.shown()))
