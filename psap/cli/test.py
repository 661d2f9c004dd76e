"""``./112 test``: the checks, the page's own tests, then pytest; pytest's closing line comes last.
``./112 test faults``: the fault matrix alone, continued where it was left (tests/faults/matrix.py);
``./112 test containers``: compose.yaml on a real engine, which no other run needs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import typer

from psap.cli import page
from psap.cli.say import step
from psap.platform.settings import ROOT, load_settings

CHECKS = (
    ("ruff check", ["ruff", "check", "."]),
    ("ruff format", ["ruff", "format", "--check", "."]),
    ("mypy --strict", ["mypy"]),
    ("lint-imports", ["lint-imports"]),
)
# most tests wait most of the time: three workers on two cores, and two where each has browsers to feed.
# A file's tests stay together, so that each worker has one home for them; in the files' order, so that the
# many quick ones (tests/unit) come last and no worker is left alone with a slow file.
BESIDE = ["--dist", "loadfile", "--no-loadscope-reorder"]
USUAL = "not alone and not long and not containers"
BROWSER = "tests/browser"
SHORT = (
    ["-m", "alone and not long and not containers"],
    ["-m", USUAL, "-n", "2", *BESIDE, BROWSER],
    ["-m", USUAL, "-n", "3", *BESIDE, f"--ignore={BROWSER}"],
)
FULL = ["-m", "not containers"]
CONTAINERS = ["-m", "containers", "tests/containers"]


def test(context: typer.Context) -> None:
    """Semua pemeriksaan dan uji / all checks and tests. `full`: uji panjang juga / the long ones too;
    `faults [--fresh]`: matriks gangguan / the fault matrix; `containers`: compose.yaml di mesin Docker / on
    a Docker engine; argumen pytest menjalankan pytest saja /
    pytest arguments run pytest alone."""
    words = list(context.args)
    if words[:1] == ["faults"]:
        page.build_if_stale(load_settings().cache)
        matrix = [sys.executable, "-m", "tests.faults.matrix", *words[1:]]
        raise typer.Exit(subprocess.run(matrix, cwd=ROOT, env=_environment(), check=False).returncode)
    if words[:1] == ["containers"]:
        raise typer.Exit(_pytest([*CONTAINERS, *words[1:]]))
    everything = words[:1] == ["full"]
    if everything:
        words = words[1:]
    page.build_if_stale(load_settings().cache)
    failed = [] if words else _checks()
    # with arguments it is the person who chooses; without, the long ones wait for `full`
    runs = [[*FULL, *words]] if everything else [words] if words else SHORT
    codes = [_pytest(chosen) for chosen in runs]
    if failed:
        # on standard error: pytest's closing line stays the last of standard output
        print(f"112: gagal / failed: {', '.join(failed)}", file=sys.stderr)
    raise typer.Exit(1 if failed else max(codes))


def _pytest(words: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", *words]
    return subprocess.run(command, cwd=ROOT, env=_environment(), check=False).returncode


def _checks() -> list[str]:
    """Names of the checks that failed; the output of those only."""
    tools = Path(sys.executable).parent
    todo = [(name, [str(tools / command[0]), *command[1:]], ROOT) for name, command in CHECKS]
    page.install_tools()
    todo.append(("npm run check", ["npm", "run", "check"], page.WEB))
    failed = []
    for name, command, folder in todo:
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - began
        if done.returncode == 0:
            step(f"{name}: baik ({seconds:.1f} detik)", f"fine ({seconds:.1f} s)")
        else:
            failed.append(name)
            step(f"{name}: GAGAL", "FAILED")
            print(done.stdout + done.stderr, flush=True)
    return failed


def _environment() -> dict[str, str]:
    """The tests make homes of their own: settings of a person's home must not reach them."""
    kept = {"PSAP_CACHE", "PSAP_PBX_ROOT", "PSAP_UPGRADE_FROM", "PSAP_SEED"}  # the last two are tests' own
    return {key: value for key, value in os.environ.items() if not key.startswith("PSAP_") or key in kept}
