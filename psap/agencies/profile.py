"""Reading a city's profile: found by name or path, checked, with every fault named by its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from psap.agencies.model import Agency, Category, District, Profile, Shift, local_time, shift_of
from psap.platform.settings import ROOT

__all__ = [
    "Agency",
    "Category",
    "District",
    "Fault",
    "Profile",
    "ProfileError",
    "Shift",
    "find_profile",
    "load_profile",
    "local_time",
    "shift_of",
]

PROFILES = ROOT / "profiles"
LONGEST_SHOWN = 80  # characters of a wrong value in a message


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a profile. ``line`` counts from 1; ``where`` is the key's path."""

    line: int
    where: str
    id: str
    en: str


class ProfileError(Exception):
    """A profile that cannot be used: which file, which lines, why, in both languages."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        self.path = path
        self.faults = list(faults)
        lines = [
            f"{path}:{each.line}: {each.where + ': ' if each.where else ''}{each.id} / {each.en}"
            for each in faults
        ]
        # a profile's own words may hold line breaks and escapes: one fault is one line on any terminal
        super().__init__("\n".join(map(_printable, lines)))


def _printable(text: str) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def find_profile(name_or_path: str | Path) -> Path:
    """The file of a city's name (``semarang``) or the path itself.

    Raises:
        ProfileError: there is no such profile.
    """
    text = str(name_or_path)
    path = Path(text) if "/" in text or text.endswith(".toml") else PROFILES / f"{text}.toml"
    if path.is_file():
        return path.resolve()
    known = ", ".join(sorted(each.stem for each in PROFILES.glob("*.toml")))
    raise ProfileError(
        path,
        [Fault(1, "", f"profil tidak ada; yang ada: {known}", f"no such profile; there are: {known}")],
    )


def load_profile(path: Path) -> Profile:
    """Read and check one profile.

    Raises:
        ProfileError: with every fault, each with its line.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ProfileError(path, [Fault(1, "", "berkas tidak ada", "no such file")]) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ProfileError(path, [Fault(line, "", "bukan teks UTF-8", "not UTF-8 text")]) from None
    except OSError as error:
        why = str(error.strerror)
        raise ProfileError(path, [Fault(1, "", f"tidak terbaca: {why}", f"cannot be read: {why}")]) from error
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a figure or a nesting without end
        raise ProfileError(path, [_syntax_fault(text, error)]) from None
    lines = _lines_of_keys(text)
    try:
        profile = Profile.model_validate(data)
    except ValidationError as error:
        raise ProfileError(path, [_fault(lines, each) for each in error.errors()]) from None
    faults = [
        Fault(_line(lines, where), _shown(where), indonesian, english)
        for where, indonesian, english in _cross_check(profile)
    ]
    if faults:
        raise ProfileError(path, sorted(faults, key=lambda each: each.line))
    return profile


Where = tuple[str | int, ...]


