"""One table of numbers, two readers: the dialplan's [psap-normalise] on a real Asterisk must make the
same key of each as psap.callers.numbers.block_key (tests/unit/test_numbers.py)."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from psap.agencies.profile import load_profile
from psap.platform.settings import load_secrets
from tests.support.centre import Centre
from tests.support.home import Home

pytestmark = pytest.mark.calls

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "shared" / "number_cases.json").read_text("utf-8")
)
AREAS = sorted({case["area_code"] for case in CASES})
DIALLED = "1190"  # tells these calls from others in the ledger


class Ami:
    """Just enough of AMI to tell the dialplan another city's area code."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, **fields: str) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._writer.write(f"{lines}ActionID: area\r\n\r\n".encode())
        async with asyncio.timeout(5):
            while True:
                answer = (await self._reader.readuntil(b"\r\n\r\n")).decode()
                if "ActionID: area" in answer:
                    assert "Response: Success" in answer
                    return


@asynccontextmanager
async def ami(home: Home) -> AsyncIterator[Ami]:
    settings = home.settings
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.ami_port)
    await reader.readline()
    link = Ami(reader, writer)
    await link.ask(
        Action="Login", Username="bridge", Secret=load_secrets(settings.home).ami_bridge, Events="off"
    )
    try:
        yield link
    finally:
        writer.close()


def keys_in_ledger(home: Home) -> list[str]:
    """The keys that PsapCall told for the calls of this test, oldest first."""
    path = home.settings.pbx / "log" / "cel-custom" / "psap.csv"
    keys: list[str] = []
    if not path.exists():  # Asterisk makes it at the first call
        return keys
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.reader(file):
            if row[0] == "PsapCall" and f"Dialled={DIALLED}" in row[10]:
                told = json.loads(row[10])["extra"]
                keys.append(dict(pair.split("=", 1) for pair in told.split(";"))["Key"])
    return keys


@pytest.mark.parametrize("area_code", AREAS)
async def test_the_dialplan_makes_the_same_keys(home: Home, centre: Centre, area_code: str) -> None:
    cases = [case for case in CASES if case["area_code"] == area_code]
    own = load_profile(home.settings.home / "profile.toml").area_code
    before = len(keys_in_ledger(home))
    async with ami(home) as link:
        await link.ask(Action="Setvar", Variable="PSAP_AREA", Value=area_code.lstrip("0"))
        try:
            for count, case in enumerate(cases, 1):
                user = quote(case["raw"], safe="+-")
                sender = f"<sip:{user}@127.0.0.2>" if user else "<sip:127.0.0.2>"
                async with centre.caller(
                    None, dialled=DIALLED, from_header=sender.encode(), extra_header=b"X-Psap: table"
                ) as caller:
                    await caller.answered()
                async with asyncio.timeout(5):
                    while len(keys_in_ledger(home)) < before + count:  # noqa: ASYNC110 - Asterisk writes it
                        await asyncio.sleep(0.02)
        finally:
            await link.ask(Action="Setvar", Variable="PSAP_AREA", Value=own.lstrip("0"))
    got = keys_in_ledger(home)[before:]
    assert {c["raw"]: k or None for c, k in zip(cases, got, strict=True)} == {
        c["raw"]: c["key"] for c in cases
    }
