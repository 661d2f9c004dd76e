"""What the live channel writes: text messages, framed and joined once for all who see the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from console.visibility import Sight, masked, owners, rule
from psap.accounts.model import Role, User
from psap.platform.events import Event


class Message:
    """Text messages that go out together, mostly one.

    ``frame``: as they go over any WebSocket without compression (RFC 6455, 5.2), each a message of its own.
    """

    __slots__ = ("frame", "texts")

    def __init__(self, text: str) -> None:
        self.texts: tuple[str, ...] = (text,)
        payload = text.encode("utf-8")
        length = len(payload)
        if length < 126:
            head = bytes((0x81, length))
        elif length < 65_536:
            head = b"\x81\x7e" + length.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + length.to_bytes(8, "big")
        self.frame = head + payload

    @classmethod
    def joined(cls, messages: Sequence[Self]) -> Self:
        """All of them as one, in their order; at least one."""
        if len(messages) == 1:
            return messages[0]
        made = cls.__new__(cls)
        made.texts = tuple(text for message in messages for text in message.texts)
        made.frame = b"".join(message.frame for message in messages)
        return made


class Wire:
    """One event's messages, each made when first needed."""

    __slots__ = ("_event", "_made", "_owners", "_seq")

    def __init__(self, seq: str, event: Event) -> None:
        self._seq = seq
        self._event = event
        self._owners: set[str] | None = None
        self._made: dict[Sight, Message] = {}

    @property
    def owners(self) -> set[str]:
        """Whose event it is."""
        if self._owners is None:
            self._owners = owners(self._event)
        return self._owners

    def message_for(self, user: User) -> Message | None:
        """What this person receives; None: nothing."""
        own, others = rule(self._event.type, user.role)
        if own is not others:
            own = own if user.username in self.owners else others
        if own is Sight.NONE:
            return None
        return self._made.get(own) or self._make(own)

    def for_user(self, user: User) -> str | None:
        """The same as text."""
        message = self.message_for(user)
        return None if message is None else message.texts[0]

    def _make(self, seen: Sight) -> Message:
        event = self._event
        if seen is Sight.MASKED:
            event = Event(event.type, event.at, masked(event.data))
        message = self._made[seen] = Message(event.wire(self._seq))
        return message


class Batch:
    """Events that came together. Made once for each role, and once more for each whose call is among them."""

    __slots__ = ("_events", "_made", "_owners", "_wires")

    def __init__(self, events: Sequence[tuple[str, Event]]) -> None:
        self._events = events
        self._wires = [Wire(seq, event) for seq, event in events]
        self._owners: set[str] = set().union(*(wire.owners for wire in self._wires))
        self._made: dict[tuple[Role, str | None], Message | None] = {}

    def message_for(self, user: User) -> Message | None:
        """What this person receives of them all; None: nothing."""
        # nobody else's name decides what is seen of any of these events (console/visibility.py: rule)
        sees = user.role, user.username if user.username in self._owners else None
        try:
            return self._made[sees]
        except KeyError:
            pass
        messages = [told for wire in self._wires if (told := wire.message_for(user)) is not None]
        message = self._made[sees] = Message.joined(messages) if messages else None
        return message

    def after(self, seen: str) -> Batch:
        """Those of them that come after a place in the stream."""
        return Batch([told for told in self._events if later(told[0], seen)])


def later(seq: str, than: str) -> bool:
    """Whether ``seq`` comes after ``than``; both are places in the stream."""
    return _place(seq) > _place(than)


def _place(seq: str) -> tuple[int, int]:
    milliseconds, _, count = seq.partition("-")
    return int(milliseconds), int(count or 0)