def _cross_check(profile: Profile) -> Iterator[tuple[Where, str, str]]:
    """What no single field can tell: references, double ids, the time zone, assumed paths."""
    try:
        ZoneInfo(profile.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield (
            ("timezone",),
            f"zona waktu '{profile.timezone}' tidak dikenal",
            f"unknown time zone '{profile.timezone}'",
        )
    for table, ids in (
        ("agencies", [each.id for each in profile.agencies]),
        ("categories", [each.id for each in profile.categories]),
        ("shifts", [each.id for each in profile.shifts]),
    ):
        for index, word in enumerate(ids):
            if word in ids[:index]:
                yield (table, index, "id"), f"'{word}' muncul dua kali", f"'{word}' appears twice"
    keys = [each.key for each in profile.categories]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            yield (
                ("categories", index, "key"),
                f"tombol '{key}' sudah dipakai",
                f"key '{key}' is already taken",
            )
    for index, agency in enumerate(profile.agencies):
        for word in agency.categories:
            if profile.category(word) is None:
                yield (
                    ("agencies", index, "categories"),
                    f"kategori '{word}' tidak ada",
                    f"no category '{word}'",
                )
    for index, category in enumerate(profile.categories):
        for word in category.default_agencies:
            if profile.agency(word) is None:
                yield (
                    ("categories", index, "default_agencies"),
                    f"instansi '{word}' tidak ada",
                    f"no agency '{word}'",
                )
    for minute, following in _uncovered(profile.shifts):
        yield (
            ("shifts",),
            f"tidak ada shift pukul {minute}-{following}",
            f"no shift covers {minute}-{following}",
        )
    for path in profile.assumed:
        if not _exists(profile, path.split(".")):
            yield ("assumed",), f"kunci '{path}' tidak ada", f"no key '{path}'"


def _uncovered(shifts: Sequence[Shift]) -> Iterator[tuple[str, str]]:
    """Times of day without a shift: somebody answers 112 at every minute."""
    covered = [False] * 1440
    for shift in shifts:
        start = shift.start.hour * 60 + shift.start.minute
        end = shift.end.hour * 60 + shift.end.minute
        for minute in range(start, end if end > start else end + 1440):
            covered[minute % 1440] = True
    begin: int | None = None
    for minute in range(1441):
        free = minute < 1440 and not covered[minute]
        if free and begin is None:
            begin = minute
        elif not free and begin is not None:
            yield f"{begin // 60:02}:{begin % 60:02}", f"{minute // 60:02}:{minute % 60:02}"
            begin = None


def _exists(value: object, path: Sequence[str]) -> bool:
    """Whether a dotted path leads somewhere; in a list, an id picks the element."""
    for step in path:
        if isinstance(value, list):
            value = next((each for each in value if step in (getattr(each, "id", None), each)), None)
        else:
            value = (
                getattr(value, step, None)
                if step in type(value).__dict__.get("__pydantic_fields__", {})
                else None
            )
        if value is None:
            return False
    return True


_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")


def _lines_of_keys(text: str) -> dict[Where, int]:
    """Line of every table and key, as far as they stand on lines of their own."""
    lines: dict[Where, int] = {}
    table: Where = ()
    counts: dict[Where, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = ()
            steps = header[2].split(".")
            for depth, step in enumerate(steps):
                table += (step,)
                if header[1] == "[[" and depth == len(steps) - 1:
                    counts[table] = counts.get(table, -1) + 1
                    lines.setdefault(table, number)
                if table in counts:
                    table += (counts[table],)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, key[1]), number)
    return lines


def _line(lines: dict[Where, int], where: Where) -> int:
    """The line of the longest known part of a path."""
    for length in range(len(where), 0, -1):
        if where[:length] in lines:
            return lines[where[:length]]
    return 1


def _shown(where: Where) -> str:
    text = ""
    for step in where:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _syntax_fault(text: str, error: Exception) -> Fault:
    at = re.search(r"at line (\d+)", str(error))
    line = int(at[1]) if at else max(1, text.rstrip("\n").count("\n") + 1)
    return Fault(line, "", "bukan TOML yang benar", f"not valid TOML: {error}")


_INDONESIAN = {
    "missing": "wajib diisi",
    "extra_forbidden": "kunci ini tidak dikenal",
    "string_pattern_mismatch": "bentuknya salah",
    "literal_error": "bukan salah satu pilihan",
    "enum": "bukan salah satu pilihan",
    "too_short": "terlalu sedikit",
    "too_long": "terlalu banyak",
    "string_type": "harus teks",
    "string_too_short": "tidak boleh kosong",
    "string_too_long": "terlalu panjang",
    "list_type": "harus daftar",
    "bool_type": "harus true atau false",
    "int_type": "harus bilangan bulat",
    "greater_than_equal": "terlalu kecil",
    "less_than_equal": "terlalu besar",
}


def _shortly(value: str | int | float) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write out figures of more than 4,300 digits
        return "..."
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _fault(lines: dict[Where, int], error: Any) -> Fault:
    where: Where = error["loc"]
    context = error.get("ctx", {})
    if error["type"] == "profile":
        indonesian, english = context["id"], context["en"]
    else:
        english = error["msg"]
        indonesian = _INDONESIAN.get(error["type"], "tidak sah")
        if "expected" in context:
            indonesian += f": {context['expected']}"
        if isinstance(error.get("input"), str | int | float):
            english += f" (here: {_shortly(error['input'])})"
    return Fault(_line(lines, where), _shown(where), indonesian, english)
