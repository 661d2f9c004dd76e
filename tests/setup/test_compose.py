"""compose.yaml and the Dockerfiles, judged without an engine; each check is seen to fail on a broken copy."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from psap.platform.settings import ROOT, Settings
from tests.setup.compose_rules import RULES, dockerfile_faults, dockerfiles
from tests.support.composing import CITY, FILE, config, resolved

DOCKER = ROOT / "docker"
TOOLS = Path(sys.executable).parent
Config = dict[str, Any]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOOLS / words[0]), *words[1:]], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def ours() -> Config:
    return resolved()


# ---- Compose itself, its schema, hadolint


def test_compose_understands_it() -> None:
    told = config(words=["-q"])
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("lacking", sorted(CITY))
def test_without_the_citys_own_settings_it_says_what_is_missing(lacking: str) -> None:
    told = config(city={name: value for name, value in CITY.items() if name != lacking}, words=["-q"])
    assert told.returncode != 0
    assert lacking in told.stderr
    assert ".env.example" in told.stderr


def test_compose_refuses_a_broken_copy(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yaml"
    broken.write_text(FILE.read_text("utf-8").replace("source: home\n", "source: hom\n", 1), "utf-8")
    told = config(broken, words=["-q"])
    assert told.returncode != 0
    assert "hom" in told.stderr


def test_the_schema_of_compose_files_accepts_it() -> None:
    told = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE))
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_schema_refuses_a_broken_copy(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yaml"
    broken.write_text(FILE.read_text("utf-8").replace("read_only: true\n", "readonly: true\n", 1), "utf-8")
    told = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(broken))
    assert told.returncode != 0
    assert "readonly" in told.stdout


def test_hadolint_has_no_complaint() -> None:
    told = run("hadolint", *(str(path) for path in sorted(DOCKER.glob("*.Dockerfile"))))
    assert told.returncode == 0, told.stdout


def test_hadolint_complains_of_a_broken_copy(tmp_path: Path) -> None:
    broken = tmp_path / "app.Dockerfile"
    text = (DOCKER / "app.Dockerfile").read_text("utf-8")
    broken.write_text(text.replace("USER 10112:10112\n", "USER root\n"), "utf-8")
    told = run("hadolint", str(broken))
    assert told.returncode != 0
    assert "DL3002" in told.stdout


# ---- our own rules


@pytest.mark.parametrize("rule", sorted(RULES))
def test_our_own_rules_hold(ours: Config, rule: str) -> None:
    assert list(RULES[rule](ours)) == []


def _set(service: str, key: str, value: object) -> Callable[[Config], None]:
    def breaking(found: Config) -> None:
        found["services"][service][key] = value

    return breaking


def _drop(service: str, key: str) -> Callable[[Config], None]:
    return lambda found: found["services"][service].pop(key)


PORT = {"target": 5432, "published": "5432"}
BROKEN: dict[str, tuple[str, Callable[[Config], None], str]] = {
    "root": ("unprivileged", _drop("agi", "user"), "agi: user root"),
    "root by number": ("unprivileged", _set("tls", "user", "0:0"), "tls: user 0:0"),
    "capabilities": ("unprivileged", _set("tls", "cap_add", ["NET_ADMIN"]), "tls: keeps capabilities"),
    "privileges": ("unprivileged", _set("console", "security_opt", []), "console: may get new privileges"),
    "privileged": ("unprivileged", _set("asterisk", "privileged", True), "asterisk: privileged"),
    "root file system": ("read_only", _set("valkey", "read_only", False), "valkey: its root can be written"),
    "no tmp": ("read_only", _drop("postgres", "tmpfs"), "postgres: no /tmp of its own"),
    "the engine's socket": (
        "read_only",
        _set("watchdog", "volumes", [{"type": "bind", "source": "/run/docker.sock", "read_only": True}]),
        "watchdog: holds the engine",
    ),
    "no check": ("looked_after", _set("agi", "healthcheck", {"disable": True}), "agi: no health check"),
    "no restart": ("looked_after", _set("console", "restart", "no"), "console: restart no"),
    "no limit": ("looked_after", _drop("console", "mem_limit"), "console: without limits"),
    "endless log": ("looked_after", _drop("postgres", "logging"), "postgres: its log is not rotated"),
    "latest": (
        "looked_after",
        _set("tls", "image", "psap112-tls:latest"),
        "tls: image psap112-tls:latest has no version",
    ),
    "database on the network": (
        "networks",
        _set("postgres", "network_mode", "host"),
        "postgres: network host",
    ),
    "database's port": ("networks", _set("tls", "ports", [PORT]), "tls: publishes 5432"),
    "processes": ("networks", _set("agi", "pid", "host"), "agi: shares the host's pid"),
    "key in wrong hands": (
        "secrets",
        _set("console", "secrets", [{"source": "tls_key"}]),
        "console: reads tls_key",
    ),
    "password in the open": (
        "secrets",
        _set("postgres", "environment", {"POSTGRES_PASSWORD": "x"}),
        "postgres: POSTGRES_PASSWORD stands in its environment",
    ),
    "callers wait for a database": (
        "order",
        _set("asterisk", "depends_on", {"postgres": {"condition": "service_healthy"}}),
        "asterisk waits for postgres: service_healthy",
    ),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_each_rule_finds_what_is_broken(ours: Config, name: str) -> None:
    rule, breaking, fault = BROKEN[name]
    found = copy.deepcopy(ours)
    breaking(found)
    assert fault in list(RULES[rule](found))


def test_every_image_is_checked_and_unprivileged_by_itself() -> None:
    texts = dockerfiles(DOCKER)
    assert set(texts) == {f"{name}.Dockerfile" for name in ("app", "asterisk", "postgres", "tls", "valkey")}
    assert {name: list(dockerfile_faults(text)) for name, text in texts.items()} == {
        name: [] for name in texts
    }


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (r"^USER .*$", "USER root", "runs as root"),
        (r"^HEALTHCHECK ", "# ", "no HEALTHCHECK"),
        (r"^FROM debian:trixie-slim$", "FROM debian:latest", "stands on debian:latest"),
        (r"\A", "# syntax=docker/dockerfile:1\n", "needs a newer engine than Debian 12's"),
    ],
)
def test_a_worse_dockerfile_is_found(old: str, new: str, fault: str) -> None:
    text = re.sub(old, new, dockerfiles(DOCKER)["tls.Dockerfile"], flags=re.MULTILINE)
    assert fault in list(dockerfile_faults(text))


# ---- what must agree with the rest of the software


def test_every_setting_is_one_that_the_software_knows(ours: Config) -> None:
    known = {f"PSAP_{name.upper()}" for name in Settings.model_fields}
    given = set(ours["services"]["prepare"]["environment"])
    assert given - known == {"PSAP_ADMIN_PASSWORD_FILE"}  # docker/prepare.py's own


def test_env_example_names_what_compose_reads_and_holds_no_secret() -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    named = set(re.findall(r"^#?(PSAP_\w+)=", text, re.MULTILINE))
    read = set(re.findall(r"\$\{(PSAP_\w+)", FILE.read_text("utf-8")))
    handed = set(resolved()["services"]["prepare"]["environment"])
    assert named <= read | handed
    assert read - named == {"PSAP_REVISION", "PSAP_SECRETS"}  # a build's and the tests' own
    assert not re.search(r"^#?PSAP_\w*(PASSWORD|SECRET|TOKEN|KEY)=", text, re.MULTILINE)
    assert not re.search(r"^#?PSAP_(PROFILE|SIP_BIND|TRUNK_HOSTS)=.+", text, re.MULTILINE)


def test_what_is_handed_through_reaches_the_container() -> None:
    given = resolved(city={**CITY, "PSAP_SIP_PORT": "5070"})["services"]["prepare"]["environment"]
    assert given["PSAP_SIP_PORT"] == "5070"
    assert given["PSAP_RTP_END"] is None  # not set there at all


def test_secrets_are_made_once_and_nobody_elses(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = [str(DOCKER / "secrets.sh"), str(folder), "112.example"]
    subprocess.run(made, check=True, capture_output=True, cwd=tmp_path)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(first) == {"database_password", "admin_password", "tls.crt", "tls.key"}
    assert first["database_password"] != first["admin_password"]
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "admin_password").unlink()
    subprocess.run(made, check=True, capture_output=True, cwd=tmp_path)
    second = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert second["admin_password"] != first["admin_password"]
    assert second | {"admin_password": b""} == first | {"admin_password": b""}


def test_no_secret_is_ever_committed_or_sent_to_a_build() -> None:
    # under sudo the folder is somebody else's, which git distrusts unless told
    ignored = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "check-ignore", "docker/secrets/tls.key", ".env"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ignored.stdout.split() == ["docker/secrets/tls.key", ".env"]
    assert "docker/secrets" in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
