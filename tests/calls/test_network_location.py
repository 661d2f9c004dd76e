"""A call that brings its location has it before it rings; what is no location, or wants to hurt, is none."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.calls.pidf import HOSTILE, circle, located_caller, spot
from tests.calls.test_hostile_sip import CARRIER, Before, all_recorded, hurt, unharmed, wire
from tests.calls.test_strangers import _assert_ledger_well_formed, wiretap
from tests.calls.torture import MARK
from tests.support.centre import Centre, fresh_number

pytestmark = [pytest.mark.calls, pytest.mark.timeout(240)]


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        (circle("-6.97180", "110.42460", "850.24"), (-6.9718, 110.4246, 850.2)),
        (spot("-6.9903", "110.4229"), (-6.9903, 110.4229, None)),
    ],
    ids=["circle", "point"],
)
async def test_the_network_s_location_is_there_before_the_ring(
    centre: Centre, shape: str, wanted: tuple[float, float, float | None]
) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat, located_caller(centre.target, number, shape) as sipp:
        call = await seat.phone.ringing(40)
        located = await centre.live.wait("call.located", number=number, timeout=30)
        pop = await centre.live.wait("call.ringing", number=number, timeout=30)
        assert centre.live.heard.index(located) < centre.live.heard.index(pop)
        await call.answer()
        await centre.live.wait("call.answered", number=number, timeout=30)
        call.hang_up()
        assert await asyncio.wait_for(sipp.wait(), 30) == 0
    for location in (located.data["location"], pop.data["location"]):
        assert (location["latitude"], location["longitude"], location["radius_m"]) == wanted
        assert location["source"] == "network"
    record = await centre.record(number)
    assert record["location"] == pop.data["location"]
    whole = await centre.supervisor.get(f"/calls/{record['id']}")
    told = [entry["what"] for entry in whole["timeline"]]
    assert told.index("located") < told.index("ringing")


async def test_hostile_locations_hurt_nobody(centre: Centre) -> None:
    before = Before(centre)
    async with wiretap(centre) as heard, wire(centre, CARRIER) as one:
        await hurt(one, HOSTILE)
        await all_recorded(before)
    started = before.started()
    assert len(started) > len(HOSTILE) - 3, "hardly anything came through to be tested"
    base = sqlite3.connect(f"file:{centre.home.settings.home / 'psap.db'}?mode=ro", uri=True)
    marks = ",".join("?" * len(started))
    rows = base.execute(f"select location from calls where uniqueid in ({marks})", list(started)).fetchall()
    base.close()
    # a caller who lies well is believed: figures are figures. But no other text than figures went on
    assert MARK not in str(rows)
    assert sum(row[0] is not None for row in rows) < len(rows) / 2
    assert not Path("/tmp", MARK).exists()
    _assert_ledger_well_formed(centre)
    await unharmed(centre, before, bytes(heard))
