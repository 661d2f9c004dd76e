"""Real calls' AMI events, over and over: each lap has calls, channels and callers of its own.

The recordings are those of ``tests/replay``: a real Asterisk's stream of 20 calls of every kind
(invented numbers), filtered as ``asterisk-config/manager.conf`` filters the bridge's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from psap.platform.settings import ROOT

RECORDINGS = (ROOT / "tests/replay/calls.ami", ROOT / "tests/replay/second/calls.ami")
END = b"\r\n\r\n"
_UNIQUEID = re.compile(rb"(semarang-[0-9]+)\.")
_MOBILE = re.compile(rb"(\b0|\b62)812([0-9]{8})")
_CALL = re.compile(rb"\r\nLinkedid: (\S+)")


@cache
def recorded() -> tuple[bytes, ...]:
    """The recorded events, each without its end, in the order in which they came."""
    blocks = [block for path in RECORDINGS for block in path.read_bytes().partition(b"\r\n")[2].split(END)]
    return tuple(
        block
        for block in blocks
        if block.startswith(b"Event: ") and not block.startswith(b"Event: FullyBooted")
    )


def lap(number: int, blocks: tuple[bytes, ...] | None = None) -> bytes:
    """All recorded events (or some) as calls that no other lap has, by callers of their own."""
    text = END.join(recorded() if blocks is None else blocks) + END
    text = _UNIQUEID.sub(rb"\g<1>%d." % number, text)
    return _MOBILE.sub(
        lambda found: b"%b812%08d" % (found[1], (int(found[2]) + number * 1_000) % 10**8), text
    )


@dataclass(slots=True)
class Step:
    """Events of one call that are sent together; the last of them makes a message for browsers."""

    message: str  # its type, as psap.platform.events.EventType
    blocks: tuple[bytes, ...]


@dataclass(slots=True)
class Story:
    """One recorded call, step by step. ``rest``: what comes after its last step."""

    steps: list[Step] = field(default_factory=list)
    rest: tuple[bytes, ...] = ()


def message_of(block: bytes) -> str | None:
    """The message that an event of a simple call makes; None: none of its own."""
    name = block[7 : block.index(b"\r\n")]
    trunk = b"\r\nChannel: PJSIP/trunk-" in block
    if name == b"UserEvent":
        return {b"PsapCall": "call.updated", b"PsapGate": "call.gate", b"PsapQueue": "call.queued"}.get(
            block.partition(b"\r\nUserEvent: ")[2].partition(b"\r\n")[0]
        )
    if name == b"Newchannel" and trunk:
        return "call.started"
    return {b"AgentCalled": "call.ringing", b"AgentConnect": "call.answered"}.get(name)


@cache
def stories() -> tuple[Story, ...]:
    """The recorded calls in which each message comes once and in the usual order: talks and those left.

    A call that rings twice, or goes back to the queue, tells the same kind of message twice: which of
    them arrived could not be told from outside.
    """
    order = ["call.started", "call.updated", "call.gate", "call.queued", "call.ringing", "call.answered"]
    found: dict[bytes, list[bytes]] = {}
    for block in recorded():
        call = _CALL.search(block)
        if call is not None:
            found.setdefault(call[1], []).append(block)
    made = []
    for blocks in found.values():
        story, open_blocks, seen = Story(), [], set()
        for block in blocks:
            open_blocks.append(block)
            message = message_of(block)
            if message is not None and message not in seen:
                seen.add(message)
                story.steps.append(Step(message, tuple(open_blocks)))
                open_blocks = []
            elif message is not None:
                break
        else:
            story.rest = tuple(open_blocks)
            if [step.message for step in story.steps] == order:
                made.append(story)
    return tuple(made)
