"""The units as `systemd/install` writes them, judged by systemd's own tools."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from psap.platform import parts
from psap.platform.settings import ROOT, Settings

HOME = "/var/lib/psap112"
SERVICES = ("prepare", "redis", "asterisk", "agi", "ami-bridge", "console", "watchdog")
# systemd-analyze's exposure, times ten: 0 is best, 100 is worst, an ordinary service has 96
EXPOSED = 20


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `install` writes, with a Debian root of Asterisk's as on Debian 12 and 13."""
    into = tmp_path_factory.mktemp("units")
    root = into / "pbx-root"
    (root / "usr/sbin").mkdir(parents=True)
    program = root / "usr/sbin/asterisk"
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    subprocess.run(
        [ROOT / "systemd" / "install", "--into", into],
        env={**os.environ, "PSAP_PBX_ROOT": str(root), "PSAP_CACHE": str(into / "cache")},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return into / "etc/systemd/system"


def analyze(units: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # a colon at the end: systemd's own units too
    env = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:", "LC_ALL": "C"}
    return subprocess.run(
        ["systemd-analyze", *words], env=env, capture_output=True, text=True, check=False, timeout=60
    )


def section(path: Path, name: str = "Service") -> dict[str, list[str]]:
    """One section of a unit: setting -> its values in order."""
    found: dict[str, list[str]] = {}
    inside = False
    for line in path.read_text("utf-8").replace("\\\n", " ").splitlines():
        if line.startswith("["):
            inside = line == f"[{name}]"
        elif inside and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def complaints(told: subprocess.CompletedProcess[str]) -> list[str]:
    """What systemd says about our units; it also finds things in the machine's own."""
    return [line for line in told.stderr.splitlines() if "psap112" in line]


def test_systemd_takes_every_unit(units: Path) -> None:
    told = analyze(
        units, "verify", "--man=no", "psap112.target", *(f"psap112-{name}.service" for name in SERVICES)
    )
    # the program lies in the Debian root, which systemd enters; it looks for it outside
    wrong = [line for line in complaints(told) if "/usr/sbin/asterisk is not executable" not in line]
    assert not wrong


def test_a_slip_in_a_unit_is_found(units: Path) -> None:
    unit = units / "psap112-agi.service"
    text = unit.read_text("utf-8")
    try:
        unit.write_text(text.replace("Restart=always", "Restart=sometimes"), "utf-8")
        assert complaints(analyze(units, "verify", "--man=no", "psap112-agi.service"))
    finally:
        unit.write_text(text, "utf-8")


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_may_do_little(units: Path, name: str) -> None:
    told = analyze(
        units, "security", "--offline=yes", f"--threshold={EXPOSED}", "--no-pager", f"psap112-{name}.service"
    )
    assert told.returncode == 0, told.stdout[-300:] + told.stderr


def test_the_account_s_rights_are_what_the_threshold_measures(units: Path) -> None:
    common = units / "psap112-.service.d/all.conf"
    text = common.read_text("utf-8")
    try:
        common.write_text("[Service]\n", "utf-8")
        told = analyze(
            units, "security", "--offline=yes", f"--threshold={EXPOSED}", "--no-pager", "psap112-agi.service"
        )
        assert told.returncode != 0
    finally:
        common.write_text(text, "utf-8")


def test_the_units_start_what_up_starts(units: Path) -> None:
    settings = Settings(home=Path(HOME), pbx_root=Path("/"))
    wanted = {part.name: part.command for part in parts.processes(settings)}
    for name, command in wanted.items():
        service = section(units / f"psap112-{name.replace('_', '-')}.service")
        (started,) = (shlex.split(line) for line in service["ExecStart"])
        assert f"PSAP_PART={name}" in service["Environment"]
        if name == "asterisk":  # `up` silences its standard error by a shell, systemd by a setting
            assert started == command[-4:]
            assert service["StandardError"] == ["null"]
        elif name == "redis":
            assert (Path(started[0]).name, started[1:]) == (command[0], command[1:])
        else:
            assert started == [str(ROOT / ".venv/bin/python"), *command[1:]]


def test_nothing_of_another_machine_is_left_in_them(units: Path) -> None:
    for path in [*units.rglob("*.service"), *units.rglob("*.conf"), units / "../../psap112/psap112.env"]:
        text = path.read_text("utf-8")
        assert not re.search(r"@[A-Z_]+@", text), path
        assert "/opt/psap112" not in text


def test_the_example_names_every_setting_and_no_other(units: Path) -> None:
    text = (ROOT / "systemd/psap112.env.example").read_text("utf-8")
    named = set(re.findall(r"^#?PSAP_([A-Z_]+)=", text, re.M))
    assert named == {name.upper() for name in Settings.model_fields}


def test_the_example_as_it_is_makes_settings(units: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string("[all]\n" + (units / "../../psap112/psap112.env").read_text("utf-8"))
    for name in list(os.environ):
        if name.startswith("PSAP_"):
            monkeypatch.delenv(name)
    for name, value in parser["all"].items():
        monkeypatch.setenv(name, value)
    assert Settings().outside
    assert Settings().home == Path(HOME)
