"""The four cities are valid and say what the documents say; broken profiles are named by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from psap.agencies.model import AgencyKind
from psap.agencies.profile import PROFILES, Profile, ProfileError, find_profile, load_profile

CITIES = ["semarang", "bogor", "pekalongan", "ambon"]


@pytest.fixture(params=CITIES)
def city(request: pytest.FixtureRequest) -> Profile:
    return load_profile(find_profile(request.param))


def test_each_city_is_whole(city: Profile) -> None:
    assert "112" in city.numbers
    assert city.districts
    assert len({each.name for each in city.districts}) == len(city.districts)
    for district in city.districts:
        assert len(set(district.subdistricts)) == len(district.subdistricts)
    used = {word for each in city.categories for word in each.default_agencies}
    assert used <= {each.id for each in city.agencies}
    assert city.assumed


def test_what_no_document_names_is_marked_as_assumed(city: Profile) -> None:
    unnamed = {f"agencies.{each.id}" for each in city.agencies if each.source is None}
    assert unnamed == {path for path in city.assumed if path.startswith("agencies.")}


@pytest.mark.parametrize(
    ("name", "zone", "area", "treatment", "shifts", "agencies"),
    [
        (
            "semarang",
            "Asia/Jakarta",
            "024",
            "challenge",
            3,
            {"damkar", "bpbd", "dinkes", "satpolpp", "pln", "pdam", "apjii", "sriti", "ubaloka"},
        ),
        ("bogor", "Asia/Jakarta", "0251", "announce", 4, {"bpbd", "dinkes", "dllaj", "katulampa"}),
        ("pekalongan", "Asia/Jakarta", "0285", "challenge", 3, {"polres", "pln"}),
        ("ambon", "Asia/Jayapura", "0911", "challenge", 3, {"kodim", "basarnas", "bmkg", "dp3md", "distan"}),
    ],
)
def test_what_the_documents_tell(
    name: str, zone: str, area: str, treatment: str, shifts: int, agencies: set[str]
) -> None:
    city = load_profile(find_profile(name))
    assert (city.timezone, city.area_code, city.blocking.treatment) == (zone, area, treatment)
    assert len(city.shifts) == shifts
    assert agencies <= {each.id for each in city.agencies if each.source}


def test_semarangs_volunteers() -> None:
    city = load_profile(find_profile("semarang"))
    volunteers = {each.id for each in city.agencies if each.kind is AgencyKind.VOLUNTEER}
    assert volunteers == {"bankom", "sriti", "mik", "ubaloka"}


SOUND = (PROFILES / "pekalongan.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "where", "indonesian"),
    [
        ('code = "PKL"', 'code = "pkl"', "code", "bentuknya salah"),
        ('area_code = "0285"', 'area_code = "285"', "area_code", "bentuknya salah"),
        ('timezone = "Asia/Jakarta"', 'timezone = "Asia/Pekalongan"', "timezone", "zona waktu"),
        ('kind = "partner"', 'kind = "friend"', "kind", "bukan salah satu pilihan"),
        ('strategy = "leastrecent"', 'strategy = "ringall"', "queue.strategy", "bukan salah satu pilihan"),
        ('strategy = "leastrecent"', 'overflow = [{ kind = "moon" }]', "queue.overflow", "bukan salah satu"),
        (
            'strategy = "leastrecent"',
            'overflow = [{ kind = "centre" }]',
            "queue.overflow",
            "memerlukan number",
        ),
        (
            'strategy = "leastrecent"',
            'overflow = [{ kind = "queue" }]',
            "queue.overflow",
            "memerlukan members",
        ),
        (
            'strategy = "leastrecent"',
            'overflow = [{ kind = "all_phones", number = "110" }]',
            "queue.overflow",
            "number hanya untuk",
        ),
        ("hours = [24, 72]", "hours = [24]", "blocking", "hours memuat 1 angka"),
        ('treatment = "challenge"', 'traetment = "challenge"', "blocking.traetment", "tidak dikenal"),
        (
            'default_agencies = ["damkar"]',
            'default_agencies = ["nasa"]',
            "default_agencies",
            "'nasa' tidak ada",
        ),
        ('key = "2"', 'key = "1"', "categories[2].key", "sudah dipakai"),
        ('end = "23.30"', 'end = "22.30"', "shifts", "22:30-23:30"),
        ('start = "16.00"', 'start = "26.00"', "shifts[2].start", "tidak sah"),
        ("seconds = 25", "seconds = 90", "gate.seconds", "terlalu besar"),
        ('id = "pln"', 'id = "damkar"', "agencies", "muncul dua kali"),
        ('"languages",', '"langages",', "assumed", "'langages' tidak ada"),
        ('name = "Pagi"', "name = Pagi", "", "bukan TOML"),
    ],
)
def test_a_fault_is_named_by_file_line_and_reason(
    tmp_path: Path, old: str, new: str, where: str, indonesian: str
) -> None:
    assert old in SOUND
    path = tmp_path / "broken.toml"
    path.write_text(SOUND.replace(old, new, 1), "utf-8")
    line = SOUND[: SOUND.index(old)].count("\n") + 1
    with pytest.raises(ProfileError) as refused:
        load_profile(path)
    faults = refused.value.faults
    assert any(where in fault.where and indonesian in fault.id for fault in faults), faults
    assert str(refused.value).startswith(f"{path}:")
    if where not in ("blocking", "shifts", "assumed"):  # these are named by their table's first line
        assert line in {fault.line for fault in faults}


def test_a_missing_key_and_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(SOUND.replace('site = "pekalongan"\n', ""), "utf-8")
    with pytest.raises(ProfileError, match="site: wajib diisi"):
        load_profile(path)
    with pytest.raises(ProfileError, match=r"there are: ambon, bogor, pekalongan, semarang"):
        find_profile("atlantis")
    path.write_bytes(b'site = "x"\nname = "\xff"\n')
    with pytest.raises(ProfileError, match=":2: bukan teks UTF-8"):
        load_profile(path)
