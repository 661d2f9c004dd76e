"""After every (re)connect: what is true in Asterisk now, and what happened meanwhile.

With translate.py the only place that knows AMI field names.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from ami_bridge import ledger
from ami_bridge.link import Link
from ami_bridge.translate import agent_fact
from psap.calls.model import Call, Classification, Source, call_id
from psap.calls.service import Following
from psap.calls.tracking import Tracker
from psap.queue.model import AgentState

CEL = Path("log/cel-custom/psap.csv")
QUEUE_LOG = Path("log/queue_log")


@dataclass(slots=True)
class Books:
    """Where the ledger is read from, and up to where every call has its record."""

    pbx: Path
    cel_offset: int = 0
    queue_offset: int = 0
    # (monotonic seconds, UTC microseconds, CEL size, queue_log size), oldest first
    sizes: list[tuple[float, int, int, int]] = field(default_factory=list)

    def look(self, now_us: int) -> None:
        """Remember how long the files are now."""
        self.sizes.append((time.monotonic(), now_us, _size(self.pbx / CEL), _size(self.pbx / QUEUE_LOG)))
        del self.sizes[:-200]

    def settle(self, oldest_open_us: int) -> bool:
        """Move the offsets to before the oldest call in progress; True where they moved."""
        safe = [s for s in self.sizes if s[1] < oldest_open_us - 5_000_000]
        if not safe:
            return False
        _, _, cel, queue = safe[-1]
        moved = (cel, queue) != (self.cel_offset, self.queue_offset)
        self.cel_offset, self.queue_offset = cel, queue
        return moved

    def read(self) -> dict[str, ledger.Story]:
        """Every call since the offsets."""
        cel, _ = ledger.whole_lines(self.pbx / CEL, self.cel_offset)
        queue, _ = ledger.whole_lines(self.pbx / QUEUE_LOG, self.queue_offset)
        return ledger.stories(cel, queue)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


async def agents(link: Link, following: Following) -> None:
    """Telephones and members as they are now."""
    desk = following.desk
    desk.forget_members()
    for agent in desk.by_phone.values():
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
    for agent in desk.by_phone.values():
        agent.settle(now)


async def channels(link: Link) -> set[str]:
    """Uniqueids of every channel that exists now."""
    rows = await link.do("CoreShowChannels", timeout=10.0)
    return {row["Uniqueid"] for row in rows if row.get("Event") == "CoreShowChannel" and "Uniqueid" in row}


async def whole_story(link: Link, books: Books) -> tuple[dict[str, ledger.Story], set[str]]:
    """(every call since the offsets, what is alive), told so that they fit together.

    A call that is neither over nor alive may have ended between the two looks: then look again.
    """
    told = await asyncio.to_thread(books.read)
    alive = await channels(link)
    if any(not story.over and key not in alive for key, story in told.items()):
        again = await asyncio.to_thread(books.read)
        told = {key: again.get(key, story) for key, story in told.items()}
    return told, alive


async def calls(
    following: Following,
    told: dict[str, ledger.Story],
    alive: set[str],
    known: dict[str, tuple[Call, str | None]],
) -> tuple[int, int]:
    """Adopt what goes on, finish what ended; (adopted, finished).

    ``known`` are rows that the database has of calls since the offsets, by call id.
    """
    adopted = finished = 0
    for count, (linkedid, story) in enumerate(told.items()):
        if count % 50 == 0:
            await asyncio.sleep(0)  # commands are answered meanwhile
        row = known.get(call_id(following.site, linkedid))
        if row is not None and row[0].ending is not None:
            following.drop(linkedid)
            continue
        goes_on = linkedid in alive and not story.over
        source = Source.LIVE if goes_on else Source.LEDGER
        tracker = ledger.replay(story, following.site, following.desk.owner, source)
        if tracker is None:
            continue
        tracker.partial = True
        _keep_words(tracker, following.calls.get(linkedid), row)
        if not goes_on and not tracker.ended:
            tracker.lost(ledger.last_moment(story))
        following.replace(tracker)
        adopted, finished = adopted + goes_on, finished + (not goes_on)
    for uniqueid, tracker in list(following.calls.items()):
        if uniqueid not in told and uniqueid not in alive:
            tracker.lost(following.clock.now_us())
            following.replace(tracker)
            finished += 1
    _mark_agents(following)
    return adopted, finished


def orphans(
    following: Following,
    known: dict[str, tuple[Call, str | None]],
    told: dict[str, ledger.Story],
    alive: set[str],
) -> list[tuple[Call, str | None]]:
    """Rows without an ending whose call neither goes on nor stands in the ledger."""
    return [
        (call, key)
        for call, key in known.values()
        if call.ending is None
        and call.uniqueid not in alive
        and call.uniqueid not in told
        and call.uniqueid not in following.calls
    ]


def _keep_words(new: Tracker, old: Tracker | None, row: tuple[Call, str | None] | None) -> None:
    """What people said, and what only live events tell, survives the replay."""
    said = old.call if old is not None else row[0] if row is not None else None
    if said is None:
        return
    if said.classification is not Classification.UNCLASSIFIED or said.classified_by:
        new.call.classification, new.call.classified_by = said.classification, said.classified_by
    new.call.note, new.call.incident_id = said.note, said.incident_id
    new.call.evidence = list(said.evidence)
    if old is not None:
        new.listener, new.packets = old.listener, old.packets


def _mark_agents(following: Following) -> None:
    for tracker in following.calls.values():
        for leg in tracker.legs.values():
            if leg.talking or leg.leg.end is None:
                state = AgentState.TALKING if leg.talking else AgentState.RINGING
                following.desk.call_moved(leg.phone, tracker.call.started_at, tracker.call.id, state)
