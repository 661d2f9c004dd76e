"""One AMI connection's bytes: panoramisk's protocol and actions made safe.

What is repaired, each measured on panoramisk 1.4: UTF-8 split across packets loses characters (we
split messages on bytes, then decode); list actions that fail hang; an unacknowledged action is
kept and sent again after a reconnect (we fail it); CR and LF in a value inject an action; a line
without an end grows for ever; each event costs 30 us (read_event a tenth).
This module and link.py are the only importers of panoramisk.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from psap.calls.parties import read_leg_id
from psap.platform.pbx_names import CALL_BACK, SPIED, SPY, TRAINING
from psap.platform.pbx_names import ORIGINATE as CONTEXTS

Headers = dict[str, str]

# what the bridge may ask: each with whether its answer is a list of events
ALLOWED: dict[str, bool] = {
    "Command": False,
    "CoreShowChannels": True,
    "CoreStatus": False,
    "DBDel": False,
    "DBGet": True,
    "DBGetTree": True,
    "DBPut": False,
    "DeviceStateList": True,
    "Getvar": False,
    "Hangup": False,
    "Login": False,
    "Originate": False,
    "Ping": False,
    "PlayDTMF": False,
    "QueueAdd": False,
    "QueuePause": False,
    "QueuePenalty": False,
    "QueueRemove": False,
    "QueueReset": False,
    "QueueStatus": True,
    "Redirect": False,
    "Reload": False,
    "Setvar": False,
    "StopMixMonitor": False,
}

# what an Originate may hold: no application, no data; where it leads is pbx_names.ORIGINATE
ORIGINATE = frozenset(
    ("Channel", "Context", "Exten", "Priority", "Timeout", "CallerID", "ChannelId", "Async")
)

# a telephone of ours, or a number outside through the trunk
RUNG = re.compile(r"PJSIP/(?:[A-Za-z0-9]{1,40}|psap-out/sip:\+?[0-9]{2,15}@[A-Za-z0-9.:\[\]-]{1,128})")

WHOM = re.compile(SPIED + r"=[A-Za-z0-9.~+_-]{1,150}")

NUDGE = "D"  # a key that leads nowhere: no menu of ours and no citizen's telephone has it

BULK_MARK = b"ActionID: bulk-"
BANNER = b"Asterisk Call Manager/"
END = b"\r\n\r\n"
LONGEST_BANNER = 128  # bytes
LONGEST_MESSAGE = 1024 * 1024  # bytes without an end; the longest true ones have some kilobytes
MOST_OPEN = 5_000  # actions without an answer; beyond, Asterisk takes nothing more
MOST_UNSENT = 8 * 1024 * 1024  # bytes that Asterisk does not fetch
MANY_FORGOTTEN = 1_000  # timed-out actions whose late answers are passed over
SINGLE = (
    "Event",
    "Response",
    "ActionID",
    "CommandID",
    "EventList",
)  # headers that panoramisk looks at itself


class LinkError(Exception):
    """An action could not be done; ``str()`` says why in words."""


class LinkAwayError(LinkError):
    """There is no working connection to Asterisk."""


class RefusedError(LinkError):
    """Asterisk, or our own allow-list, said no."""


def check(name: str, fields: Mapping[str, object]) -> None:
    """Refuse what is not allowed.

    Raises:
        RefusedError: an action outside the allow-list, or CR, LF or NUL in a name or a value.
    """
    if name not in ALLOWED:
        raise RefusedError(f"action {name} is not allowed")
    for key, value in fields.items():
        text = f"{key}{value}"
        if "\r" in text or "\n" in text or "\0" in text:
            raise RefusedError(f"a line break in {key} of {name}")
    if name == "Originate":
        _may_ring(fields)
    if name == "Redirect" and not str(fields.get("Context", "")).startswith("psap-"):
        raise RefusedError("Redirect may only lead into a context of ours")
    if name == "PlayDTMF" and (fields.get("Digit"), fields.get("Receive")) != (NUDGE, "true"):
        raise RefusedError("PlayDTMF may only give a waiting caller the key that leads nowhere")


def _may_ring(fields: Mapping[str, object]) -> None:
    """What an Originate rings and where it leads: nothing but what our own wishes need."""
    context, channel = fields.get("Context"), str(fields.get("Channel", ""))
    allowed = ORIGINATE | {"Variable"} if context == SPY else ORIGINATE
    if context not in CONTEXTS or not set(fields) <= allowed:
        raise RefusedError(f"Originate may only ring a telephone for {', '.join(CONTEXTS)}")
    if context in (CALL_BACK, TRAINING):  # what it dials stands in AstDB under the channel's id
        return
    if not RUNG.fullmatch(channel) or read_leg_id(str(fields.get("ChannelId"))) is None:
        raise RefusedError("Originate may only ring whom a channel id of ours names")
    if context == SPY and not WHOM.fullmatch(str(fields.get("Variable"))):
        raise RefusedError("Originate may set nothing but whom to listen to")


def plain(message: Message) -> Headers:
    """A message as a plain dictionary; of a header that came twice the first counts."""
    out: Headers = {}
    for key, value in message.items():
        out[key] = value[0] if isinstance(value, list) else str(value)
    return out


def read_event(raw: bytes) -> Headers:
    """An event's headers, quickly; of a header that came twice the first counts."""
    out: Headers = {}
    for line in reversed(raw.decode("utf-8", "replace").split("\r\n")):
        name, colon, value = line.partition(": ")
        if colon:
            out[name] = value
    return out


