"""Who has hung up is gone within seconds, or is helped out."""

from __future__ import annotations

from typing import Any

from ami_bridge.stuck import AFTER, AGAIN, FORGET, Alone, Stuck
from ami_bridge.wire import RefusedError

CALLER = {"Channel": "PJSIP/trunk-00000001", "Uniqueid": "s-1", "Linkedid": "s-1"}
AGENT = {"Channel": "PJSIP/phone-00000002", "Uniqueid": "s-2", "Linkedid": "s-1"}


class Quiet:
    def warning(self, *_words: object, **_fields: object) -> None:
        pass


def stuck(asked: list[str], clock: list[float], refuse: bool = False) -> Stuck:
    async def hang_up(channel: str) -> None:
        asked.append(channel)
        if refuse:
            raise RefusedError("No such channel")

    log: Any = Quiet()
    return Stuck(hang_up, log, lambda: clock[0])


async def test_a_caller_who_stays_is_ended_and_once_more() -> None:
    asked: list[str] = []
    clock = [0.0]
    one = stuck(asked, clock)
    one.listen({"Event": "HangupRequest", **CALLER})
    clock[0] = AFTER - 0.1
    await one.wake()
    assert asked == []
    clock[0] = AFTER
    await one.wake()
    await one.wake()
    assert asked == [CALLER["Uniqueid"]]
    clock[0] += AGAIN
    await one.wake()
    assert len(asked) == 2
    clock[0] = FORGET + 1
    await one.wake()
    await one.wake()
    assert len(asked) == 2


async def test_who_went_and_who_never_wanted_to_are_left_alone() -> None:
    asked: list[str] = []
    clock = [0.0]
    one = stuck(asked, clock)
    one.listen({"Event": "HangupRequest", **CALLER})
    one.listen({"Event": "Hangup", **CALLER})
    one.listen({"Event": "HangupRequest", **AGENT})
    one.listen({"Event": "Newchannel", **CALLER})
    clock[0] = FORGET / 2
    await one.wake()
    assert asked == []


async def test_gone_already_is_no_fault() -> None:
    asked: list[str] = []
    clock = [0.0]
    one = stuck(asked, clock, refuse=True)
    one.listen({"Event": "HangupRequest", **CALLER})
    clock[0] = AFTER
    await one.wake()
    clock[0] += AGAIN
    await one.wake()
    assert len(asked) == 1


async def test_the_next_caller_of_the_same_name_is_left_alone() -> None:
    """Asterisk died between a hang-up and its end; started again, it gives out the same names."""
    asked: list[str] = []
    clock = [0.0]
    one = stuck(asked, clock)
    one.listen({"Event": "HangupRequest", **CALLER})
    one.listen({"Event": "Newchannel", **CALLER, "Uniqueid": "s-9", "Linkedid": "s-9"})
    clock[0] = AFTER
    await one.wake()
    assert asked == ["s-1"]


async def test_a_caller_left_alone_in_a_conversation_is_sent_on_at_the_second_look() -> None:
    bridge = {"BridgeId": "b-1"}
    waiting = {**CALLER, "Uniqueid": "s-9", "Linkedid": "s-9", "BridgeId": ""}
    rows = [{**CALLER, **bridge}, {**AGENT, **bridge}, waiting]
    sent: list[str] = []

    async def look() -> list[dict[str, str]]:
        return rows

    async def send(channel: str) -> None:
        sent.append(channel)

    async def end(channel: str) -> None:
        sent.append(f"end {channel}")

    log: Any = Quiet()
    one = Alone(look, send, end, log)
    await one.look()
    await one.look()
    assert sent == []  # two in a conversation, and one who waits
    del rows[1]
    await one.look()
    rows.insert(0, {**AGENT, **bridge})  # only a moment between two steps
    await one.look()
    del rows[0]
    await one.look()
    assert sent == []
    await one.look()
    assert sent == [CALLER["Uniqueid"]]


async def test_whom_asterisk_sends_nowhere_has_hung_up_and_is_ended() -> None:
    ended: list[str] = []

    async def look() -> list[dict[str, str]]:
        return [{**CALLER, "BridgeId": "b-1"}]

    async def refuse(_channel: str) -> None:
        raise RefusedError("Redirect failed, channel not up.")

    async def end(channel: str) -> None:
        ended.append(channel)

    log: Any = Quiet()
    one = Alone(look, refuse, end, log)
    await one.look()
    assert ended == []
    await one.look()
    assert ended == [CALLER["Uniqueid"]]
