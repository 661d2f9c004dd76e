"""Docker Compose for tests: the program itself, and compose.yaml as it understands it."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from psap.platform.settings import ROOT, Settings

FILE = ROOT / "compose.yaml"
CITY = {"PSAP_PROFILE": "semarang", "PSAP_PUBLIC_URL": "https://112.example"}  # what .env must have


@functools.cache
def command() -> list[str]:
    """Compose 2: the engine's own, else the one that ./112 keeps for the tests.

    Raises:
        AssertionError: there is none.
    """
    docker = shutil.which("docker")
    if docker is not None:
        asked = subprocess.run([docker, "compose", "version"], capture_output=True, check=False, timeout=60)
        if asked.returncode == 0:
            return [docker, "compose"]
    kept = Settings().cache / "compose-1" / "docker-compose"  # the same name as in ./112
    assert kept.exists(), f"no Docker Compose 2 ({kept}): run the tests through ./112 test"
    return [str(kept)]


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours without the settings of a person's own home."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PSAP_")} | dict(more)


def config(
    *files: Path, city: Mapping[str, str] = CITY, words: Sequence[str] = ("--format", "json")
) -> subprocess.CompletedProcess[str]:
    """``docker compose config``. An empty file of settings: a .env beside compose.yaml is a person's own."""
    chosen = [word for file in files or (FILE,) for word in ("-f", str(file))]
    return subprocess.run(
        [*command(), "--project-directory", str(ROOT), "--env-file", os.devnull, *chosen, "config", *words],
        cwd=ROOT, env=environment(city), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def resolved(*files: Path, city: Mapping[str, str] = CITY) -> dict[str, Any]:
    """compose.yaml after merging and interpolating."""
    told = config(*files, city=city)
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found
