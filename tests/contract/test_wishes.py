"""A person's word about a call, through the bridge's own commands, against a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
import structlog

from ami_bridge.actions import Actions
from ami_bridge.data import Data
from ami_bridge.link import Link
from ami_bridge.wire import LinkAwayError
from ami_bridge.wishes import Wishes
from psap.callers.numbers import normalise
from psap.calls import facts as f
from psap.calls.model import (
    Call,
    Caller,
    Classification,
    EndedBy,
    Ending,
    Location,
    LocationSource,
    Source,
)
from psap.calls.recorder import Mark, Recorder
from psap.calls.service import Following, Ports
from psap.calls.store import load, row_of, upsert
from psap.platform.clock import FixedClock
from psap.platform.control import ControlError
from psap.platform.database import Database
from psap.platform.settings import Settings
from tests.contract.conftest import SITE, START_US

KEY = "+6281234567890"
S = 1_000_000


class Bridge:
    """The bridge's commands over its recorder and a database; Asterisk is away."""

    def __init__(self, database: Database, folder: Path, clock: FixedClock) -> None:
        self.marks: list[Mark] = []
        self.database, self.clock = database, clock
        log = structlog.get_logger()

        async def on_mark(_connection: Any, mark: Mark) -> None:
            self.marks.append(mark)

        async def on_marked(_marks: list[Mark]) -> None:
            return None

        self.recorder = Recorder(database, folder / "spool", clock, log, on_mark=on_mark, on_marked=on_marked)
        self.following = Following(
            SITE,
            clock,
            Ports(
                publish=lambda event: None,
                record=self.recorder.put,
                spoke=lambda channel, word: None,
                look_up=lambda call_id, key: None,
                no_response=lambda tracker: None,
                later=lambda seconds, work: None,
                describe=lambda number, key, presentation: normalise(number, presentation, "024"),
            ),
        )
        link = Link(
            *("127.0.0.1", 1, "bridge", "secret"),
            on_event=lambda event: None,
            on_up=lambda: asyncio.sleep(0),
            on_down=lambda why: None,
            log=log,
        )
        self.data = Data(database, SITE)
        self.wishes = Wishes(
            Settings(home=folder),
            self.following,
            Actions(link),
            cast(Any, None),
            self.recorder,
            self.data,
            dict,
            cast(Any, None),
        )

    async def say(self, **words: Any) -> dict[str, Any]:
        return await self.wishes.classify({"call_id": "c1", "by": "agent2", **words})

    async def written(self) -> Call:
        await self.recorder.flush(20)
        async with self.database.read() as connection:
            return (await load(connection, ["c1"]))["c1"][0]


@pytest.fixture
async def bridge(database: Database, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Bridge]:
    made = Bridge(database, tmp_path, clock)
    task = asyncio.create_task(made.recorder.run())
    yield made
    await made.recorder.stop(task, 5)
    await made.data.close()


async def had(bridge: Bridge, **fields: Any) -> None:
    """A call that ended long ago: only the database knows it."""
    values = {"ending": Ending.ANSWERED, "ended_at": START_US + S, "caller": Caller(number="081234567890")}
    call = Call(id="c1", site=SITE, uniqueid="u1", started_at=START_US, **{**values, **fields})
    async with bridge.database.write() as connection:
        await upsert(connection, [row_of(call, KEY, START_US)])


async def test_a_note_leaves_what_was_said_and_who_said_it(bridge: Bridge) -> None:
    await had(bridge, classification=Classification.EMERGENCY, classified_by="agent1")
    await bridge.say(note="anak-anak")
    call = await bridge.written()
    assert (call.classification, call.classified_by) == (Classification.EMERGENCY, "agent1")
    assert call.note == "anak-anak"


@pytest.mark.parametrize("words", [{"note": "diam saja"}, {"end": True}, {"classification": None}, {}])
async def test_who_classifies_nothing_moves_no_mark(bridge: Bridge, words: dict[str, Any]) -> None:
    await had(bridge, ending=Ending.NO_RESPONSE)
    await bridge.say(**words)
    call = await bridge.written()
    assert (call.classification, call.classified_by) == (Classification.UNCLASSIFIED, None)
    assert bridge.marks == []
    await bridge.say(classification="ghost")
    assert (await bridge.written()).classified_by == "agent2"
    assert [(mark["kind"], mark["author"]) for mark in bridge.marks] == [("ghost", "agent2")]


async def test_of_two_words_at_once_on_an_old_call_none_is_lost(bridge: Bridge) -> None:
    await had(bridge)
    await asyncio.gather(
        bridge.say(classification="prank"),
        bridge.say(note="tertawa"),
        bridge.wishes.link_incident({"call_id": "c1", "incident_id": "i1"}),
    )
    call = await bridge.written()
    assert (call.classification, call.note, call.incident_id) == (Classification.PRANK, "tertawa", "i1")


async def test_what_others_still_write_is_not_kept(bridge: Bridge) -> None:
    await had(bridge, direction="outbound", ending=None, ended_at=None)
    await bridge.say(note="menelepon balik")
    assert "c1" not in bridge.following.recent


async def test_an_end_that_asterisk_never_heard_of_is_nobodys_wish(bridge: Bridge) -> None:
    following, at = bridge.following, START_US
    following.take(f.Started(at, "u1", "PJSIP/trunk-00000001", "112"))
    following.take(f.QueueEntered(at + S, "u1"))
    following.take(f.Ringing(at + 2 * S, "u1", "u2", "agent1", "phone1", queued=True))
    following.take(f.Answered(at + 3 * S, "u1", "u2", "agent1"))
    (tracker,) = following.calls.values()
    with pytest.raises(LinkAwayError):
        await bridge.wishes.classify({"call_id": tracker.call.id, "by": "agent1", "end": True})
    assert not tracker.ended
    following.take(f.TalkEnded(at + 9 * S, "u1", "u2", "caller"))
    following.take(f.HangupSeen(at + 9 * S, "u1", by_far_end=True))
    following.take(f.Ended(at + 9 * S, "u1", 16))
    assert tracker.call.ended_by is EndedBy.CALLER


async def test_a_word_that_is_none_is_refused(bridge: Bridge) -> None:
    await had(bridge)
    with pytest.raises(ControlError, match="no such classification"):
        await bridge.say(classification="lucu")


async def test_a_word_on_a_call_that_the_ledger_told(bridge: Bridge) -> None:
    await had(bridge, source=Source.LEDGER)
    await bridge.say(classification="prank", note="iseng")
    call = await bridge.written()
    assert (call.classification, call.classified_by, call.note) == (Classification.PRANK, "agent2", "iseng")
    assert call.source is Source.LEDGER
    tracker, _ = await bridge.wishes.find("c1")
    here = Location(latitude=-6.97, longitude=110.42, source=LocationSource.SHARED, at=START_US + 9 * S)
    bridge.following.locate(tracker, here)
    call = await bridge.written()
    assert (call.location, call.classification) == (here, Classification.PRANK)
