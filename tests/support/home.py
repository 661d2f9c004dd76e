"""A real home in a temporary folder, on free ports, started and ended through ./112 itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from psap.platform import supervise
from psap.platform.settings import ROOT, Settings, load_settings
from tests.support.persons import homes, in_logs

DEMO_PASSWORD = "uji-coba-Sandi-112"
UP_SECONDS = 240
RTP_SPAN = 2000  # a flood holds a pair of ports for each call while it is being refused


def free_ports(count: int) -> list[int]:
    """Ports that are free for TCP and UDP on every loopback address, all different.

    They lie below the range from which the kernel gives ports to outgoing connections.
    """
    found: list[int] = []
    # workers of one run have neighbouring pids: each begins at a place of its own
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    candidate = 10_000 + (os.getpid() * 37 + worker * 9_000) % 18_000
    while len(found) < count:
        candidate = candidate + 1 if candidate < 31_000 else 10_000
        with ExitStack() as stack:
            try:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    stack.enter_context(socket.socket(socket.AF_INET, kind)).bind(("0.0.0.0", candidate))
            except OSError:
                continue
        found.append(candidate)
    return found


class Home:
    """One installation for tests. ``start()`` returns when everything is healthy."""

    def __init__(
        self,
        folder: Path,
        *,
        profile: str = "semarang",
        env: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.profile = profile
        self.prefix = list(prefix)  # put before ./112: a command that runs it in other surroundings
        sip, ami, pbx_http, agi, http = free_ports(5)
        rtp = 32_000 + (sip * 7) % 28_000  # Asterisk passes over single ports that are taken
        self.env = {
            "PSAP_SIP_PORT": str(sip),
            "PSAP_AMI_PORT": str(ami),
            "PSAP_PBX_HTTP_PORT": str(pbx_http),
            "PSAP_AGI_PORT": str(agi),
            "PSAP_HTTP_PORT": str(http),
            "PSAP_RTP_START": str(rtp),
            "PSAP_RTP_END": str(rtp + RTP_SPAN),
            "PSAP_DEMO_PASSWORD": DEMO_PASSWORD,
            **(env or {}),
        }

    @property
    def settings(self) -> Settings:
        """What ``up`` used (before the first ``up``: what it would find)."""
        return load_settings(self.folder)

    @property
    def http_url(self) -> str:
        """The console's address without a slash at the end."""
        return f"http://127.0.0.1:{self.settings.http_port}"

    def cli(
        self, *words: str, check: bool = True, timeout: float = 60, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``./112 WORDS --home FOLDER``; raises when it fails, unless ``check`` is False."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PSAP_")}
        if "PSAP_CACHE" in os.environ:
            clean["PSAP_CACHE"] = os.environ["PSAP_CACHE"]
        ended = subprocess.run(
            [*self.prefix, str(ROOT / "112"), *words, "--home", str(self.folder)],
            env={**clean, **self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and ended.returncode != 0:
            raise AssertionError(
                f"./112 {' '.join(words)} -> {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
            )
        return ended

    def start(self, *, profile: str | None = None, env: dict[str, str] | None = None) -> Home:
        """``up --demo --detach``; what is given here stays for later starts of this home."""
        self.profile = profile or self.profile
        self.env |= env or {}
        homes.add(self.folder)
        self.cli("up", "--demo", "--detach", "--profile", self.profile, timeout=UP_SECONDS)
        return self

    def stop(self) -> None:
        """``down``, and nothing of this home is left running."""
        self.cli("down")
        assert not supervise.survivors(self.settings)

    def status(self) -> dict[str, Any]:
        """``status --json``, also when unhealthy."""
        told: dict[str, Any] = json.loads(self.cli("status", "--json", check=False).stdout)
        return told

    def pid(self, part: str) -> int:
        """The process of a part."""
        found: int = self.status()["parts"][part]["pid"]
        return found

    def logs(self) -> str:
        """The end of every part's log, for a failing test's report."""
        ends = []
        for path in sorted(
            [*self.settings.logs.glob("*.log"), *(self.settings.pbx / "log").glob("messages*")]
        ):
            ends.append(
                f"--- {path.name}\n" + "\n".join(path.read_text("utf-8", "replace").splitlines()[-15:])
            )
        return "\n".join(ends)


def running_home(folder: Path, **options: Any) -> Iterator[Home]:
    """For fixtures: ``yield from running_home(tmp_path_factory.mktemp("home"), profile=..., env=...)``.

    Whatever the tests did with it, nobody they made up stands in its logs afterwards.
    """
    home = Home(folder, **options)
    try:
        yield home.start()
    finally:
        home.stop()
    leaks = in_logs(folder)
    assert not leaks, f"{len(leaks)} lines\n" + "\n".join(leaks[:20])
