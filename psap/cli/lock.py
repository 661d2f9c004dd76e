"""``./112 lock``: pins every dependency with its hashes."""

from __future__ import annotations

import shutil
import subprocess

from psap.cli.say import RefusedError, step
from psap.platform.settings import ROOT

# file -> what needs it. The launcher itself pins uv and, on machines without one, Node.
LOCKS = ("requirements", "requirements-dev", "requirements-uv", "requirements-node")
OLDEST_PYTHON = "3.11"


def lock() -> None:
    """Tulis ulang berkas kunci / write the lock files anew."""
    uv = shutil.which("uv")
    if uv is None:
        raise RefusedError(
            "uv tidak ditemukan, jalankan lewat ./112 / uv was not found, run this through ./112"
        )
    for name in LOCKS:
        step(f"Mengunci {name}.in", f"locking {name}.in")
        command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-emit-index-url"]
        command += ["--no-header", "--python-version", OLDEST_PYTHON]
        command += [f"{name}.in", "--output-file", f"{name}.lock"]
        ended = subprocess.run(command, cwd=ROOT, check=False)
        if ended.returncode != 0:
            raise RefusedError(f"{name}.in: uv pip compile gagal / failed ({ended.returncode})")
