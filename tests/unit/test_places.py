"""Finding a place by what a caller says: wordings, slips, speed, hostile text."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psap.agencies.profile import Profile, ProfileError, find_profile, load_profile
from psap.places.gazetteer import load_gazetteer, middle_of, path_beside
from psap.places.model import Kind, Place, Point, metres
from psap.places.search import Gazetteer
from psap.places.spelling import distance
from psap.places.words import Relation, read

CITIES = ("semarang", "bogor", "pekalongan", "ambon")


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile(find_profile("semarang"))


@pytest.fixture(scope="module")
def semarang(profile: Profile) -> Gazetteer:
    return Gazetteer(load_gazetteer(path_beside(find_profile("semarang")), profile))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Jl. Pandanaran", "Jalan Pandanaran"),
        ("jln pandanran", "Jalan Pandanaran"),
        ("jalan pandan aran no 12", "Jalan Pandanaran"),
        ("gajahmada 17", "Jalan Gajah Mada"),
        ("jl a. yani 12b", "Jalan Ahmad Yani"),
        ("Jl. Sukarno Hatta", "Jalan Soekarno-Hatta"),
        ("majapahit", "Jalan Brigjen Sudiarto"),
        ("pasar johar kebakaran", "Pasar Johar"),
        ("psr jhoar", "Pasar Johar"),
        ("depan psr. Johar pak, tolong cepat", "Pasar Johar"),
        ("rumah sakit kariyadi", "RSUP Dr. Kariadi"),
        ("dekat RS Karyadi", "RSUP Dr. Kariadi"),
        ("alun2 semarang", "Alun-Alun Semarang"),
        ("seberang stasion tawang", "Stasiun Semarang Tawang"),
        ("kel. kauman kec. semarang tengah", "Kauman"),
        ("sumur boto", "Sumurboto"),
        ("kec gayamsari kel siwalan rt 3 rw 4", "Siwalan"),
        ("simpang lima", "Simpang Lima"),
        ("SIMPANG  LIMA!!", "Simpang Lima"),
        ("undip", "Universitas Diponegoro Tembalang"),
    ],
)
def test_a_caller_s_words_find_the_place(semarang: Gazetteer, said: str, meant: str) -> None:
    found, _ = semarang.search(said)
    assert found[0].place.name == meant


def test_street_and_landmark_are_both_offered(semarang: Gazetteer) -> None:
    found, said = semarang.search("Jl. Gajah Mada No. 12 RT 02/RW 05 depan Pasar Johar")
    assert {each.place.name for each in found[:2]} == {"Jalan Gajah Mada", "Pasar Johar"}
    assert (said.house, said.rt, said.rw, said.relation) == ("12", 2, 5, Relation.FRONT)


def test_what_is_not_there_is_not_made_up(semarang: Gazetteer) -> None:
    for text in ("", "   ", "tolong", "qwertyuiop", "jalan", "rt 5", "12345", "depan", "%%%", "\u0000\uffff"):
        found, _ = semarang.search(text)
        assert not found, text


def test_of_two_equal_names_the_nearer_comes_first(semarang: Gazetteer) -> None:
    tembalang, tugu = Point(-7.04, 110.46), Point(-6.96, 110.31)
    for near in (tembalang, tugu):
        found, _ = semarang.search("kelurahan mangunharjo", near)
        district = "Tembalang" if near is tembalang else "Tugu"
        both = [each.place.district for each in found if each.place.name == "Mangunharjo"]
        assert set(both) == {"Tembalang", "Tugu"}
        # one of the two has no coordinates of its own, and so no nearness
        if district == "Tembalang":
            assert both[0] == district


@pytest.mark.parametrize(
    ("text", "rt", "rw"),
    [
        ("RT 02/RW 05", 2, 5),
        ("rt.2 rw.5", 2, 5),
        ("RT/RW 02/05", 2, 5),
        ("rt02/rw05", 2, 5),
        ("rt 2/5", 2, 5),
        ("RW 11", None, 11),
        ("rt 3", 3, None),
    ],
)
def test_the_neighbourhood_is_read(text: str, rt: int | None, rw: int | None) -> None:
    for whole in (text, f"Jl. Mawar {text} kel. Kauman"):
        said = read(whole)
        assert (said.rt, said.rw) == (rt, rw)


def test_alley_and_house_are_read() -> None:
    said = read("Jl. Kenanga Gg. Mawar III No. 7A, sebelah masjid")
    assert (said.alley, said.house, said.relation) == ("mawar iii", "7a", Relation.BESIDE)


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_text_breaks_the_search(text: str) -> None:
    gazetteer = _SMALL
    found, said = gazetteer.search(text, Point(0, 0), 5)
    assert all(0 <= each.score <= 1 for each in found)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert sum(map(len, said.phrases)) <= 12


_SMALL = Gazetteer(
    [Place("Pasar Johar", Kind.MARKET, latitude=-6.97, longitude=110.42), Place("A", Kind.AREA)]
)


def test_twenty_thousand_places_answer_at_once() -> None:
    gazetteer, names = _large()
    asked = [f"jl. {name} no 5 rt 2 rw 3 kel. selatan" for name in names[:40]]
    asked += [name.replace("a", "o", 1) for name in names[40:80]]  # misspelt
    asked += ["jalan melati barat utara selatan timur kenanga mawar dalam raya gang indah permai asri"] * 3
    for text in asked[:5]:
        gazetteer.search(text)
    spent = []
    for text in asked:
        began = time.process_time()  # what it costs; a loaded machine does not make it cost more
        gazetteer.search(text)
        spent.append((time.process_time() - began) * 1000)
    spent.sort()
    median, worst = spent[len(spent) // 2], spent[-1]
    print(f"20,000 places: median {median:.1f} ms, slowest of {len(spent)} {worst:.1f} ms of processor time")
    assert median < 20


def _large() -> tuple[Gazetteer, list[str]]:
    rolled = random.Random(112)
    syllables = [a + b for a in "bcdgjklmnprstw" for b in ("a", "i", "u", "e", "o", "an", "ang", "in", "ur")]
    stems = ["".join(rolled.choices(syllables, k=rolled.randint(2, 4))) for _ in range(6_000)]
    common = [
        "melati",
        "kenanga",
        "mawar",
        "barat",
        "timur",
        "utara",
        "selatan",
        "raya",
        "dalam",
        "indah",
        "i",
        "ii",
    ]
    names = [f"Jalan {rolled.choice(stems)} {rolled.choice([*stems[:300], *common])}" for _ in range(20_000)]
    places = [
        Place(name, Kind.STREET, "Barat", "Selatan", -7 + rolled.random() / 10, 110.4 + rolled.random() / 10)
        for name in names
    ]
    return Gazetteer(places), names


@given(st.text("abcde", max_size=8), st.text("abcde", max_size=8))
@settings(max_examples=100, deadline=None)
def test_the_distance_of_two_words(one: str, other: str) -> None:
    far = distance(one, other, 9)
    assert far == distance(other, one, 9)
    assert (far == 0) == (one == other)
    assert distance(one, other, 1) == min(far, 2)


# -- the files


@pytest.mark.parametrize("city", CITIES)
def test_every_city_has_a_gazetteer_worth_searching(city: str) -> None:
    path = find_profile(city)
    profile = load_profile(path)
    places = load_gazetteer(path_beside(path), profile)
    placed = [place for place in places if place.latitude is not None]
    assert len(placed) >= 60
    kinds = {place.kind for place in placed}
    assert {Kind.DISTRICT, Kind.SUBDISTRICT, Kind.STREET, Kind.MARKET, Kind.HOSPITAL} <= kinds
    middle = middle_of(places)
    for place in placed:
        assert metres(middle, Point(place.latitude or 0, place.longitude or 0)) < 25_000, place.name
    # every district of the profile is there, and has its place
    assert {p.name for p in placed if p.kind is Kind.DISTRICT} == {each.name for each in profile.districts}
    gazetteer = Gazetteer(places)
    for place in placed:  # whatever is in it is found under its own name
        found, _ = gazetteer.search(place.name, Point(place.latitude or 0, place.longitude or 0), limit=12)
        assert place in [each.place for each in found], place.name


HEAD = "name,kind,district,subdistrict,latitude,longitude,aliases\n"


@pytest.mark.parametrize(
    ("lines", "line", "word"),
    [
        ("nama,jenis\n", 1, "judul"),
        (HEAD + "Pasar Johar,markt,,,-6.97,110.42,\n", 2, "kind"),
        (HEAD + "Pasar Johar,market,Semarang,,-6.97,110.42,\n", 2, "district"),
        (HEAD + "Pasar Johar,market,Tugu,Kauman,-6.97,110.42,\n", 2, "subdistrict"),
        (HEAD + "# remark\nPasar Johar,market,,,110.42,-6.97,\n", 3, "koordinat"),
        (HEAD + "Pasar Johar,market,,,nan,110.42,\n", 2, "koordinat"),
        (HEAD + "Pasar Johar,market,,,-6.97,,\n", 2, "berdua"),
        (HEAD + "Pasar Johar,market,,,-6.97,110.42\n", 2, "kolom"),
        (HEAD + "A,market,,,-6.97,110.42,\nB,market,,,-6.97,110.4,\nC,market,,,-1.97,110.42,\n", 4, "km"),
        (HEAD + "A,market,,,-6.97,110.42,\nA,market,,,-6.97,110.4,\n", 3, "baris 2"),
        (HEAD + ",market,,,-6.97,110.42,\n", 2, "nama"),
        (HEAD + 'A"b,"c,market,,,,,\n', 2, "CSV"),
    ],
)
def test_a_slip_in_the_file_is_named_by_its_line(
    tmp_path: Path, profile: Profile, lines: str, line: int, word: str
) -> None:
    path = tmp_path / "kota.gazetteer.csv"
    path.write_text(lines, "utf-8")
    with pytest.raises(ProfileError) as refused:
        load_gazetteer(path, profile)
    assert refused.value.faults[0].line == line
    assert word in str(refused.value)


def test_a_city_without_a_file_has_its_districts(tmp_path: Path, profile: Profile) -> None:
    gazetteer = Gazetteer(load_gazetteer(tmp_path / "none.gazetteer.csv", profile))
    found, _ = gazetteer.search("kel. srondol wetan")
    assert (found[0].place.name, found[0].place.latitude) == ("Srondol Wetan", None)
