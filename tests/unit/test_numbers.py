"""Numbers: the table that the dialplan shares, and properties that hold for any text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psap.callers.numbers import LONGEST_KEY, block_key, caller_key, is_one_number, mask, normalise
from psap.calls.model import CallerKind

CASES = json.loads((Path(__file__).parents[1] / "shared" / "number_cases.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[f"{c['raw'] or 'empty'}@{c['area_code']}" for c in CASES])
def test_the_shared_table(case: dict[str, str | None]) -> None:
    raw, area = str(case["raw"]), str(case["area_code"])
    caller = normalise(raw, None, area)
    assert block_key(raw, area) == case["key"]
    assert caller.kind == case["kind"]
    assert caller.e164 == case["e164"]
    assert caller_key(caller, area) == case["key"]


@given(st.text(max_size=400), st.sampled_from(["024", "0251", "0285", "0911"]))
def test_any_text_gives_a_safe_key(raw: str, area: str) -> None:
    key = block_key(raw, area)
    assert key is None or (key.isascii() and key.isdigit() and len(key) <= LONGEST_KEY)
    normalise(raw, "allowed", area)


@given(st.from_regex(r"8[1-9][0-9]{7,10}", fullmatch=True), st.sampled_from(["024", "0911"]))
def test_every_way_to_write_a_mobile_number_is_one_key(rest: str, area: str) -> None:
    ways = [f"0{rest}", f"62{rest}", f"+62{rest}", f"0062{rest}", f"0{rest[:3]}-{rest[3:]}"]
    assert {block_key(way, area) for way in ways} == {f"62{rest}"}


@pytest.mark.parametrize(
    "text",
    [
        *(
            "081234567890",
            "0812 3456 7890",
            "0812-3456-7890",
            "0812.3456.7890",
            "(0812) 3456-7890",
            "[0812]34567890",
        ),
        *(
            "+6281234567890",
            "+62 812-3456-7890",
            "(+62) 812 3456 7890",
            "006281234567890",
            "0062 812 3456 7890",
        ),
        *("0812\u00a03456\u20137890", "\u202a+62 812-3456-7890\u202c", "0812\t34567890", "++6281234567890"),
    ],
)
def test_one_number_as_people_write_it(text: str) -> None:
    assert is_one_number(text)
    assert block_key(text, "024") == "6281234567890"


@pytest.mark.parametrize(
    "text",
    [
        *("08123\u06645678", "\u0660\u0668\u0661\u0662", "0812\u00b234567", "0812\uff134567"),
        *(
            "0812/0813",
            "0812,0813",
            "0812;0813",
            "0812+0813",
            "0812\n0813",
            "0812\u20280813",
            "0812\0" + "34567",
        ),
        *("0812***90", "*21*0812#", "0812 a.n. Budi", "0812345x", "tel:0812345", "0812=3"),
    ],
)
def test_what_is_no_number_or_more_than_one(text: str) -> None:
    assert not is_one_number(text)


@given(st.from_regex(r"[0-9]{14,16}", fullmatch=True), st.sampled_from(["", "-"]))
def test_a_telephone_without_sim_never_has_a_key(imei: str, hyphen: str) -> None:
    raw = f"911{hyphen}{imei}"
    assert block_key(raw, "0911") is None
    assert normalise(raw, "allowed", "0911").kind is CallerKind.SIMLESS


def test_withheld_has_no_reputation_though_the_number_is_known() -> None:
    caller = normalise("081234567890", "withheld", "024")
    assert (caller.kind, caller.e164) == (CallerKind.WITHHELD, "+6281234567890")
    assert caller_key(caller, "024") is None


def test_hostile_text_leaves_only_digits() -> None:
    assert normalise("'; DROP TABLE calls;-- 0812\r\nEvent: x", None, "024").number == "0812"


@pytest.mark.parametrize(
    ("number", "shown"), [("081234567890", "0812***90"), ("112", "***"), (None, "-"), ("", "-")]
)
def test_mask(number: str | None, shown: str) -> None:
    assert mask(number) == shown
