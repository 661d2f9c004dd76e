"""What the queue was told in the second before Asterisk died is told again.

Asterisk writes its members to disk (AstDB) up to a second late: killed in that second, it comes back
without whoever had just logged in, and that agent would sit at a telephone that does not ring. An
Asterisk that lived on forgot nothing: where it differs, somebody changed it while we did not hear.
"""

from __future__ import annotations

import time
from typing import Any

from ami_bridge.actions import Actions
from ami_bridge.translate import agent_fact
from ami_bridge.wire import Headers, LinkError
from psap.queue.model import AgentFact, Desk, MemberGone, MemberSeen

# seconds after which Asterisk has surely written it down, and we have noticed that it had stopped before
WRITTEN = 15.0
WORDS = frozenset(("QueueMemberAdded", "QueueMemberRemoved", "QueueMemberPause"))


class Unsaved:
    """Listens for logins, logouts and pauses; repeats the last ones after a loss that undid them."""

    def __init__(self, actions: Actions, desk: Desk, log: Any) -> None:
        self._actions = actions
        self._desk = desk
        self._log = log
        self._said: dict[str, tuple[float, AgentFact]] = {}  # phone -> (monotonic, the last word)
        self._due: list[AgentFact] = []
        self._born = ""  # when the Asterisk that we know was started

    def listen(self, event: Headers) -> None:
        """One AMI event."""
        if event.get("Event") in WORDS and (fact := agent_fact(event)) is not None:
            self._said[fact.phone] = (time.monotonic(), fact)

    def lost(self) -> None:
        """Asterisk is gone: what was said just now may be forgotten when it comes back."""
        now = time.monotonic()
        self._due += [fact for at, fact in self._said.values() if now - at <= WRITTEN]
        self._said.clear()

    async def again(self) -> None:
        """Asterisk is back and its members are known: say again what it forgot."""
        due, self._due = self._due, []
        before, self._born = self._born, await self._actions.born()
        if self._born and self._born == before:
            return
        for fact in due:
            telephone = self._desk.telephone(fact.phone)
            if telephone is None:
                continue
            try:
                if isinstance(fact, MemberGone) and telephone.member:
                    await self._actions.logout(fact.phone)
                elif isinstance(fact, MemberSeen):
                    await self._say(fact, member=telephone.member, paused=telephone.paused)
            except LinkError as error:
                self._log.warning("an agent's state could not be restored", detail=str(error))

    async def _say(self, fact: MemberSeen, *, member: bool, paused: bool) -> None:
        if not member:
            await self._actions.login(fact.phone, fact.agent)
            self._log.info("an agent whom Asterisk forgot is logged in again")
        if fact.paused and not (member and paused):
            await self._actions.pause(fact.phone, fact.reason or "")
        elif member and paused and not fact.paused:
            await self._actions.unpause(fact.phone)
