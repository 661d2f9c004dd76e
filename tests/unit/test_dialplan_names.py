"""The words that dialplan, agi and bridge share are written alike everywhere."""

from __future__ import annotations

import re

import pytest

from agi import variables
from psap.callers.numbers import block_key
from psap.calls.model import Flag, GateResult
from psap.pbx.prompts import texts
from psap.pbx.render import CONFIG, DIALPLAN
from psap.platform import pbx_names

PLANS = {each.stem: each.read_text("utf-8") for each in sorted(DIALPLAN.glob("*.conf"))}
WHOLE = "\n".join(PLANS.values())
CODE = "\n".join(line for line in WHOLE.splitlines() if not line.strip().startswith(";"))
VARIABLES = {name: value for name, value in vars(variables).items() if name.isupper()}
NAMES = {name: value for name, value in vars(pbx_names).items() if name.isupper()}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_each_agi_variable_is_one_of_the_dialplan(name: str) -> None:
    assert re.search(rf"\b{VARIABLES[name]}\b", CODE)


@pytest.mark.parametrize("name", sorted(each for each in NAMES if each.startswith("DB_")))
def test_each_astdb_family_is_read_by_the_dialplan(name: str) -> None:
    assert f"DB({NAMES[name]}/" in CODE


def test_the_word_about_agi_is_read_by_the_dialplan() -> None:
    assert f"${{{pbx_names.GLOBAL_AGI}}}" in PLANS["gate"]


def test_every_context_that_is_gone_to_exists() -> None:
    contexts = set(re.findall(r"^\[([a-z0-9-]+)\]", WHOLE, re.M))
    used = set(re.findall(r"(?:Goto|Gosub)\((psap-[a-z-]+),", CODE)) | set(
        re.findall(r"\?(psap-[a-z-]+),", CODE)
    )
    used |= set(re.findall(r"b\((psap-[a-z-]+)\^", CODE)) | set(re.findall(r"push\)=(psap-[a-z-]+),", CODE))
    assert used
    assert used <= contexts


def test_one_context_per_file() -> None:
    for name, text in PLANS.items():
        assert len(re.findall(r"^\[", text, re.M)) <= (2 if name == "leg" else 1), name


def test_no_pattern_admits_line_breaks() -> None:
    for pattern in re.findall(r"^exten => _(\S+?),", WHOLE, re.M):
        # a fixed length of digits; in front and behind at most one character of a closed set
        assert re.fullmatch(r"(\+|\[\*#\])?X+(\[\*#\])?", pattern)


def test_every_context_that_runs_agi_leads_on_when_its_time_is_over() -> None:
    for name, text in PLANS.items():
        if re.search(r"[,?]AGI\(", text):
            assert "exten => T,1,Set(TIMEOUT(absolute)=0)" in text, name


def test_what_the_dialplan_says_is_of_the_closed_sets() -> None:
    results = set(re.findall(r"Set\(PSAP_RESULT=([a-z0-9_]+)\)", CODE))
    flags = set(re.findall(r"Set\(PSAP_FLAGS=([a-z_]+)\)", CODE))
    assert results <= set(GateResult)
    assert flags <= set(Flag)


def test_both_languages_have_the_same_prompts_and_the_dialplan_plays_them() -> None:
    assert texts("id").keys() == texts("en").keys()
    assert set(re.findall(r"PSAP_SOUNDS}/id/([a-z-]+)", CODE)) <= texts("id").keys()


def test_nobody_falls_out_of_the_queue() -> None:
    queue = (CONFIG / "queues.conf").read_text("utf-8")
    for setting in (
        "joinempty = yes", "leavewhenempty = no", "maxlen = 0", "autopause = no", "autofill = yes",
        "ringinuse = no", "persistentmembers = yes",
    ):  # fmt: skip
        assert re.search(rf"^{setting}$", queue, re.M), setting


def test_the_carrier_is_known_by_its_address_alone() -> None:
    pjsip = (CONFIG / "pjsip.conf").read_text("utf-8")
    trunk = pjsip.partition("[trunk]")[2].partition("[phone](!)")[0]
    assert re.search(r"^identify_by = ip$", trunk, re.M)
    assert re.search(r"^trust_id_inbound = no$", trunk, re.M)
    assert re.search(r"^rtp_timeout = 0$", trunk, re.M)


