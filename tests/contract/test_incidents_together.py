"""Incidents on a real database: places, closing by the SOP, what belongs together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from psap.agencies.profile import Profile, find_profile, load_profile
from psap.calls.model import Call, Caller, CallerKind, Ending, Location, LocationSource, Source
from psap.calls.store import load, row_of, upsert
from psap.incidents import belonging
from psap.incidents.model import (
    Closing,
    Deed,
    Disposition,
    Incident,
    IncidentCreate,
    IncidentError,
    IncidentFilter,
    IncidentPatch,
    LocatedBy,
    Status,
)
from psap.incidents.service import create_incident, find_incidents, get_incident, patch_incident
from psap.places.model import Point
from psap.platform.clock import FixedClock
from psap.platform.database import Database

SITE = "semarang"


class Desk:
    """What a call taker does, in one transaction each."""

    def __init__(self, database: Database, profile: Profile, clock: FixedClock) -> None:
        self.database, self.profile, self.clock = database, profile, clock

    async def make(self, **fields: Any) -> Incident:
        async with self.database.write() as connection:
            made, _ = await create_incident(
                connection, SITE, self.profile, self.clock, IncidentCreate(**fields), by="agent1"
            )
        return made

    async def change(self, incident: Incident, **fields: Any) -> Incident:
        async with self.database.write() as connection:
            return await patch_incident(
                connection, SITE, self.profile, self.clock, incident.id, IncidentPatch(**fields),
                version=None, by="agent2",
            )  # fmt: skip

    async def link(self, one: Incident, to: Incident) -> list[Incident]:
        async with self.database.write() as connection:
            return await belonging.link(
                connection, SITE, self.clock, one.id, to.id, version=None, by="agent1"
            )

    async def unlink(self, one: Incident) -> Incident:
        async with self.database.write() as connection:
            return await belonging.unlink(connection, SITE, self.clock, one.id, version=None, by="agent1")

    async def now(self, one: Incident) -> Incident:
        async with self.database.read() as connection:
            return await get_incident(connection, SITE, one.id)

    async def similar(self, one: Incident) -> list[str]:
        async with self.database.read() as connection:
            found = await belonging.similar(connection, SITE, self.clock, incident_id=one.id, fields=None)
        return [each.incident.id for each in found]


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile(find_profile("semarang"))


@pytest.fixture
def desk(database: Database, profile: Profile, clock: FixedClock) -> Desk:
    return Desk(database, profile, clock)


async def test_a_place_people_and_answers_survive_the_database(desk: Desk) -> None:
    made = await desk.make(
        latitude=-6.9718, longitude=110.4246, radius_m=25, located_by="pin", people=3,
        answers={"Apa yang terbakar?": "kios kain"},
    )  # fmt: skip
    known = await desk.now(made)
    assert known == made
    assert (known.people, known.located_by) == ("3", LocatedBy.PIN)
    changed = await desk.change(made, latitude=None, longitude=None, answers=None)
    assert (changed.latitude, changed.longitude, changed.answers) == (None, None, {})


@pytest.mark.parametrize(
    "fields",
    [
        {"latitude": 1.0},
        {"latitude": None, "longitude": 110.0},
        {"latitude": 91.0, "longitude": 0.0},
        {"latitude": float("nan"), "longitude": 0.0},
        {"latitude": 0.0, "longitude": 0.0, "radius_m": -1},
        {"located_by": "guess"},
        {"answers": {"": "x"}},
        {"linked_to": "x"},
        {"timeline": []},
    ],
)
def test_what_is_no_place_or_not_ours_to_write_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        IncidentPatch(**fields)


async def test_a_dispatched_incident_closes_when_the_caller_was_told(desk: Desk) -> None:
    made = await desk.make(callback_number="0812", dispositions=[Disposition(agency="damkar")])
    for closing in (None, Closing(told=False), Closing(told=False, what="  ")):
        with pytest.raises(IncidentError) as refused:
            await desk.change(made, status=Status.CLOSED, closing=closing)
        assert refused.value.key == "closing_needed"
    assert (await desk.now(made)).status is Status.DRAFT
    desk.clock.advance(60)
    told = Closing(told=True, what="damkar menuju lokasi")
    closed = await desk.change(made, status=Status.CLOSED, closing=told)
    assert closed.closing == Closing(told=True, what=told.what, at=desk.clock.now_us(), by="agent2")
    assert [(each.what, each.data) for each in closed.timeline] == [(Deed.CLOSED, {"told": True})]
    assert (await desk.now(closed)) == closed
    # a later change of a closed one needs nothing again; reopened, the next closing is a new one
    assert (await desk.change(closed, landmark="pasar")).closing == closed.closing
    opened = await desk.change(closed, status=Status.OPEN)
    assert (opened.closing, opened.timeline[-1].what) == (None, Deed.REOPENED)
    with pytest.raises(IncidentError):
        await desk.change(opened, status=Status.CLOSED)
    why = Closing(told=False, what="telepon balik tiga kali, tidak diangkat")
    assert (await desk.change(opened, status=Status.CLOSED, closing=why)).status is Status.CLOSED


async def test_who_needs_no_closing_closes_as_ever(desk: Desk) -> None:
    never_sent = await desk.make(callback_number="0812", category="fire")
    nobody = await desk.make(
        dispositions=[Disposition(agency="damkar")]
    )  # no call, no number: nobody to tell
    told = await desk.make(callback_number="0812", dispositions=[Disposition(agency="damkar")])
    told = await desk.change(told, caller_told_at=desk.clock.now_us())
    for each in (never_sent, nobody, told):
        closed = await desk.change(each, status=Status.CLOSED)
        assert closed.status is Status.CLOSED
    assert (await desk.now(told)).closing == Closing(told=True, at=told.caller_told_at, by="agent2")
    assert (await desk.now(nobody)).closing is None


async def test_a_link_names_the_first_and_makes_no_chain(desk: Desk) -> None:
    first, second, third, fourth = [await desk.make(place=f"Pasar {each}") for each in "ABCD"]
    await desk.link(third, second)
    await desk.link(second, first)  # whoever belonged to it comes along
    await desk.link(fourth, third)  # not to the third: to the first
    for each in (second, third, fourth):
        assert (await desk.now(each)).linked_to == first.id
    known = await desk.now(third)
    assert [(e.what, e.data["incident"]) for e in known.timeline] == [
        (Deed.LINKED, second.id),
        (Deed.LINKED, first.id),
    ]
    assert (await desk.now(first)).version == 1  # nobody who writes in it is disturbed
    for one, to in ((first, first), (first, third), (first, second)):
        with pytest.raises(IncidentError) as refused:
            await desk.link(one, to)
        assert refused.value.key == "would_loop"
    alone = await desk.unlink(third)
    assert (alone.linked_to, alone.timeline[-1].what) == (None, Deed.UNLINKED)
    assert (await desk.unlink(third)).version == alone.version  # a second time changes nothing
    async with desk.database.read() as connection:
        page = await find_incidents(connection, SITE, IncidentFilter(linked_to=first.id))
    assert {each.id for each in page.items} == {second.id, fourth.id}


async def test_three_callers_about_one_fire_are_offered_another_fire_is_not(desk: Desk) -> None:
    one = await desk.make(category="fire", place="Jl. Gajah Mada depan Pasar Johar", call_id="a")
    desk.clock.advance(120)
    two = await desk.make(category="fire", place="pasar johar kebakaran", call_id="b")
    desk.clock.advance(120)
    far = await desk.make(
        category="fire", place="Jl. Gajah Mada ujung utara", latitude=-6.9905, longitude=110.4217
    )
    three = await desk.make(category="fire", place="jln gajahmada", landmark="psr. Johar", call_id="c")
    assert set(await desk.similar(three)) == {one.id, two.id}
    assert await desk.similar(far) == []
    await desk.link(two, one)
    # who belongs to the first is not offered beside it, and the first not to who belongs to it
    assert await desk.similar(three) == [one.id]
    assert await desk.similar(two) == [three.id]
    desk.clock.advance(2 * 86_400)
    late = await desk.make(category="fire", place="Pasar Johar")
    assert await desk.similar(late) == []


async def test_open_nearby_and_of_the_same_number(desk: Desk) -> None:
    calls = [
        Call(
            id=f"call-{n}", site=SITE, uniqueid=f"u{n}", started_at=desk.clock.now_us(),
            caller=Caller(number=number, kind=CallerKind.MOBILE),
        )
        for n, number in enumerate(("0811", "0811", "0822"))
    ]  # fmt: skip
    async with desk.database.write() as connection:
        await upsert(connection, [row_of(each, each.caller.number, 1) for each in calls])
    same = await desk.make(call_id="call-0", place="Jl. Jauh")
    near = await desk.make(latitude=-6.9720, longitude=110.4246, call_id="call-2")
    far = await desk.make(latitude=-7.05, longitude=110.42)
    own = await desk.make(latitude=-6.9718, longitude=110.4246, call_id="call-1")
    over = await desk.make(latitude=-6.9718, longitude=110.4246)
    await desk.change(over, status=Status.CLOSED)
    async with desk.database.read() as connection:
        found = await belonging.nearby(
            connection, SITE, desk.clock, at=Point(-6.9718, 110.4246), within=1000, call_id="call-1"
        )
    assert [(each.incident.id, each.metres, each.same_number) for each in found] == [
        (same.id, None, True),
        (near.id, 22.0, False),
    ]
    assert {far.id, own.id}.isdisjoint(each.incident.id for each in found)


async def test_what_the_telephone_sent_survives_a_catch_up(database: Database) -> None:
    """It stands in no file of Asterisk's: a record from the ledger must not take it away."""
    shared = Location(
        latitude=-6.97, longitude=110.42, radius_m=9, source=LocationSource.SHARED, at=5_000_000
    )
    live = Call(id="call-9", site=SITE, uniqueid="u9", started_at=1_000_000, location=shared)
    caught_up = Call(
        id="call-9", site=SITE, uniqueid="u9", started_at=1_000_000, ended_at=9_000_000,
        ending=Ending.ANSWERED, source=Source.LEDGER,
        location=shared.model_copy(update={"latitude": -6.5, "source": LocationSource.NETWORK}),
    )  # fmt: skip
    async with database.write() as connection:
        await upsert(connection, [row_of(live, None, 1)])
        await upsert(connection, [row_of(caught_up, None, 2)])
        found = (await load(connection, ["call-9"]))["call-9"][0]
    assert (found.ending, found.location) == (Ending.ANSWERED, shared)


async def test_an_incident_of_an_older_version_is_read(desk: Desk) -> None:
    """Columns that the software before this one does not know are null."""
    made = await desk.make(place="lama")
    old = "UPDATE incidents SET answers = NULL, timeline = NULL, closing = NULL"
    async with desk.database.write() as connection:
        await connection.exec_driver_sql(old)
    assert await desk.now(made) == made
