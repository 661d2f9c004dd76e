"""Profile files: any TOML, and the real cities with accidents.

Guaranteed for every input: a profile that keeps its own promises (every reference leads somewhere,
every minute has a shift, the gate can be made of it), or ProfileError with faults, each on a line that
exists, in both languages, printable on one line; never another exception.
"""

from __future__ import annotations

import datetime
import random
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import strategies as st

from agi.server import rules_of
from psap.agencies.profile import Profile, ProfileError, load_profile, shift_of
from tests.fuzz.machine import examples, fuzz, mutate, sizes

CITIES = sorted((Path(__file__).parents[2] / "profiles").glob("*.toml"))
SMALL = b"""\
site = "uji"
code = "UJI"
name = "Kota Uji"
timezone = "Asia/Jakarta"
languages = ["id", "en"]
area_code = "024"
numbers = ["112"]
assumed = ["gate.seconds", "shifts"]

[gate]
seconds = 25
no_response = "end"

[queue]
strategy = "leastrecent"
wrapup_seconds = 10
duty_number = "0243540000"

[blocking]
ladder = ["warning", "block", "permanent"]
hours = [24]

[[agencies]]
id = "damkar"
name = "Dinas Kebakaran"
kind = "opd"
numbers = ["0243540001"]
categories = ["fire"]

[[categories]]
id = "fire"
name = { id = "Kebakaran", en = "Fire" }
key = "k"
default_agencies = ["damkar"]

[[shifts]]
id = "pagi"
name = "Pagi"
start = 07:30:00
end = "19.30"

[[shifts]]
id = "malam"
name = "Malam"
start = "19.30"
end = "07.30"

[[districts]]
name = "Tengah"
subdistricts = ["Satu", "Dua"]
"""
WORDS = (
    b" = [",
    b" = {}",
    b"[[shifts]]\n",
    b"[gate]\n",
    b"[a.b.c]\n",
    b"[[a]]\n",
    b'"a\\nb" = 1\n',
    b"start = 25:00:00\n",
    b"'''",
    b'"""',
    b"\\u0000",
    b"\\uD800",
    b" = 1e400\n",
    b" = nan\n",
    b" = 0x" + b"f" * 4000 + b"\n",
    b" = " + b"9" * 5000 + b"\n",
    b"x = " + b"[" * 2000,
    b'timezone = "../../etc/passwd"\n',
    b'timezone = "\\u0000"\n',
    b'name = "\\u001b[31m"\n',
    b"1979-05-27T07:32:00Z",
    b"12:00:00",
    b'"12:00+07:00"',
    b"start = 12:00:00.999999\n",
    b"hours = []\n",
    b'key = "\\n"\n',
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"#",
    b'id = "damkar"\n',
    b'assumed = ["a.b", "", ".", "__class__"]\n',
)


@cache
def city(place: int) -> bytes:
    return CITIES[place].read_bytes()


def damaged(draw: random.Random) -> bytes:
    """A small city, at times a real one, with accidents."""
    whole = city(draw.randrange(len(CITIES))) if draw.random() < 0.02 else SMALL
    return mutate(draw, whole, WORDS, most=3)


@pytest.fixture(scope="module")
def file() -> Path:
    """A file that is written again and again, where that costs nothing."""
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir=folder)) / "city.toml"


def check(file: Path, data: bytes) -> Profile | None:
    """The guarantees above; the profile, None where it was refused."""
    file.write_bytes(data)
    lines = max(1, len(data.decode("utf-8", "replace").splitlines()) + 1)
    refused: ProfileError | None = None
    try:
        profile = load_profile(file)
    except ProfileError as error:
        refused = error
    if refused is not None:
        assert refused.faults
        for fault in refused.faults:
            assert 1 <= fault.line <= lines, fault
            assert fault.id
            assert fault.en
        shown = str(refused).splitlines()
        assert len(shown) == len(refused.faults), shown
        for line in shown:
            assert line.startswith(f"{file}:")
            assert line.isprintable(), line
            line.encode()
        return None
    agencies, categories = ({each.id for each in part} for part in (profile.agencies, profile.categories))
    assert all(set(agency.categories) <= categories for agency in profile.agencies)
    assert all(set(category.default_agencies) <= agencies for category in profile.categories)
    for minute in range(0, 1440, 7):
        at = datetime.datetime(2026, 3, 1, tzinfo=profile.zone) + datetime.timedelta(minutes=minute)
        assert shift_of(profile, int(at.timestamp()) * 1_000_000)[1] is not None
    assert rules_of(profile).languages
    assert Profile.model_validate_json(profile.model_dump_json()) == profile
    return profile


