"""The whole HTTP interface by its own description: schemathesis against a real console.

The document is made from the route table, so a new route is tested from its first day. Signed in as each
role, each operation is asked with what fits the description and with what does not, and with ids
that exist. Guaranteed for every request: no 5xx, a status and a content type that the document names,
a body that fits its schema, and a problem document with a key of ours for every refusal.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as hypothesis_seed
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from console.problem import PROBLEMS
from tests.console.conftest import Console, console, engine, home, seed, served  # noqa: F401 - fixtures
from tests.console.test_calls import call, record
from tests.fuzz.machine import MANY, SEED
from tests.support.told import tell

ROLES = ["agent1", "supervisor1", "dispatcher1", "qc1", "admin1"]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SESSIONS = ("sessions", "second_factors", "recovery_codes", "users", "sign_in_failures")


class Ids:
    """Ids that exist, by the resource whose path names them."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {}

    def put(self, case: schemathesis.Case, draw: random.Random) -> None:
        """At times an id that leads somewhere instead of one that was made up."""
        known = self.known.get(case.operation.path.split("/")[1])
        if known and "id" in case.path_parameters and draw.random() < 0.7:
            case.path_parameters["id"] = draw.choice(known)
        if "place" in case.path_parameters and draw.random() < 0.7:
            case.path_parameters["place"] = draw.choice(["0", "1", "99"])
        if "If-Match" in case.headers and draw.random() < 0.5:
            case.headers["If-Match"] = draw.choice(["1", '"1"', "2", "*"])


async def filled(console: Console) -> Ids:  # noqa: F811
    """Something of everything, as an ordinary day leaves it."""
    ids = Ids()
    console.bridge.answers |= {
        "call.classify": call(1).model_dump(mode="json"),
        "call.link_incident": call(1).model_dump(mode="json"),
    }
    for number in (1, 2):
        await record(console, call(number))
        ids.known.setdefault("calls", []).append(str(call(number).id))
    for _ in range(2):
        status, incident = await console.ask("POST", "/incidents", "agent1", json={"caller_name": "Uji"})
        assert status == 201
        ids.known.setdefault("incidents", []).append(incident["id"])
    body = {"number": "081234567890", "reason": "uji"}
    status, block = await console.ask("POST", "/blocklist", "supervisor1", json=body)
    assert status == 201
    ids.known["blocklist"] = [block["id"]]
    status, users = await console.ask("GET", "/users", "admin1")
    assert status == 200
    ids.known["users"] = [each["id"] for each in users["items"]]
    return ids


def reviver(path: Any) -> Callable[[], None]:
    """Sessions and accounts as they were: an operation may have signed us out."""
    with sqlite3.connect(path) as base:
        rows = {name: base.execute(f"select * from {name}").fetchall() for name in SESSIONS}

    def revive() -> None:
        with sqlite3.connect(path, timeout=20) as base:
            for name, kept in rows.items():
                base.execute(f"delete from {name}")
                if kept:
                    base.executemany(f"insert into {name} values ({','.join('?' * len(kept[0]))})", kept)

    return revive


def ask_everything(url: str, token: str, who: str, each: int, ids: Ids, revive: Callable[[], None]) -> int:
    """Every operation ``each`` times with fitting and as often with unfitting input; how many requests."""
    session = requests.Session()
    schema = schemathesis.openapi.from_dict(requests.get(f"{url}/api/v1/openapi.json", timeout=10).json())
    asked = 0

    def check(case: schemathesis.Case, draw: random.Random) -> None:
        nonlocal asked
        ids.put(case, draw)
        headers = {**case.headers, "Authorization": f"Bearer {token}"}
        answer = case.call(base_url=f"{url}/api/v1", session=session, headers=headers, timeout=20)
        asked += 1
        # aiohttp has refused or routed elsewhere what is no request to this operation
        elsewhere = answer.status_code in (400, 404, 405) and _key(answer) in (
            "bad_request",
            "not_found",
            "method_not_allowed",
        )
        case.validate_response(answer, checks=[not_a_server_error] if elsewhere else CHECKS, headers=headers)
        if answer.status_code >= 400:
            assert answer.headers["content-type"][0].startswith("application/problem+json")
            problem = answer.json()
            assert problem["status"] == answer.status_code
            assert problem["key"] in PROBLEMS
            assert " / " in problem["title"]
        if answer.status_code == 401:
            revive()

    wrong: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                one(operation, mode, each, who, check)
            except Exception as error:  # the others are asked all the same: one run tells everything
                wrong.append(f"{operation.label} ({mode.name}): {error}")
            revive()
    assert not wrong, f"as {who}, FUZZ_SEED={SEED}\n" + "\n".join(wrong)
    return asked


def _key(answer: Any) -> str:
    try:
        return str(answer.json()["key"])
    except (ValueError, KeyError, TypeError):
        return ""


def one(
    operation: Any, mode: GenerationMode, each: int, who: str,
    check: Callable[[schemathesis.Case, random.Random], None],
) -> None:  # fmt: skip
    """One operation with input of one kind."""
    draw = random.Random(f"{SEED}/{who}/{operation.label}")
    limits = settings(
        max_examples=each,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )

    def attempt(case: schemathesis.Case) -> None:
        check(case, draw)

    made = operation.as_strategy(generation_mode=mode)
    try:
        hypothesis_seed(f"{SEED}/{who}/{operation.label}/{mode}")(limits(given(made)(attempt)))()
    except Exception as error:
        if type(error).__name__ in ("Unsatisfiable", "SkipTest"):
            return  # there is no input of this kind
        raise


LONG = [pytest.mark.long, pytest.mark.timeout(1500)]
SOME = [pytest.param(who, 1, id=f"{who}-some") for who in ("agent1", "admin1")]
THOROUGH = [pytest.param(who, max(1, MANY // 2000), id=f"{who}-many", marks=LONG) for who in ROLES]


@pytest.mark.parametrize(("who", "each"), [*SOME, *THOROUGH])
async def test_every_operation_keeps_its_word(console: Console, who: str, each: int) -> None:  # noqa: F811
    ids = await filled(console)
    revive = reviver(console.home / "psap.db")
    began = time.monotonic()
    asked = await asyncio.to_thread(
        ask_everything, console.origin, console.tokens[who], who, each, ids, revive
    )
    tell(
        "fuzzers",
        [f"HTTP as {who:<10} {asked:>7} requests {time.monotonic() - began:5.1f} s  FUZZ_SEED={SEED}"],
    )
    assert asked
