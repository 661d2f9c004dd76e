"""One AMI connection's bytes: panoramisk's protocol and actions made safe.

What is repaired, each measured on panoramisk 1.4: UTF-8 split across packets loses characters (we
split messages on bytes, then decode); list actions that fail hang; an unacknowledged action is
kept and sent again after a reconnect (we fail it); CR and LF in a value inject an action.
This module and link.py are the only importers of panoramisk.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

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
    "Ping": False,
    "QueueAdd": False,
    "QueuePause": False,
    "QueueRemove": False,
    "QueueStatus": True,
    "Redirect": False,
    "Reload": False,
    "Setvar": False,
}

BULK_MARK = b"ActionID: bulk-"
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


def plain(message: Message) -> Headers:
    """A message as a plain dictionary; of a header that came twice the first counts."""
    out: Headers = {}
    for key, value in message.items():
        out[key] = value[0] if isinstance(value, list) else str(value)
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

    def __init__(self, on_event: Callable[[Headers], None], on_lost: Callable[[str], None]) -> None:
        self.on_event = on_event
        self.on_lost = on_lost
        self.buffer = b""
        self.closed = False
        self.bulk: dict[bytes, asyncio.Future[int]] = {}
        self.bulk_left: dict[bytes, list[int]] = {}
        self.writable = asyncio.Event()
        self.writable.set()
        self.forgetable_actions: tuple[str, ...] = ()
        self.awaiting_actions: deque[Any] = deque()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.encoding = "utf-8"
        self.factory = self  # panoramisk's manager is left out: its reconnect re-sends actions

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        *messages, self.buffer = (self.buffer + data).split(b"\r\n\r\n")
        for raw in messages:
            if BULK_MARK in raw and raw.startswith(b"Response: "):
                self._bulk_answer(raw)
                continue
            message = Message.from_line(raw.decode("utf-8", "replace").strip())
            if message is not None:
                for key in SINGLE:
                    if isinstance(message.get(key), list):  # panoramisk takes it for a text
                        message[key] = message[key][0]
                self.handle_message(message)

    def dispatch(self, message: Message) -> None:
        """An event that answers no action."""
        self.on_event(plain(message))

    def submit(self, name: str, fields: Mapping[str, object]) -> asyncio.Future[list[Message]]:
        """Send an action once; the future gives its answers."""
        check(name, fields)
        action = SafeAction({"Action": name, **fields}, ALLOWED[name])
        self.responses[action.id] = action
        self.transport.write(str(action).encode("utf-8"))
        future: asyncio.Future[list[Message]] = action.future
        return future

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

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(f"the connection to Asterisk was lost{f': {exc}' if exc else ''}")

    def fail(self, why: str) -> None:
        """Close for good. Every open action fails; none is ever sent again."""
        if self.closed:
            return
        self.closed = True
        self.writable.set()
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
