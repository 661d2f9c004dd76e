"""CEL and queue_log lines: half-written, torn, doubled, out of a disk that was full.

Guaranteed for every input: reading in two goes gives the lines of one go and never a half line; no
line is worth an exception; a call gives at most one record, with its facts in order, which ends
where its own channel hung up, and can be stored and shown; a story that was not touched reads as before.
"""

from __future__ import annotations

import random
import tempfile
from functools import cache
from pathlib import Path

import pytest

from ami_bridge.ledger import facts_of, last_moment, replay, stories, whole_lines
from psap.calls.model import Call, Source
from tests.fuzz.machine import fuzz, mutate, sizes

REPLAY = Path(__file__).parents[1] / "replay"
WORDS = (
    b'"HANGUP"',
    b'"CHAN_END"',
    b'"{\\"hangupcause\\":9999999999999999999999,\\"hangupsource\\":\\"x\\"}"',
    b'""',
    b'"[]"',
    b'"null"',
    b'"99999999999999999999.5"',
    b'".5"',
    b'"nan"',
    b'"-1.1"',
    b'"' + b"9" * 5000 + b'"',
    b'"{' + b"[" * 3000 + b'"',
    b'\n"',
    b'"\n',
    b'"PsapGate"',
    b'"Result=key0;Seconds=nan"',
    b"|CONNECT|",
    b"|COMPLETECALLER|",
    b"||",
    b"|" * 5,
)
UNTOUCHED = b"untouched-1.1"
Lines = tuple[bytes, bytes, int]


@cache
def recorded() -> tuple[list[list[bytes]], list[bytes]]:
    """(CEL lines by call, lines of queue_log)."""
    by_call: dict[bytes, list[bytes]] = {}
    for line in (REPLAY / "psap.csv").read_bytes().splitlines():
        by_call.setdefault(line.split(b",")[3], []).append(line)
    return list(by_call.values()), (REPLAY / "queue_log").read_bytes().splitlines()


@cache
def another() -> tuple[bytes, ...]:
    """A call that stands beside the broken lines and is not touched itself."""
    lines = recorded()[0][0]
    own = lines[0].split(b",")[3].strip(b'"')
    return tuple(line.replace(own, UNTOUCHED) for line in lines)


def ledger(draw: random.Random) -> Lines:
    """(CEL, queue_log, where the first reading ends)."""
    calls, queue = recorded()
    lines: list[bytes] = []
    for _ in range(draw.randint(1, 2)):
        lines += draw.choice(calls)
    if draw.random() < 0.3:
        draw.shuffle(lines)
    cel = mutate(draw, b"\n".join(lines) + b"\n", WORDS)
    at = draw.randrange(len(queue))
    log = mutate(draw, b"\n".join(queue[at : at + 6]) + b"\n", WORDS)
    return cel, log, draw.randint(0, len(cel))


@pytest.fixture(scope="module")
def file() -> Path:
    """A file that is written again and again, where that costs nothing."""
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir=folder)) / "psap.csv"


def check(file: Path, given: Lines) -> list[Call]:
    """The guarantees above; the records that were made."""
    cel, log, cut = given
    file.write_bytes(cel[:cut])
    first, offset = whole_lines(file, 0)
    assert offset <= cut
    assert cel[:offset].count(b"\n") == cel[:cut].count(b"\n"), "a half line was read"
    file.write_bytes(cel)
    second, end = whole_lines(file, offset)
    whole, whole_end = whole_lines(file, 0)
    assert (first + second, end) == (whole, whole_end)
    made: list[Call] = []
    for key, story in stories(whole, log.decode("utf-8", "replace").splitlines()).items():
        facts = facts_of(story, lambda phone: None)
        assert [fact.at for fact in facts] == sorted(fact.at for fact in facts)
        assert isinstance(last_moment(story), int)
        tracker = replay(story, "semarang", lambda phone: None, Source.LEDGER)
        if tracker is None:
            continue
        assert tracker.call.uniqueid == key
        assert (tracker.call.ending is None) == (tracker.call.ended_at is None)
        assert Call.model_validate_json(tracker.call.model_dump_json()) == tracker.call
        made.append(tracker.call)
    assert len({call.id for call in made}) == len(made)
    return made


def check_beside(file: Path, given: Lines) -> None:
    """Also: a whole call around the broken lines still makes its record."""
    cel, log, cut = given
    before, after = halves()
    whole = before + cel + b"\n" + after
    found = {call.uniqueid: call for call in check(file, (whole, log, min(len(whole), len(before) + cut)))}
    assert found[UNTOUCHED.decode()] == alone(file)


@cache
def halves() -> tuple[bytes, bytes]:
    middle = len(another()) // 2
    before, after = (
        b"".join(line + b"\n" for line in part) for part in (another()[:middle], another()[middle:])
    )
    return before, after


@cache
def alone(file: Path) -> Call:
    """The record of that call where nothing is broken."""
    return check(file, (b"".join(halves()), b"", 0))[0]


@sizes(300)
def test_whatever_stands_in_the_ledger(file: Path, inputs: int) -> None:
    fuzz("CEL and queue_log", inputs, ledger, lambda given: check_beside(file, given))


def _line(event: str, time: str, extra: str = "", uniqueid: str = "smg-1.1", user: str = "") -> str:
    channel = "PJSIP/trunk-00000001"
    cells = [event, time, uniqueid, "smg-1.1", channel, "0812", "112", "from-trunk", "", "", extra, "", user]
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"


STARTED = _line("CHAN_START", "1700000000.000001")
ENDED = _line("HANGUP", "1700000009.000001", '{"hangupcause":16,"hangupsource":"PJSIP/trunk-00000001"}')


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(_line("ANSWER", "9" * 5000 + ".1"), id="a time beyond all digits"),
        pytest.param(_line("ANSWER", "99999999999999.1"), id="a time beyond all years"),
        pytest.param(_line("ANSWER", "-99999999999999.1"), id="a time before all years"),
        pytest.param(_line("ANSWER", "1700000001.x"), id="letters behind the point"),
        pytest.param(_line("ANSWER", "1700000001.1", "[" * 100_000), id="brackets without end"),
        pytest.param(
            _line("HANGUP", "1700000001.1", '{"hangupcause":' + "9" * 5000 + "}", "smg-1.9"),
            id="a cause beyond all digits",
        ),
        pytest.param(
            _line("PsapGate", "1700000001.1", "Result=key0;Seconds=nan", user="PsapGate"),
            id="not a number of seconds",
        ),
        pytest.param('"ANSWER,' + "x" * 200_000 + "\n", id="a field longer than any"),
        pytest.param("\0\0\0\0\n", id="zeros of a disk that was full"),
        pytest.param('"ANSWER","1700000001.1\rx"y\n', id="a line break inside a word"),
    ],
)
def test_found_before(file: Path, line: str) -> None:
    cel = (STARTED + line + ENDED).encode()
    made = check(file, (cel, b"", len(STARTED) + 3))
    assert len(made) == 1
    if not line.startswith('"ANSWER,'):
        assert str(made[0].ending) == "abandoned_in_gate"


def test_it_can_tell(file: Path) -> None:
    """The oracle sees the recorded calls as what they were."""
    cel = b"".join(line + b"\n" for call in recorded()[0] for line in call)
    made = check(file, (cel, b"\n".join(recorded()[1]) + b"\n", 100))
    assert {str(call.ending) for call in made} == {"answered", "abandoned_in_queue"}