class SafeAction(Action):  # type: ignore[misc]
    """An action whose future always gets exactly one outcome: a list of messages."""

    def __init__(self, fields: dict[str, object], wants_list: bool) -> None:
        super().__init__(fields)
        self.wants_list = wants_list

    def add_message(self, message: Message) -> bool:
        self.responses.append(message)
        first = self.responses[0]
        failed = "event" not in first and not first.success
        listed = str(message.get("EventList", "")).lower() in ("complete", "cancelled")
        done = failed or not self.wants_list or listed
        if done and not self.future.done():
            self.future.set_result(self.responses)
        return done


class Wire(AMIProtocol):  # type: ignore[misc]
    """The protocol of one connection. It never reconnects; it tells its owner and is thrown away."""

    def __init__(
        self,
        on_event: Callable[[Headers], None],
        on_lost: Callable[[str], None],
        *,
        greeted: bool = True,
        wanted: Container[bytes] | None = None,
    ) -> None:
        """``greeted`` False: the first line must be Asterisk's banner. ``wanted``: names of the events that
        anybody hears; others are counted and not even read. None: all are wanted."""
        self.on_event = on_event
        self.on_lost = on_lost
        self.buffer = bytearray()
        self.searched = 0  # bytes of the buffer that hold no end
        self.greeted = greeted
        self.wanted = wanted
        self.passed = 0  # events that nobody wanted
        self.received = 0  # bytes, for the watchdog
        self.reading = True
        self.closed = False
        self.bulk: dict[bytes, asyncio.Future[int]] = {}
        self.bulk_left: dict[bytes, list[int]] = {}
        self.forgotten: OrderedDict[str, None] = OrderedDict()
        self.writable = asyncio.Event()
        self.writable.set()
        self.forgetable_actions: tuple[str, ...] = ()
        self.awaiting_actions: deque[Any] = deque()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.encoding = "utf-8"
        self.factory = self  # panoramisk's manager is left out: its reconnect re-sends actions

    # -- back-pressure, both ways

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def pause_reading(self) -> None:
        """Let Asterisk wait: our events are not handled yet."""
        if self.reading and not self.closed:
            self.reading = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.reading and not self.closed:
            self.reading = True
            self.transport.resume_reading()

    # -- what comes in

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        self.received += len(data)
        self.buffer += data
        if not self.greeted and not self._greet():
            return
        if self.buffer.find(END, max(0, self.searched - len(END) + 1)) < 0:
            self.searched = len(self.buffer)
            if self.searched > LONGEST_MESSAGE:
                self.fail(f"Asterisk sent more than {LONGEST_MESSAGE} bytes without an end")
            return
        *messages, rest = bytes(self.buffer).split(END)
        self.buffer = bytearray(rest)
        self.searched = len(rest)
        for raw in messages:
            if len(raw) > LONGEST_MESSAGE:
                self.fail(f"Asterisk sent a message of {len(raw)} bytes")
            if self.closed:
                return
            self._message(raw)

    def _greet(self) -> bool:
        """Look at the first line; what is not Asterisk's manager is left at once."""
        line, end, _ = bytes(self.buffer[:LONGEST_BANNER]).partition(b"\n")
        if not line.startswith(BANNER[: len(line)]) or (not end and len(line) >= LONGEST_BANNER):
            self.fail("what answers on the AMI port is not Asterisk's manager")
            return False
        if end:
            del self.buffer[: len(line) + 1]
            self.greeted = True
        return self.greeted

    def _message(self, raw: bytes) -> None:
        if raw.startswith(b"Event: ") and b"\r\nActionID: " not in raw:
            if self.wanted is None or raw.partition(b"\r\n")[0][7:] in self.wanted:
                self.on_event(read_event(raw))
            else:
                self.passed += 1
            return
        if BULK_MARK in raw and raw.startswith(b"Response: "):
            self._bulk_answer(raw)
            return
        message = Message.from_line(raw.decode("utf-8", "replace").strip())
        if message is None:
            return
        for key in SINGLE:
            if isinstance(message.get(key), list):  # panoramisk takes it for a text
                message[key] = message[key][0]
        if message.id not in self.forgotten:  # the rest of a list that nobody waits for is no news
            self.handle_message(message)

    def dispatch(self, message: Message) -> None:
        """An event that answers no action."""
        self.on_event(plain(message))

    # -- what goes out

    def submit(self, name: str, fields: Mapping[str, object]) -> SafeAction:
        """Send an action once; its ``future`` gives its answers.

        Raises:
            RefusedError: not allowed.
            LinkAwayError: Asterisk answers or fetches too little already.
        """
        check(name, fields)
        if len(self.responses) >= MOST_OPEN or self.transport.get_write_buffer_size() > MOST_UNSENT:
            raise LinkAwayError(f"{len(self.responses)} actions wait for Asterisk's answer already")
        action = SafeAction({"Action": name, **fields}, ALLOWED[name])
        self.responses[action.id] = action
        self.transport.write(str(action).encode("utf-8"))
        return action

    def forget(self, action: SafeAction) -> None:
        """Nobody waits for this action any more; its late answer means nothing."""
        if self.responses.pop(action.id, None) is not None:
            self.forgotten[action.id] = None
            while len(self.forgotten) > MANY_FORGOTTEN:
                self.forgotten.popitem(last=False)

    _bulk_ids = itertools.count(1)

    async def bulk_actions(self, actions: Iterable[tuple[str, Mapping[str, object]]]) -> tuple[int, int]:
        """Send many actions in a pipeline, (succeeded, refused) when all are answered.

        A dictionary and a future for each of 100,000 entries would take longer than Asterisk does.
        """
        mark = b"%d" % next(self._bulk_ids)
        left = [1, 0, 0]  # open (one held until everything is sent), succeeded, refused
        self.bulk_left[mark] = left
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.bulk[mark] = done
        try:
            block: list[bytes] = []
            for count, (name, fields) in enumerate(actions, 1):
                check(name, fields)
                lines = [f"Action: {name}", f"ActionID: bulk-{mark.decode()}-{count}"]
                lines += [f"{key}: {value}" for key, value in fields.items()]
                block.append(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8"))
                if len(block) == 200:
                    left[0] += len(block)
                    self.transport.write(b"".join(block))
                    block.clear()
                    await asyncio.sleep(0)  # events in between are not kept waiting
                    await self.writable.wait()
                    if self.closed:
                        raise LinkAwayError("the connection to Asterisk was lost")
            left[0] += len(block)
            self.transport.write(b"".join(block))
            left[0] -= 1
            if left[0] > 0:
                await done
            return left[1], left[2]
        finally:
            self.bulk.pop(mark, None)
            self.bulk_left.pop(mark, None)

    def _bulk_answer(self, raw: bytes) -> None:
        mark = raw.split(BULK_MARK, 1)[1].split(b"-", 1)[0]
        left = self.bulk_left.get(mark)
        if left is None:
            return
        left[0] -= 1
        left[1 if raw.startswith(b"Response: Success") else 2] += 1
        if left[0] == 0 and not self.bulk[mark].done():
            self.bulk[mark].set_result(0)

    # -- the end

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(f"the connection to Asterisk was lost{f': {exc}' if exc else ''}")

    def fail(self, why: str) -> None:
        """Close for good. Every open action fails; none is ever sent again."""
        if self.closed:
            return
        self.closed = True
        self.writable.set()
        self.buffer.clear()
        with contextlib.suppress(Exception):
            self.transport.abort()
        for action in list(self.responses.values()):
            if not action.future.done():
                action.future.set_exception(LinkAwayError(why))
                action.future.exception()  # looked at: a caller that timed out is gone
        self.responses.clear()
        for future in self.bulk.values():
            if not future.done():
                future.set_exception(LinkAwayError(why))
                future.exception()
        self.on_lost(why)
