"""After every (re)connect: what is true in Asterisk now.

With translate.py the only place that knows AMI field names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ami_bridge import ledger
from ami_bridge.link import Link
from ami_bridge.translate import TRUNK, agent_fact, phone_of, whole
from psap.calls import facts as f
from psap.calls.model import Call, Classification, Source
from psap.calls.service import Following
from psap.calls.tracking import Tracker
from psap.queue.model import AgentState

Row = tuple[Call, str | None]  # a call as the database has it, and its number key


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that exists now. ``seconds`` since it came up."""

    uniqueid: str
    linkedid: str
    name: str
    application: str
    bridge: str
    seconds: int

    @property
    def caller(self) -> bool:
        """Whether it is a caller's own."""
        return self.uniqueid == self.linkedid and self.name.startswith(TRUNK)


async def agents(link: Link, following: Following) -> None:
    """Telephones and members as they are now."""
    desk = following.desk
    desk.forget_members()
    for agent in desk.agents():
        agent.ringing = agent.talking = False
        agent.call_id = None
    for row in await link.do("DeviceStateList", timeout=10.0):
        fact = agent_fact(row)
        if fact is not None:
            desk.apply(fact)
    for row in await link.do("QueueStatus", Queue="psap112", timeout=10.0):
        fact = agent_fact(row)
        if fact is not None:
            desk.apply(fact)
    now = following.clock.now_us()
    for agent in desk.agents():
        agent.settle(now)


async def channels(link: Link) -> dict[str, Channel]:
    """Every channel that exists now, by Uniqueid."""
    rows = await link.do("CoreShowChannels", timeout=10.0)
    return {
        row["Uniqueid"]: channel_of(row)
        for row in rows
        if row.get("Event") == "CoreShowChannel" and "Uniqueid" in row
    }


def channel_of(row: Mapping[str, str]) -> Channel:
    """One row of CoreShowChannels."""
    seconds = 0
    for part in row.get("Duration", "").split(":"):
        seconds = seconds * 60 + (whole(part) or 0)
    return Channel(
        row["Uniqueid"],
        row.get("Linkedid", ""),
        row.get("Channel", ""),
        row.get("Application", ""),
        row.get("BridgeId", ""),
        seconds,
    )


def adopted(
    following: Following, story: ledger.Story | None, channel: Channel, alive: Mapping[str, Channel]
) -> Tracker:
    """A call that goes on, as the ledger tells it; as its channels show it where the ledger is silent."""
    tracker = None
    if story is not None and not story.over:
        tracker = ledger.replay(story, following.site, following.desk.owner, Source.LIVE)
    if tracker is None:
        return _seen(following, channel, alive)
    tracker.told_until = ledger.last_moment(story) if story is not None else 0
    return tracker


def retold(following: Following, story: ledger.Story) -> Tracker | None:
    """A call that is over, as the ledger tells it; without an end of its own it failed with its last line."""
    tracker = ledger.replay(story, following.site, following.desk.owner, Source.LEDGER)
    if tracker is not None and not tracker.ended:
        tracker.lost(ledger.last_moment(story))
    return tracker


# what the ledger knows of a call that is over
_TOLD = (
    *("caller", "dialled", "answered_at", "ending", "ended_by", "gate", "policy", "priority"),
    *("queue", "legs", "agent", "ring_seconds", "talk_seconds", "timeline"),
)


def amended(heard: Tracker, told: Tracker) -> bool:
    """Take over from the ledger what an adopted call missed just when it was adopted; True: it changed."""
    mine, other = heard.call, told.call
    if _words(mine) == _words(other):
        return False
    for name in _TOLD:
        setattr(mine, name, getattr(other, name))
    for flag in other.flags:
        heard.flag(flag)
    heard.number_key = told.number_key
    return True


def _words(call: Call) -> list[object]:
    return [
        *(call.ending, call.ended_by, call.gate.result),
        *(leg.end for leg in call.legs),
        *(entry.what for entry in call.timeline),
    ]


def _seen(following: Following, channel: Channel, alive: Mapping[str, Channel]) -> Tracker:
    """A disk may be full, a file deleted: what a channel shows is enough for a record."""
    now, call = following.clock.now_us(), channel.uniqueid
    tracker = Tracker.begin(following.site, f.Started(now - channel.seconds * 1_000_000, call, channel.name))
    legs = [each for each in alive.values() if each.linkedid == call and each.uniqueid != call]
    if channel.application == "Queue":
        tracker.apply(f.QueueEntered(now, call))
    for leg in legs:
        phone = phone_of(leg.name)
        agent = following.desk.owner(phone)
        tracker.apply(f.Ringing(now, call, leg.uniqueid, agent, phone, queued=channel.application == "Queue"))
        if leg.bridge and leg.bridge == channel.bridge:
            tracker.apply(f.Answered(now, call, leg.uniqueid, agent))
    return tracker


def keep_words(new: Tracker, old: Tracker | None, row: Row | None) -> None:
    """What people said, and what only live events tell, survives the replay."""
    new.partial = True
    said = old.call if old is not None else row[0] if row is not None else None
    if said is None:
        return
    if said.classification is not Classification.UNCLASSIFIED or said.classified_by:
        new.call.classification, new.call.classified_by = said.classification, said.classified_by
    new.call.note, new.call.incident_id = said.note, said.incident_id
    new.call.evidence = list(said.evidence)
    new.call.location = said.location or new.call.location  # the caller's own telephone knows better
    if old is not None:
        new.listener, new.packets = old.listener, old.packets


def mark_agents(following: Following) -> None:
    """Who rings or talks in the calls that go on."""
    for tracker in following.calls.values():
        for leg in tracker.legs.values():
            if leg.talking or leg.leg.end is None:
                state = AgentState.TALKING if leg.talking else AgentState.RINGING
                following.desk.call_moved(leg.phone, tracker.call.started_at, tracker.call.id, state)
