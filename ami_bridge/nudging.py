"""A call taker who becomes free is rung at once, not at app_queue's next look.

app_queue looks at a waiting caller once a second. In between it waits for a key of that caller
(``ast_waitfordigit``), and a key that leads nowhere (queues.conf has no ``context``) only makes it look
again. So the moment a call taker becomes free, those in front get such a key, as if they had pressed it
(AMI PlayDTMF, ``Receive``): nobody hears it, and the recording holds nothing of it. Whom app_queue rings
for whom stays its own decision. Without us it looks within its second, as ever.

Nobody gets one whose last key lies in the future, because the clock was set back since. Asterisk leaves such
a key unread until the clock has caught up, and with it every sound of that caller (measured on 22.10.1).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ami_bridge.commands import Method, Params
from ami_bridge.translate import QUEUE, number, whole
from ami_bridge.wire import LinkError
from psap.platform.control import ControlError

# seconds after which somebody who is free is nudged for again: a wrap-up ends when Asterisk's clock shows the
# next second, which follows the machine's by a tick; a telephone may be said to be free before it is
AGAIN = (0.0, 0.02, 0.1)
EDGE = 0.006  # seconds after a wrap-up's last second
SPARE = 1  # callers nudged beyond the number of free call takers
# seconds between two callers of one pulse: all at once, they race for the same telephones inside app_queue,
# and who lost that race, first in line or not, waits until the next one is free
APART = 0.012
CALLER_GAP = 0.015  # seconds between two nudges of one caller
MOST = 200.0  # nudges a second
SERIES, SERIES_EVERY = 3.0, 1.0  # a telephone that refuses each call must not be rung in a tight loop
FREE = ("0", "1")  # AST_DEVICE_UNKNOWN, AST_DEVICE_NOT_INUSE: app_queue's own idea of available


class Allowance:
    """At most so many at once, and so many a second."""

    def __init__(self, most: float, a_second: float, now: float) -> None:
        self._most, self._rate, self._left, self._at = most, a_second, most, now

    def take(self, now: float) -> bool:
        """Whether one more is allowed; it then counts."""
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Waiting:
    """The callers by Uniqueid in app_queue's own order, and for whom a telephone is being rung."""

    def __init__(self) -> None:
        self._order: list[str] = []
        self._known: set[str] = set()
        self.rung: set[str] = set()

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, caller: str) -> bool:
        """Waits, and nobody is being rung for that one."""
        return caller in self._known and caller not in self.rung

    def join(self, caller: str, position: int) -> None:
        """``position`` counts from 1."""
        self.leave(caller)
        self._known.add(caller)
        self._order.insert(max(0, position - 1), caller)

    def leave(self, caller: str) -> None:
        """Gone, however."""
        self.rung.discard(caller)
        if caller in self._known:
            self._known.remove(caller)
            self._order.remove(caller)

    def first(self, count: int) -> list[str]:
        """The first callers for whom nobody is being rung."""
        found: list[str] = []
        for caller in self._order:
            if len(found) >= count:
                break
            if caller not in self.rung:
                found.append(caller)
        return found


@dataclass(slots=True)
class Member:
    """One telephone in the queue. ``ready``: epoch seconds of its wrap-up's end; ``turn`` ends old timers."""

    allowance: Allowance
    status: str = ""
    paused: bool = False
    last_call: int = 0
    free: bool = False
    ready: float = 0.0
    turn: int = 0


