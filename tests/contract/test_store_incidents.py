"""Incidents on a real database: numbers, repeated requests, versions, search."""

from __future__ import annotations

import pytest

from psap.agencies.profile import Profile, find_profile, load_profile
from psap.incidents.model import (
    Disposition,
    IncidentCreate,
    IncidentError,
    IncidentFilter,
    IncidentPatch,
    Status,
    Verified,
)
from psap.incidents.service import create_incident, find_incidents, get_incident, patch_incident
from psap.platform.clock import FixedClock, to_us
from psap.platform.database import Database

SITE = "semarang"


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile(find_profile("semarang"))


async def test_numbers_follow_per_year_of_the_city(
    database: Database, profile: Profile, clock: FixedClock
) -> None:
    from datetime import UTC, datetime

    clock = FixedClock(to_us(datetime(2026, 12, 31, 16, 59, tzinfo=UTC)))
    numbers = []
    for _ in range(3):
        async with database.write() as connection:
            made, new = await create_incident(connection, SITE, profile, clock, IncidentCreate(), by="agent1")
        assert new
        numbers.append((made.number, made.shift_date, made.shift))
        clock.advance(30)
    assert numbers == [
        ("SMG-2026-000001", "2026-12-31", "malam"),
        ("SMG-2026-000002", "2026-12-31", "malam"),
        ("SMG-2027-000001", "2026-12-31", "malam"),
    ]


async def test_a_repeated_request_makes_one(database: Database, profile: Profile, clock: FixedClock) -> None:
    wanted = IncidentCreate(category="fire", place="Jalan Pemuda 1")
    made = []
    for by in ("agent1", "agent1", "agent2"):
        async with database.write() as connection:
            made.append(
                await create_incident(connection, SITE, profile, clock, wanted, by=by, idempotency_key="k")
            )
    assert [new for _, new in made] == [True, False, True]
    assert made[0][0] == made[1][0]


async def test_a_stale_version_overwrites_nobody(
    database: Database, profile: Profile, clock: FixedClock
) -> None:
    async with database.write() as connection:
        made, _ = await create_incident(
            connection, SITE, profile, clock, IncidentCreate(place="A"), by="agent1"
        )
        clock.advance(5)
        change = IncidentPatch(
            status=Status.OPEN,
            landmark="dekat masjid",
            verified=Verified(address=True),
            dispositions=[Disposition(agency="damkar", by="somebody else")],
        )
        changed = await patch_incident(
            connection, SITE, profile, clock, made.id, change, version=1, by="agent1"
        )
        with pytest.raises(IncidentError) as refused:
            await patch_incident(
                connection, SITE, profile, clock, made.id, IncidentPatch(place="B"), version=1, by="agent2"
            )
    assert refused.value.key == "stale_version"
    async with database.read() as connection:
        stored = await get_incident(connection, SITE, made.id)
    assert stored == changed
    assert (stored.version, stored.place, stored.status) == (2, "A", Status.OPEN)
    told = stored.dispositions[0]
    assert (told.by, told.at) == ("agent1", clock.now_us())


async def test_a_disposition_keeps_its_time_and_author(
    database: Database, profile: Profile, clock: FixedClock
) -> None:
    async with database.write() as connection:
        wanted = IncidentCreate(dispositions=[Disposition(agency="damkar")])
        made, _ = await create_incident(connection, SITE, profile, clock, wanted, by="agent1")
        first = made.dispositions[0]
        clock.advance(60)
        forged = first.model_copy(update={"by": "agent9", "caller_told_at": clock.now_us()})
        change = IncidentPatch(dispositions=[forged, Disposition(agency="pln")])
        changed = await patch_incident(
            connection, SITE, profile, clock, made.id, change, version=None, by="agent2"
        )
    assert [(d.agency, d.at, d.by) for d in changed.dispositions] == [
        ("damkar", first.at, "agent1"),
        ("pln", clock.now_us(), "agent2"),
    ]
    assert changed.dispositions[0].caller_told_at == clock.now_us()


async def test_the_words_are_the_citys(database: Database, profile: Profile, clock: FixedClock) -> None:
    async with database.write() as connection:
        for wanted, key in (
            (IncidentCreate(category="dragons"), "unknown_category"),
            (IncidentCreate(dispositions=[Disposition(agency="nasa")]), "unknown_agency"),
        ):
            with pytest.raises(IncidentError) as refused:
                await create_incident(connection, SITE, profile, clock, wanted, by="agent1")
            assert refused.value.key == key


async def test_search_and_pages(database: Database, profile: Profile, clock: FixedClock) -> None:
    async with database.write() as connection:
        for index in range(5):
            wanted = IncidentCreate(
                category="fire" if index % 2 else "health",
                place=f"Jalan Sudirman {index}",
                description="100% asap_tebal" if index == 3 else "biasa",
                call_id=f"call-{index}",
            )
            await create_incident(connection, SITE, profile, clock, wanted, by="agent1")
            clock.advance(1)
    async with database.read() as connection:

        async def found(**words: object) -> list[str | None]:
            page = await find_incidents(connection, SITE, IncidentFilter.model_validate(words))
            return [each.call_id for each in page.items]

        assert await found(text="sudirman JALAN") == [f"call-{n}" for n in (4, 3, 2, 1, 0)]
        assert await found(text="100% asap_") == ["call-3"]
        assert await found(text="%") == ["call-3"]
        assert await found(text="'; DROP TABLE incidents;--") == []
        assert await found(category="fire") == ["call-3", "call-1"]
        assert await found(call_id="call-2") == ["call-2"]
        assert await found(until=clock.now_us() - 4_000_000) == ["call-0"]
        seen: list[str | None] = []
        cursor = None
        while True:
            page = await find_incidents(connection, SITE, IncidentFilter(), limit=2, cursor=cursor)
            seen += [each.call_id for each in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert seen == [f"call-{n}" for n in (4, 3, 2, 1, 0)]