@sizes(150)
def test_damaged_profiles(file: Path, inputs: int) -> None:
    fuzz("profile files", inputs, damaged, lambda data: check(file, data))


_OF_A_CITY = (
    "site code name timezone languages area_code numbers gate queue blocking hours ladder agencies "
    "categories shifts id key start end assumed districts en"
)
KEYS = st.sampled_from(_OF_A_CITY.split()) | st.text(max_size=5)
VALUES: st.SearchStrategy[str] = st.recursive(
    st.integers().map(str)
    | st.booleans().map(lambda value: str(value).lower())
    | st.floats().map(str)
    | st.text(max_size=20).map(lambda text: _quoted(text))
    | st.times().map(str)
    | st.datetimes().map(str),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda each: "{" + ", ".join(f"{_quoted(key)} = {value}" for key, value in each.items()) + "}"
        )
    ),
    max_leaves=5,
)


def _quoted(text: str) -> str:
    escaped = "".join(f"\\U{ord(char):08x}" if ord(char) < 32 or char in '"\\\x7f' else char for char in text)
    return f'"{escaped}"'


LINES = st.lists(
    st.tuples(KEYS, VALUES).map(lambda pair: f"{_quoted(pair[0])} = {pair[1]}")
    | KEYS.map(lambda key: f"[{_quoted(key)}]")
    | KEYS.map(lambda key: f"[[{_quoted(key)}]]"),
    max_size=8,
)


@sizes(100)
def test_any_toml(file: Path, inputs: int) -> None:
    examples(
        "TOML", inputs // 5, LINES,
        lambda lines: check(file, "\n".join(lines).encode("utf-8", "surrogatepass")),
    )  # fmt: skip


def test_it_can_tell(file: Path) -> None:
    """The oracle lets the whole small city and the real ones through."""
    for data in (SMALL, *(city(place) for place in range(len(CITIES)))):
        assert check(file, data) is not None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SMALL + b"\nx = " + b"[" * 5000, id="brackets without end"),
        pytest.param(SMALL + b"\nx = " + b"9" * 5000, id="a figure beyond all digits"),
        pytest.param(SMALL + b"\n[" + b"a." * 3000 + b"a]\n", id="a table below tables"),
        pytest.param(b'"a\\nb" = 1\n' + SMALL, id="a line break in a key"),
        pytest.param(b'"\\u001b[31m" = 1\n' + SMALL, id="an escape in a key"),
        pytest.param(SMALL.replace(b"Asia/Jakarta", b"a\\u0000b"), id="a zero in the time zone"),
        pytest.param(SMALL.replace(b"Asia/Jakarta", b"A" * 100), id="a long time zone"),
        pytest.param(SMALL.replace(b"Asia/Jakarta", b"Asia"), id="a folder as the time zone"),
        pytest.param(SMALL.replace(b'"19.30"', b'"19:30+07:00"'), id="a shift with a zone"),
        pytest.param(SMALL.replace(b'"damkar"]', b'"dam\\nkar"]'), id="a line break in a reference"),
        pytest.param(SMALL.replace(b"gate.seconds", b"a\\nb"), id="a line break in an assumed path"),
        pytest.param(b"\xef\xbb\xbf" + SMALL, id="a byte order mark"),
    ],
)
def test_found_before(file: Path, data: bytes) -> None:
    check(file, data)