def test_an_event_is_told_with_the_same_words_wherever_it_is_told() -> None:
    """What every call tells stands in gate.conf and bye.conf itself, what few tell in tell.conf."""
    for told in (
        r"(?<!Gen)UserEvent\((PsapCall|PsapPolicy|PsapGate),.*\)$",
        r"CELGenUserEvent\((PsapCall|PsapPolicy|PsapGate),.*\)$",
    ):
        lines = list(re.finditer(told, CODE, re.M))
        assert {each[1] for each in lines} == {"PsapCall", "PsapPolicy", "PsapGate"}
        assert len({each[0] for each in lines}) == 3 < len(lines), lines


def test_a_strangers_text_is_read_by_its_name_without_brackets_and_in_part() -> None:
    """A bracket ends the function that it stands in, and a colon behind it cuts what that one gives."""
    for told in ("PJSIP_HEADER", "PJSIP_PARSE_URI_FROM", "GEOLOC_PROFILE"):
        assert f"${{REPLACE({told}(" in CODE
        assert f"${{{told}(" not in CODE
    for told in re.findall(r"REPLACE\((?:PJSIP_HEADER|GEOLOC_PROFILE)\([^()]*\),\(\),_\)(.)", CODE):
        assert told == ":"  # and cut: what a function has no room for loses its end


def test_a_caller_has_an_end_from_the_first_step_on() -> None:
    """Asterisk takes the first step of a call that was cancelled meanwhile, and no other."""
    plan = [line for line in PLANS["from-trunk"].splitlines() if line.startswith("exten =>")]
    assert len(plan) > 40
    for line in plan:
        assert (
            line.partition(",1,")[2] == 'MSet(PSAP_STAGE=gate,CHANNEL(hangup_handler_push)="psap-bye,s,1")'
        ), line
    assert CODE.count("psap-bye,s,1") == len(plan)


ARRIVE = re.findall(r'REGEX\("([^"]+)" \$\{PSAP_(\w+)\}\)', PLANS["arrive"])
PLAIN = [pattern for pattern, of in ARRIVE if of in ("FROM", "SAID")]
NATIONAL, OWN = (pattern for pattern, of in ARRIVE if of == "USER")


def test_what_arrive_reads_by_itself_has_the_key_that_everybody_makes_of_it() -> None:
    """The short way of most numbers, and psap.callers.numbers (so [psap-normalise]), agree."""
    assert len(set(PLAIN)) == 1
    assert len(PLAIN) == 2
    for first in ("0", "08", "021", "62", "+62", "620", "+620"):
        for length in range(1, 20):
            raw = first + "812345678901234567890"[: max(0, length - len(first))]
            if re.search(NATIONAL, raw):
                assert block_key(raw, "024") == "62" + raw[1:], raw
            elif re.search(OWN, raw):
                assert block_key(raw, "024") == raw.lstrip("+"), raw
    for other in (
        "00628123456789",
        "110",
        "911-490154203237518",
        "911490154203237518",
        "+0812345678",
        "7654321",
    ):
        assert not re.search(NATIONAL, other), other
        assert not re.search(OWN, other), other


@pytest.mark.parametrize(
    ("header", "plain"),
    [
        ("<sip:08123456789@127.0.0.2>;tag=1", True),
        ('"+62 811 (x) @ 5:6;7" <sips:+628123456789@carrier.example:5060;user=phone>', True),
        ("sip:08123456789@127.0.0.2", False),
        ("<sip:08123456789;cpc=ordinary@127.0.0.2>", False),
        ("<sip:%2B62812@127.0.0.2>", False),
        ("<sip:0812:0813@127.0.0.2>", False),
        ("<sip:0812@127.0.0.2>, <tel:+62813>", False),
        ('"<sip:0813@b>" <sip:0812@127.0.0.2>', False),
        ("<sip:911-490154203237518@127.0.0.2>", False),
        ("<sip:anonymous@anonymous.invalid>", False),
        ("<tel:+628123456789>", False),
        ("<sip:@127.0.0.2>", False),
        ("", False),
    ],
)
def test_only_plain_addresses_are_read_the_short_way(header: str, plain: bool) -> None:
    assert bool(re.search(PLAIN[0], header)) is plain
