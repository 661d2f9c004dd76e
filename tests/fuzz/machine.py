"""The fuzzing machine: numbered inputs out of one seed, so that any of them can be made again.

A run is repeatable: the kept seed below is what everybody runs. ``FUZZ_SEED=random`` draws a new one,
``FUZZ_SEED=n`` takes n, ``FUZZ_INPUTS=n`` makes the long runs as long, and ``FUZZ_ONLY=n`` gives one input
of a failed run alone. What was found once stands as an example beside its fuzzer.
"""

from __future__ import annotations

import os
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis.strategies import SearchStrategy

from tests.support.told import tell

Input = TypeVar("Input")

KEPT_SEED = 112
_wish = os.environ.get("FUZZ_SEED", str(KEPT_SEED))
SEED = secrets.randbelow(2**32) if _wish == "random" else int(_wish)
MANY = int(os.environ.get("FUZZ_INPUTS", "100000"))
SHOWN = 600  # characters of an input that failed
CHUNK = 20_000  # Hypothesis remembers what it tried: smaller runs keep its memory small


def sizes(some: int = 300) -> Any:
    """The two lengths of every fuzzer: a few inputs always, 100,000 in ``./112 test full``."""
    long = [pytest.mark.long, pytest.mark.timeout(1500)]
    return pytest.mark.parametrize(
        "inputs", [pytest.param(some, id="some"), pytest.param(MANY, id="many", marks=long)]
    )


def fuzz(
    name: str,
    inputs: int,
    make: Callable[[random.Random], Input],
    check: Callable[[Input], object],
) -> None:
    """Make and check numbered inputs.

    Raises:
        AssertionError: with seed, number and the input itself; the check's own error is its cause.
    """
    began = time.monotonic()
    only = os.environ.get("FUZZ_ONLY")
    for index in range(inputs) if only is None else [int(only)]:
        data = make(random.Random(f"{SEED}/{name}/{index}"))
        try:
            check(data)
        except Exception as error:
            shown = repr(data)
            with tempfile.NamedTemporaryFile("w", prefix="fuzz-", suffix=".txt", delete=False) as file:
                file.write(shown)
            raise AssertionError(
                f"{name}: FUZZ_SEED={SEED} FUZZ_ONLY={index}: {error!r}\n{shown[:SHOWN]} (whole: {file.name})"
            ) from error
    _told(name, inputs, began)


def examples_of(name: str, inputs: int, make: Callable[[random.Random], Input]) -> list[Input]:
    """The same numbered inputs for a check that is not a plain function."""
    tell("fuzzers", [f"{name:<18} {inputs:>7} inputs  FUZZ_SEED={SEED}"])
    return [make(random.Random(f"{SEED}/{name}/{index}")) for index in range(inputs)]


def examples(
    name: str, inputs: int, strategy: SearchStrategy[Input], check: Callable[[Input], object]
) -> None:
    """The same by Hypothesis: structured inputs, shrunk to the smallest that fails."""
    began = time.monotonic()
    for part, start in enumerate(range(0, inputs, CHUNK)):
        limits = settings(
            max_examples=min(CHUNK, inputs - start),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
            print_blob=False,
        )

        def one(value: Input) -> None:
            check(value)

        try:
            hypothesis_seed(f"{SEED}/{name}/{part}")(limits(given(strategy)(one)))()
        except Exception as error:
            error.add_note(f"{name}: FUZZ_SEED={SEED}")
            raise
    _told(name, inputs, began)


def _told(name: str, inputs: int, began: float) -> None:
    tell("fuzzers", [f"{name:<18} {inputs:>7} inputs  {time.monotonic() - began:6.1f} s  FUZZ_SEED={SEED}"])


TOKENS: tuple[bytes, ...] = (
    b"\r\n\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\x7f",
    b"\xff\xfe",
    b"\xc3",
    b"\xe2\x80\xa8",
    b"\xc2\x85",
    b"\x1c",
    b"\x0c",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    "٣".encode(),
    "²".encode(),
    b"-1",
    b"0",
    b"1e999",
    b"nan",
    b"9" * 20,
    b"9" * 5000,
    b"-" * 3,
    b'"',
    b"'",
    b"\\",
    b",",
    b";",
    b"|",
    b"&",
    b"=",
    b": ",
    b"(",
    b")",
    b"{",
    b"}",
    b"[",
    b"]" * 2,
    b"%0D%0A",
    b"${EXTEN}",
    b"A" * 300,
    b" ",
    b"\t",
)


def mutate(draw: random.Random, data: bytes, words: Sequence[bytes] = (), most: int = 6) -> bytes:
    """``data`` with one to ``most`` accidents: bytes flipped, cut, doubled, moved, and words put in."""
    for _ in range(draw.randint(1, most)):
        at = draw.randint(0, len(data))
        end = min(len(data), at + draw.choice((1, 2, 8, 40)))
        accident = draw.randrange(8)
        if accident == 0 and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << draw.randrange(8))]) + data[at + 1 :]
        elif accident == 1:
            data = data[:at] + data[end:]
        elif accident == 2:
            data = data[:at] + data[at:end] * draw.randint(2, 4) + data[end:]
        elif accident == 3:
            data = data[:at] + draw.choice(TOKENS) + data[at:]
        elif accident == 4:
            data = data[:at] + draw.choice(tuple(words) or TOKENS) + data[end:]
        elif accident == 5:
            data = data[:at] + draw.randbytes(draw.randint(1, 6)) + data[at:]
        elif accident == 6:
            other = draw.randint(0, len(data))
            data = data[:other] + data[at:end] + data[other:]
        elif draw.random() < 0.3:
            data = data[:at]
    return data
