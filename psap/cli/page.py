"""The console's page: built from console/web with Node, into console/static, when it is out of date."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from psap.cli.say import RefusedError, step
from psap.platform.settings import ROOT

WEB = ROOT / "console" / "web"
STATIC = ROOT / "console" / "static"
STAMP = STATIC / ".built-from"
NOT_SOURCE = {"node_modules", "dist", "coverage"}


def source_hash() -> str:
    """One hash over every source file of the page."""
    total = hashlib.sha256()
    for path in sorted(WEB.rglob("*")):
        if path.is_file() and not NOT_SOURCE.intersection(path.relative_to(WEB).parts):
            total.update(str(path.relative_to(WEB)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def is_stale() -> bool:
    """Must the page be built?"""
    if not (WEB / "package.json").exists():
        return False
    return not STAMP.exists() or STAMP.read_text("utf-8") != source_hash()


def build_if_stale(cache: Path) -> None:
    """Build the page when its source changed, or take it from the cache that clones share.

    Raises RefusedError when the build fails.
    """
    if not is_stale():
        return
    with (WEB / "package.json").open() as file:  # two `up`s of one clone build once
        fcntl.flock(file, fcntl.LOCK_EX)
        if not is_stale():
            return
        wanted = source_hash()
        kept = cache / f"page-{wanted[:16]}"
        if not kept.is_dir():
            step("Membangun halaman konsol", "building the console's page")
            install_tools()
            _npm("run", "build")
            STATIC.mkdir(parents=True, exist_ok=True)
            _keep(kept)
        else:
            shutil.rmtree(STATIC, ignore_errors=True)
            shutil.copytree(kept, STATIC)
        STAMP.write_text(wanted, "utf-8")


def install_tools() -> None:
    """What the page is built and checked with, as locked, where it is not there."""
    # by content: a fresh clone's files are newer than the tools that it shares
    wanted = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    stamp = WEB / "node_modules" / ".psap-lock"
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        _npm("ci", "--no-audit", "--no-fund")
        stamp.write_text(wanted, "utf-8")


def _keep(kept: Path) -> None:
    """Copy the built page into the cache, whole or not at all."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=kept.parent, prefix="page-part-"))
        shutil.copytree(STATIC, part, dirs_exist_ok=True)
        part.rename(kept)
    except OSError:
        return  # no cache, or another clone was first: the page itself is built


def _npm(*words: str) -> None:
    command = ["npm", *words]
    try:
        done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RefusedError("npm tidak ditemukan, jalankan lewat ./112 / npm was not found") from None
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise RefusedError(f"{' '.join(command)}: {' | '.join(lines[-3:])}")