class Nudging:
    """Listens to every event. ``nudge(uniqueid)`` sends the key; ``wrapup()`` is the queue's, in seconds."""

    def __init__(
        self,
        nudge: Callable[[str], Awaitable[None]],
        wrapup: Callable[[], int],
        soon: Callable[[Coroutine[Any, Any, None]], object],
        later: Callable[[float, Callable[[], None]], object],
        log: Any,
        *,
        epoch: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nudge, self._wrapup, self._soon, self._later = nudge, wrapup, soon, later
        self._epoch, self._clock, self._log = epoch, clock, log
        self._waiting = Waiting()
        self._members: dict[str, Member] = {}
        self._last: dict[str, float] = {}  # when each waiting caller was nudged, by our clock
        self._pressed: dict[str, float] = {}  # epoch seconds of each channel's last key, ours too
        self._allowance = Allowance(MOST, MOST, clock())
        self._complained = False
        self.on = True
        self.sent = 0

    def methods(self) -> dict[str, Method]:
        """The command that switches it off and on: for measuring, and for whoever suspects it."""
        return {"queue.nudge": self._switch}

    async def _switch(self, params: Params) -> dict[str, Any]:
        on = params.get("on")
        if not isinstance(on, bool):
            raise ControlError("bad_request", "on must be true or false")
        self.on = on
        return {"on": self.on, "sent": self.sent}

    # -- what is heard

    def listen(self, event: Mapping[str, str]) -> None:
        """One AMI event."""
        heard = _HEARD.get(event.get("Event", ""))
        if heard is not None and event.get("Queue", QUEUE) == QUEUE:
            heard(self, event)

    def again(self, rows: Iterable[Mapping[str, str]]) -> None:
        """After a (re)connect: callers and members as QueueStatus tells them."""
        self.lost()
        for row in rows:
            if row.get("Queue", QUEUE) != QUEUE:
                continue
            if row.get("Event") == "QueueEntry":
                self._joined(row)
            elif row.get("Event") == "QueueMember":
                self._seen(row)

    def lost(self) -> None:
        """Asterisk is away: nothing is known."""
        for member in self._members.values():
            member.turn += 1
        self._members.clear()
        self._waiting = Waiting()
        self._last.clear()
        self._pressed.clear()

    def _joined(self, event: Mapping[str, str]) -> None:
        caller, position = event.get("Uniqueid"), whole(event.get("Position"))
        if caller:
            self._waiting.join(caller, position or len(self._waiting) + 1)

    def _left(self, event: Mapping[str, str]) -> None:
        caller = event.get("Uniqueid", "")
        self._waiting.leave(caller)
        self._last.pop(caller, None)

    def _key(self, event: Mapping[str, str]) -> None:
        self._pressed[event.get("Uniqueid", "")] = number(event.get("Timestamp")) or self._epoch()

    def _gone(self, event: Mapping[str, str]) -> None:
        self._left(event)
        self._pressed.pop(event.get("Uniqueid", ""), None)

    def _called(self, event: Mapping[str, str]) -> None:
        self._waiting.rung.add(event.get("Uniqueid", ""))
        member = self._members.get(event.get("Interface", ""))
        if member is not None:
            member.free = False
            member.turn += 1

    def _not_answered(self, event: Mapping[str, str]) -> None:
        self._waiting.rung.discard(event.get("Uniqueid", ""))
        member = self._members.get(event.get("Interface", ""))
        if member is not None:  # a ring that failed before it rang leaves the telephone's state as it was
            member.free = member.status in FREE and not member.paused

    def _completed(self, event: Mapping[str, str]) -> None:
        member = self._members.get(event.get("Interface", ""))
        if member is not None:
            member.last_call = max(member.last_call, int(number(event.get("Timestamp")) or self._epoch()))

    def _removed(self, event: Mapping[str, str]) -> None:
        member = self._members.pop(event.get("Interface", ""), None)
        if member is not None:
            member.turn += 1

    def _seen(self, event: Mapping[str, str]) -> None:
        """The queue tells a member's state: changed, added, paused, or no more."""
        interface = event.get("Location") or event.get("Interface", "")
        member = self._members.get(interface)
        if member is None:
            member = Member(Allowance(SERIES, SERIES_EVERY, self._clock()))
            self._members[interface] = member
        member.status, member.paused = event.get("Status", ""), event.get("Paused") == "1"
        member.last_call = max(member.last_call, whole(event.get("LastCall")) or 0)
        if member.status not in FREE or member.paused:
            member.free = False
            member.turn += 1
            return
        wrapup = whole(event.get("Wrapuptime")) or self._wrapup()
        ready = float(member.last_call + wrapup) if member.last_call else 0.0
        if member.free and member.ready == ready:
            return
        member.free, member.ready = True, ready
        member.turn += 1
        wait = ready - self._epoch()
        if wait <= 0:
            self._pulse(member, member.turn, 0)
        else:  # never longer than a wrap-up is, whatever a clock that was set says
            self._after(min(wait, wrapup + 1.0) + EDGE, member, member.turn, 0)

    # -- what is done

    def _after(self, seconds: float, member: Member, turn: int, step: int) -> None:
        self._later(seconds, lambda: self._pulse(member, turn, step))

    def _pulse(self, member: Member, turn: int, step: int) -> None:
        """Somebody is free: those in front are looked at now, and once more a moment later."""
        now = self._clock()
        if turn != member.turn or not self.on or not self._waiting:
            return
        callers = self._waiting.first(self._free() + SPARE)
        if not callers or (step == 0 and not member.allowance.take(now)):
            return
        self._one(callers[0])
        for place, caller in enumerate(callers[1:], 1):
            self._later(place * APART, partial(self._one, caller))
        if step + 1 < len(AGAIN):
            self._after(AGAIN[step + 1], member, turn, step + 1)

    def _one(self, caller: str) -> None:
        """Who still waits, and for whom nobody is being rung, is looked at."""
        now = self._clock()
        if caller not in self._waiting or now - self._last.get(caller, float("-inf")) < CALLER_GAP:
            return
        if max(self._pressed.get(caller, 0.0), _began(caller)) > self._epoch():
            return  # it would not be heard any more
        if self._allowance.take(now):
            self._last[caller] = now
            self.sent += 1
            self._soon(self._send(caller))

    def _free(self) -> int:
        now = self._epoch()
        return max(1, sum(1 for each in self._members.values() if each.free and each.ready <= now))

    async def _send(self, caller: str) -> None:
        try:
            await self._nudge(caller)
        except LinkError as error:
            # mostly a caller who left in this moment; app_queue looks by itself all the same
            if "nvalid" in str(error) and not self._complained:
                self._complained = True
                self._log.warning(
                    "Asterisk has no PlayDTMF: call takers idle up to a second", error=str(error)
                )


def _began(caller: str) -> float:
    """Epoch seconds at which a channel began, by its Uniqueid (SYSTEM-SECONDS.COUNT); 0: not told."""
    return float(whole(caller.rpartition("-")[2].partition(".")[0]) or 0)


_HEARD: dict[str, Callable[[Nudging, Mapping[str, str]], None]] = {
    "QueueCallerJoin": Nudging._joined,
    "QueueCallerLeave": Nudging._left,
    "QueueCallerAbandon": Nudging._left,
    "Hangup": Nudging._gone,
    "DTMFEnd": Nudging._key,
    "AgentCalled": Nudging._called,
    "AgentRingNoAnswer": Nudging._not_answered,
    "AgentComplete": Nudging._completed,
    "QueueMemberStatus": Nudging._seen,
    "QueueMemberAdded": Nudging._seen,
    "QueueMemberPause": Nudging._seen,
    "QueueMemberRemoved": Nudging._removed,
}
NAMES = tuple(_HEARD)  # the events that are listened to
