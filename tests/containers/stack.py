"""The whole of compose.yaml as a project of its own: built, started, broken and ended without a trace."""

from __future__ import annotations

import json
import os
import secrets
import signal
import ssl
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import aiohttp

from psap.platform.settings import ROOT, Settings
from tests.support.api import Api
from tests.support.composing import FILE, command, environment
from tests.support.home import DEMO_PASSWORD, RTP_SPAN, Home, free_ports

IMAGES = ("app", "asterisk", "postgres", "tls", "valkey")
PARTS = ("agi", "ami_bridge", "console", "watchdog")  # the application's own, besides prepare
SERVICES = ("asterisk", *PARTS, "tls", "valkey", "postgres")  # what keeps running
LOOK = "3s"  # between two health checks: a test waits for them
HEALTHY_SECONDS = 240.0  # a machine that does much else
Row = dict[str, Any]


class NotHealthyError(AssertionError):
    """Containers that did not become healthy: which, how they are, and the last thing that each said."""


class Stack:
    """One installation in containers, on free ports.

    ``more`` is merged over compose.yaml, for what a test breaks; ``only`` names the services it is about.
    """

    def __init__(
        self, folder: Path, version: str, *, more: Mapping[str, Any] | None = None, only: tuple[str, ...] = ()
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.version = version
        self.only = only
        self.name = f"psap112-test-{secrets.token_hex(4)}"
        sip, ami, pbx_http, agi, http, self.https = free_ports(6)
        rtp = 32_000 + (sip * 7) % 28_000
        self.settings = Settings(home=folder / "home", sip_port=sip, http_port=http)
        self.ports = {"sip": sip, "ami": ami, "pbx_http": pbx_http, "agi": agi, "http": http}
        self.city = {
            "PSAP_PROFILE": "semarang",
            "PSAP_PUBLIC_URL": self.front_url,
            "PSAP_SECRETS": str(folder / "secrets"),
            "PSAP_DEMO": "true",
            "PSAP_TIMER_SCALE": "0.2",
            "PSAP_HTTPS_BIND": "127.0.0.1",
            "PSAP_HTTPS_PORT": str(self.https),
            "PSAP_RTP_START": str(rtp),
            "PSAP_RTP_END": str(rtp + RTP_SPAN),
            **{f"PSAP_{what.upper()}_PORT": str(port) for what, port in self.ports.items()},
        }
        made = [str(ROOT / "docker" / "secrets.sh"), str(folder / "secrets"), "127.0.0.1"]
        subprocess.run(made, check=True, capture_output=True)
        ours: dict[str, Any] = {name: {"healthcheck": {"interval": LOOK}} for name in SERVICES}
        ours["prepare"] = {"environment": {"PSAP_DEMO_PASSWORD": DEMO_PASSWORD}}
        self._files = [FILE]
        for place, over in enumerate(({"services": ours}, more or {})):
            path = folder / f"over-{place}.yaml"
            path.write_text(json.dumps(over or {"services": {}}), "utf-8")  # JSON is YAML
            self._files.append(path)

    # ---- what Centre asks of a home

    @property
    def front_url(self) -> str:
        """The console as a browser reaches it, through the TLS front."""
        return f"https://127.0.0.1:{self.https}"

    @property
    def http_url(self) -> str:
        """The console itself, on loopback."""
        return f"http://127.0.0.1:{self.settings.http_port}"

    def cli(self, *words: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """``docker compose exec watchdog 112 WORDS``."""
        return self.compose("exec", "-T", "watchdog", "112", *words, check=check, timeout=timeout)

    def as_home(self) -> Home:
        """For Centre, which asks for no more than what stands above."""
        return cast("Home", self)

    # ---- the engine

    def compose(
        self, *words: str, check: bool = True, timeout: float = 900, version: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``docker compose`` for this project; raises with what it said when it fails."""
        files = [word for path in self._files for word in ("-f", str(path))]
        chosen = {**self.city, "PSAP_VERSION": version or self.version}
        line = [*command(), "-p", self.name, "--project-directory", str(ROOT), "--env-file", os.devnull]
        done = subprocess.run(
            [*line, *files, *words], cwd=ROOT, env=environment(chosen), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise AssertionError(
                f"docker compose {' '.join(words)}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            )
        return done

    def up(self) -> float:
        """Start everything and wait until it is healthy; the seconds it took."""
        began = time.monotonic()
        told = self.compose("up", "-d", "--no-build", *self.only, check=False)
        try:
            self.await_healthy(HEALTHY_SECONDS if told.returncode == 0 else 0)
        except NotHealthyError as error:
            said = told.stderr.strip().splitlines()[-1:] if told.returncode else []
            raise NotHealthyError("; ".join([str(error), *said])) from None
        return time.monotonic() - began

    def down(self) -> None:
        """End everything; not a container, a volume or a network of this project is left."""
        self.compose("down", "--volumes", "--timeout", "10")
        for what in ("container", "volume", "network"):
            label = f"label=com.docker.compose.project={self.name}"
            words = [what, "ls", "--quiet", "--filter", label, *(["--all"] if what == "container" else [])]
            assert docker(*words).stdout.split() == [], what

    def rows(self) -> dict[str, Row]:
        """Each service's container as the engine sees it: State, Health, ExitCode."""
        told = self.compose("ps", "--all", "--format", "json", check=False).stdout.strip()
        found = json.loads(told) if told.startswith("[") else [json.loads(line) for line in told.splitlines()]
        return {row["Service"]: row for row in found}

    def await_healthy(self, seconds: float = HEALTHY_SECONDS) -> None:
        """Return as soon as every container is healthy and the one-shot has ended well.

        Raises:
            NotHealthyError: a one-shot failed, or somebody is not healthy in time.
        """
        wanted = set(self.compose("config", "--services").stdout.split())
        if self.only:
            wanted = self._with_dependencies()
        end = time.monotonic() + seconds
        while True:
            rows = self.rows()
            ill = sorted(name for name in wanted if not _well(rows.get(name)))
            if not ill:
                return
            failed = any(_failed(rows.get(name)) for name in ill)
            if failed or time.monotonic() > end:
                raise NotHealthyError("; ".join(self._words(name, rows.get(name)) for name in ill))
            time.sleep(0.3)

    def _with_dependencies(self) -> set[str]:
        services = json.loads(self.compose("config", "--format", "json").stdout)["services"]
        found, todo = set(), list(self.only)
        while todo:
            name = todo.pop()
            found.add(name)
            todo += [other for other in services[name].get("depends_on", {}) if other not in found]
        return found

    def _words(self, service: str, row: Row | None) -> str:
        if row is None:
            return f"{service}: no container"
        log = docker("logs", "--tail", "1", row["ID"], check=False)
        last = log.stdout + log.stderr
        check = docker("inspect", "--format", "{{json .State.Health}}", row["ID"], check=False).stdout
        health = (json.loads(check) or {}) if check.strip() else {}
        looks = [each["Output"].strip() for each in health.get("Log") or [] if each["ExitCode"] != 0]
        said = " | ".join(word for word in (" ".join(last.split()), *looks[-1:]) if word)
        ended = f" ({row['ExitCode']})" if row["State"] == "exited" else ""
        return f"{service}: {row['State']}{ended} {row.get('Health', '')} [{said}]"

    def container(self, service: str) -> str:
        """The id of a service's container."""
        return str(self.rows()[service]["ID"])

    def pid(self, service: str) -> int:
        """The container's first process, as the host numbers it."""
        return int(docker("inspect", "--format", "{{.State.Pid}}", self.container(service)).stdout)

    def status(self, seconds: float = HEALTHY_SECONDS) -> dict[str, Any]:
        """``112 status --json`` once it says that all is well: on a busy machine slow looks like ill."""
        end = time.monotonic() + seconds
        while True:
            told: dict[str, Any] = json.loads(self.cli("status", "--json", check=False).stdout)
            if told["healthy"]:
                return told
            assert time.monotonic() < end, told

    def kill(self, service: str) -> int:
        """End a container's process as a crash would (``docker kill`` would be a person's wish); its pid."""
        pid = self.pid(service)
        os.kill(pid, signal.SIGKILL)
        return pid

    def await_new(self, service: str, old: int, seconds: float = HEALTHY_SECONDS) -> float:
        """Wait until the engine runs it anew and it is healthy; the seconds."""
        began = time.monotonic()
        while self.pid(service) in (0, old):
            assert time.monotonic() - began < seconds, f"{service} was not started again in {seconds:.0f} s"
            time.sleep(0.2)
        self.await_healthy(seconds)
        return time.monotonic() - began

    def logs(self) -> str:
        """The end of every container's log."""
        return self.compose("logs", "--no-color", "--tail", "15", check=False).stdout


class Browser(Api):
    """A signed-in person who comes through the TLS front, and believes its certificate alone."""

    def __init__(self, stack: Stack, username: str) -> None:
        super().__init__(stack.front_url, username)
        self._context = ssl.create_default_context(cafile=str(stack.folder / "secrets" / "tls.crt"))

    async def __aenter__(self) -> Browser:
        self.session = aiohttp.ClientSession(
            headers={"Origin": self.url},
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            connector=aiohttp.TCPConnector(ssl=self._context),
        )
        try:
            await self.post("/session", {"username": self.username, "password": self._password})
        except BaseException:
            await self.session.close()
            raise
        return self


def docker(*words: str, check: bool = True, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    """The engine's own command line."""
    done = subprocess.run(
        ["docker", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=timeout, env=environment({"DOCKER_BUILDKIT": "1"}),
    )  # fmt: skip
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(words)}: {done.stderr[-3000:]}")
    return done


def build(tag: str, source: Path = ROOT) -> float:
    """Build every image from a folder with our sources; the seconds it took."""

    def one(name: str) -> None:
        docker(
            "build", "--quiet", "--file", str(source / "docker" / f"{name}.Dockerfile"),
            "--build-arg", f"VERSION={tag}", "--build-arg", f"REVISION={tag}",
            "--tag", f"psap112-{name}:{tag}", str(source),
        )  # fmt: skip

    began = time.monotonic()
    with ThreadPoolExecutor(len(IMAGES)) as pool:
        list(pool.map(one, IMAGES))
    return time.monotonic() - began


def forget(tag: str) -> None:
    """Take the images of a tag away; the engine keeps its layers for the next build."""
    docker("image", "rm", "--force", *(f"psap112-{name}:{tag}" for name in IMAGES), check=False)


def _well(row: Row | None) -> bool:
    if row is None:
        return False
    if row["Service"] == "prepare":
        return bool(row["State"] == "exited" and row["ExitCode"] == 0)
    return bool(row["State"] == "running" and row.get("Health") == "healthy")


def _failed(row: Row | None) -> bool:
    return (
        row is not None and row["Service"] == "prepare" and row["State"] == "exited" and row["ExitCode"] != 0
    )
