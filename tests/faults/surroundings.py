"""Ways to break what a home stands on: name resolution, the disk, the clock. Never the machine's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from psap.platform import supervise
from psap.platform.pbx_root import PRIVATE
from psap.platform.settings import ROOT
from tests.support.home import Home

DISK = "640m"  # size of the small disk: `up` asks for 500 MB
HOUR = 3600


@contextmanager
def silent_resolver() -> Iterator[str]:
    """The address of a name server that takes every question and answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        address = f"127.53.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}"
        silent.bind((address, 53))
        yield address


@asynccontextmanager
async def dead_names(home: Home) -> AsyncIterator[None]:
    """Asterisk's resolver answers no more: another resolv.conf over its own, in its private mounts only."""
    pid = supervise.info(home.settings)["asterisk"].pid
    assert pid is not None
    ours, its = (Path(f"/proc/{who}/ns/mnt").readlink() for who in ("self", pid))
    assert ours != its, "Asterisk has no mount namespace of its own: the machine's names would be broken"
    enter = ["nsenter", f"--mount=/proc/{pid}/ns/mnt", f"--root=/proc/{pid}/root", "--"]
    with silent_resolver() as address:
        conf = home.settings.pbx / "dead-resolv.conf"
        conf.write_text(f"nameserver {address}\noptions timeout:5 attempts:2\n", "utf-8")
        await _run([*enter, "mount", "--bind", str(conf), "/etc/resolv.conf"])
        try:
            yield
        finally:
            await _run([*enter, "umount", "/etc/resolv.conf"])


async def _run(command: list[str]) -> None:
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr}"


def nameless(folder: Path, address: str) -> list[str]:
    """What to put before a command so that it, and all it starts, asks only the silent resolver."""
    conf = folder / "dead-resolv.conf"
    conf.write_text(f"nameserver {address}\noptions timeout:5 attempts:2\n", "utf-8")
    script = f'{PRIVATE} && mount --bind {shlex.quote(str(conf))} /etc/resolv.conf && exec "$@"'
    return ["unshare", "--mount", "--propagation", "unchanged", "--", "sh", "-c", script, "nameless"]


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of ``DISK`` at ``folder``; unmounted at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "psap-faults", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@asynccontextmanager
async def full_disk(home: Home) -> AsyncIterator[None]:
    """Not a byte is free in the home's folder, until the block ends."""
    filler = home.settings.home / "filler"

    def fill() -> None:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * size)

    try:
        await asyncio.to_thread(fill)
        assert shutil.disk_usage(home.settings.home).free < 4096
        yield
    finally:
        filler.unlink()


def give_clock(home: Home) -> None:
    """Start the parts of a home anew with a clock that can be stepped (libfaketime).

    Timers stay true: CLOCK_MONOTONIC is not touched. The library lies in the home, so that it is seen
    from Asterisk's root as well. Redis keeps the machine's clock: its allocator does not bear libfaketime.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert found, "libfaketime is missing: apt-get install faketime (./112 test does)"
    place = home.settings.pbx / "faketime"
    place.mkdir(exist_ok=True)
    library, offset = place / found[0].name, place / "offset"
    shutil.copyfile(found[0], library)
    offset.write_text("+0\n", "utf-8")
    for path, mode in ((place, 0o755), (library, 0o755), (offset, 0o644)):
        path.chmod(mode)
    words = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    assert not supervise.stop(home.settings)
    conf = home.settings.run / "supervisord.conf"
    more = "".join(f',{name}="{word}"' for name, word in words.items())
    ours = r'(?m)^(environment=PSAP_PART="(?:agi|ami_bridge|console)".*)$'
    text, count = re.subn(ours, rf"\1{more}", conf.read_text("utf-8"))
    # Asterisk's begins behind chroot: the library's semaphore must belong to its own user
    env = "/usr/bin/env " + " ".join(f"{name}={word}" for name, word in words.items())
    text, more_count = re.subn(r" (/usr/sbin/asterisk -C)", rf" {env} \1", text)
    assert (count, more_count) == (3, 1), "supervisord.conf looks otherwise than it did"
    conf.write_text(text, "utf-8")
    command = [sys.executable, "-m", "psap.platform.supervisor_main", "-c", str(conf)]
    subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, timeout=20,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip


@asynccontextmanager
async def stepped(home: Home, seconds: int) -> AsyncIterator[None]:
    """The clock of the whole home jumps by ``seconds``, and stays there: clocks are set, not wobbled."""
    offset = home.settings.pbx / "faketime" / "offset"
    now = int(offset.read_text("utf-8"))
    part = offset.with_suffix(".part")
    part.write_text(f"{now + seconds:+d}\n", "utf-8")
    part.chmod(0o644)
    part.replace(offset)
    yield
