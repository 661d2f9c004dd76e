"""HEALTHCHECK of the application's image: does the part that this container is give a sign of life?

Healthy is who beats and answers. A part that only misses another one ("degraded") is alive: a database
that is away must not make every container look ill. Standard library alone: it runs every ten seconds.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from psap.platform.heartbeat import read_heartbeat

ANSWER = 4.0  # seconds
QUESTIONS = {
    "agi": ("agi_port", b"agi_network: yes\nagi_network_script: probe\nagi_channel: probe\n\n", b""),
    "console": ("http_port", b"GET /api/v1/healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", b"HTTP/"),
}


def main() -> str | None:
    """What is wrong, or None."""
    home = Path(os.environ.get("PSAP_HOME", "/var/lib/psap112"))
    try:
        part = Path("/tmp/part").read_text("utf-8")  # noqa: S108 - docker/entrypoint.sh wrote it
    except OSError:
        return "not started yet"
    state, detail, _pid = read_heartbeat(home / "run", part)
    if state == "down":
        return f"{part}: {detail}"
    if part in QUESTIONS:
        setting, question, wanted = QUESTIONS[part]
        port = json.loads((home / "config.json").read_text("utf-8"))[setting]
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER) as line:
            line.sendall(question)
            said = line.recv(64)
            if part == "agi":
                line.sendall(b"200 result=1\n")
        if not said or not said.startswith(wanted):
            return f"{part}: no answer on port {port}"
    print(f"{part}: {state}, {detail}")
    return None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
