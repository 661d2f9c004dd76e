"""Places over HTTP: the search, what a map draws, tiles in pieces, what belongs together."""

from __future__ import annotations

from typing import Any

from console.routes.map import MAGIC
from tests.console.conftest import Console


async def incident(console: Console, **fields: Any) -> dict[str, Any]:
    status, made = await console.ask("POST", "/incidents", "agent1", json=fields)
    assert status == 201, made
    assert isinstance(made, dict)
    return made


async def test_the_search_answers_what_a_caller_says(console: Console) -> None:
    asked = {
        "text": "Jl. Gajahmada no 12 rt 2/5 depan psr johar",
        "near": {"latitude": -6.97, "longitude": 110.42},
    }
    status, found = await console.ask("POST", "/places/search", "agent1", json=asked)
    assert status == 200
    assert {each["name"] for each in found["items"][:2]} == {"Jalan Gajah Mada", "Pasar Johar"}
    assert set(found["items"][0]) == {
        "name", "kind", "district", "subdistrict", "latitude", "longitude", "score",
    }  # fmt: skip
    assert found["understood"] == {"house": "12", "alley": None, "rt": 2, "rw": 5, "relation": "depan"}
    status, _ = await console.ask("POST", "/places/search", json=asked)
    assert status == 401
    status, found = await console.ask("POST", "/places/search", "agent1", json={"text": "\u0000\u202e%"})
    assert (status, found["items"]) == (200, [])


async def test_a_map_without_tiles_draws_the_city(console: Console) -> None:
    status, city = await console.ask("GET", "/places", "agent1")
    assert (status, city["tiles"]) == (200, False)
    assert 100 < len(city["items"]) <= 500
    assert city["items"][0]["kind"] == "district"
    assert all(each["latitude"] is not None for each in city["items"])
    assert abs(city["center"]["latitude"] + 6.98) < 0.1
    for path in ("/map/tiles.pmtiles", "/map/style.json"):
        headers = {"Authorization": f"Bearer {console.tokens['agent1']}"}
        async with console.http.get(console.origin + path, headers=headers) as answer:
            assert answer.status == 404


async def test_tiles_come_in_pieces_to_who_is_signed_in(console: Console) -> None:
    tiles = MAGIC + bytes(range(256)) * 40
    (console.home / "tiles.pmtiles").write_bytes(tiles)
    url = console.origin + "/map/tiles.pmtiles"
    async with console.http.get(url) as answer:
        assert answer.status == 401
    headers = {"Authorization": f"Bearer {console.tokens['agent1']}", "Range": "bytes=100-199"}
    async with console.http.get(url, headers=headers) as answer:
        assert answer.status == 206
        assert await answer.read() == tiles[100:200]
        assert answer.headers["Content-Range"] == f"bytes 100-199/{len(tiles)}"
    headers = {"Authorization": f"Bearer {console.tokens['agent1']}"}
    async with console.http.get(console.origin + "/map/style.json", headers=headers) as answer:
        style = await answer.json()
    assert style["sources"]["city"]["url"].endswith("/map/tiles.pmtiles")
    assert (await console.ask("GET", "/places", "agent1"))[1]["tiles"] is True
    (console.home / "tiles.pmtiles").write_bytes(b"something else")
    assert (await console.ask("GET", "/places", "agent1"))[1]["tiles"] is False


async def test_duplicates_are_offered_linked_and_parted(console: Console) -> None:
    first = await incident(
        console, category="fire", place="Jl. Gajah Mada depan Pasar Johar", caller_name="Yuli",
        callback_number="081234567890",
    )  # fmt: skip
    second = await incident(console, category="fire", landmark="psr johar")
    other = await incident(console, category="fire", place="Jl. Gajah Mada ujung utara")
    status, found = await console.ask(
        "POST", "/incidents/similar", "agent2", json={"incident_id": second["id"]}
    )
    assert status == 200
    assert [each["incident"]["id"] for each in found["items"]] == [first["id"]]
    assert found["items"][0]["why"]["id"].startswith("sama-sama menyebut johar")
    assert "Yuli" not in str(found)
    assert "0812" not in str(found)
    # also while nothing is saved yet
    for body in ({"place": "pasar johar", "category": "fire"}, {"fields": {"place": "pasar johar"}}):
        _, typed = await console.ask("POST", "/incidents/similar", "agent2", json=body)
        assert {each["incident"]["id"] for each in typed["items"]} == {first["id"], second["id"]}

    path = f"/incidents/{second['id']}/link"
    status, linked = await console.ask("POST", path, "agent1", json={"to": first["id"]})
    assert (status, linked["linked_to"]) == (200, first["id"])
    assert linked["timeline"][-1]["what"] == "linked"
    status, problem = await console.ask(
        "POST", f"/incidents/{first['id']}/link", "agent1", json={"to": second["id"]}
    )
    assert (status, problem["key"]) == (409, "would_loop")
    status, problem = await console.ask(
        "POST", path, "agent1", json={"to": other["id"]}, headers={"If-Match": '"1"'}
    )
    assert (status, problem["key"]) == (412, "stale_version")
    status, _ = await console.ask("POST", path, "agent1", json={"to": "0" * 36})
    assert status == 404
    status, alone = await console.ask("DELETE", path, "agent1")
    assert (status, alone["linked_to"]) == (200, None)
    status, _ = await console.ask("DELETE", path, "qc1")
    assert status == 403


async def test_closing_asks_whether_the_caller_was_told(console: Console) -> None:
    made = await incident(console, category="fire", callback_number="081234567890")
    path = f"/incidents/{made['id']}"
    await console.ask("POST", f"{path}/dispositions", "agent1", json={"agency": "damkar"})
    any_version = {"If-Match": "*"}
    status, problem = await console.ask(
        "PATCH", path, "agent1", json={"status": "closed"}, headers=any_version
    )
    assert (status, problem["key"]) == (422, "closing_needed")
    body = {"status": "closed", "closing": {"told": True, "what": "damkar tiba 5 menit lagi"}}
    status, closed = await console.ask("PATCH", path, "agent1", json=body, headers=any_version)
    assert (status, closed["closing"]["by"]) == (200, "agent1")
    # who was told at the disposition was told
    made = await incident(console, category="fire", callback_number="081234567890")
    path = f"/incidents/{made['id']}"
    await console.ask(
        "POST", f"{path}/dispositions", "agent1", json={"agency": "damkar", "caller_told": True}
    )
    status, closed = await console.ask(
        "PATCH", path, "agent1", json={"status": "closed"}, headers=any_version
    )
    assert (status, closed["closing"]["told"]) == (200, True)


async def test_open_incidents_nearby(console: Console) -> None:
    made = await incident(console, category="fire", latitude=-6.9718, longitude=110.4246, located_by="pin")
    body = {"latitude": -6.9720, "longitude": 110.4246}
    status, found = await console.ask("POST", "/incidents/nearby", "agent2", json=body)
    assert status == 200
    assert [(each["incident"]["id"], each["metres"], each["same_number"]) for each in found["items"]] == [
        (made["id"], 22.0, False)
    ]
    status, _ = await console.ask("POST", "/incidents/nearby", "agent2", json={})
    assert status == 422
