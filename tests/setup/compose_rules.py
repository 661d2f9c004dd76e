"""What must be true of our containers: rules over ``docker compose config``, each giving faults in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Service = dict[str, Any]
Rule = Callable[[dict[str, Any]], Iterator[str]]

ONE_SHOT = {"prepare"}
ON_THE_HOST = {"asterisk", "agi", "ami_bridge", "console", "watchdog"}
WITHOUT_NETWORK = {"valkey", "postgres", "prepare"}
PUBLISHED = {("tls", 8443, "443")}
SEES_PROCESSES = {"watchdog"}
# secret -> who may read it
SECRETS = {
    "database_password": {"prepare", "agi", "ami_bridge", "console", "watchdog", "postgres"},
    "admin_password": {"prepare"},
    "tls_cert": {"tls"},
    "tls_key": {"tls"},
}
# what waits for what, and until when; nobody waits for a database, or callers would
WAITS = {
    **{(name, "prepare"): "service_completed_successfully" for name in sorted(ON_THE_HOST)},
    ("prepare", "postgres"): "service_started",
    ("tls", "console"): "service_healthy",
}
SUSPICIOUS = re.compile(r"(PASSWORD|SECRET|TOKEN|KEY)$")


def _services(config: dict[str, Any]) -> Iterator[tuple[str, Service]]:
    yield from sorted(config["services"].items())


def unprivileged(config: dict[str, Any]) -> Iterator[str]:
    """No root, no capability, no way to more."""
    for name, service in _services(config):
        user = str(service.get("user", ""))
        if not re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user):
            yield f"{name}: user {user or 'root'}"
        if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
            yield f"{name}: keeps capabilities"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: may get new privileges"
        if service.get("privileged") or service.get("devices"):
            yield f"{name}: privileged"


def read_only(config: dict[str, Any]) -> Iterator[str]:
    """Nothing to write on but named volumes and a small /tmp; nothing of the host."""
    for name, service in _services(config):
        if service.get("read_only") is not True:
            yield f"{name}: its root can be written"
        if not any(each.startswith("/tmp:") and "noexec" in each for each in service.get("tmpfs", [])):
            yield f"{name}: no /tmp of its own"
        for mount in service.get("volumes", []):
            if mount["type"] == "bind" and not mount.get("read_only"):
                yield f"{name}: may write on the host's {mount['source']}"
            if "docker.sock" in str(mount.get("source", "")):
                yield f"{name}: holds the engine"


def looked_after(config: dict[str, Any]) -> Iterator[str]:
    """Checked, restarted, limited, its log rotated, its version named."""
    for name, service in _services(config):
        health = service.get("healthcheck", {})
        if name not in ONE_SHOT and (health.get("disable") or not health.get("interval")):
            yield f"{name}: no health check"
        if service.get("restart") != ("no" if name in ONE_SHOT else "always"):
            yield f"{name}: restart {service.get('restart')}"
        if not service.get("mem_limit") or not service.get("pids_limit"):
            yield f"{name}: without limits"
        if not {"max-size", "max-file"} <= service.get("logging", {}).get("options", {}).keys():
            yield f"{name}: its log is not rotated"
        if re.search(r":latest$|^[^:]+$", service.get("image", "")):
            yield f"{name}: image {service.get('image')} has no version"


def networks(config: dict[str, Any]) -> Iterator[str]:
    """Reached from outside: SIP and RTP on the host, the page's port, nothing else."""
    for name, service in _services(config):
        mode = service.get("network_mode")
        wanted = "host" if name in ON_THE_HOST else "none" if name in WITHOUT_NETWORK else None
        if mode != wanted:
            yield f"{name}: network {mode}"
        for port in service.get("ports", []):
            if (name, port["target"], port["published"]) not in PUBLISHED:
                yield f"{name}: publishes {port['published']}"
        for what in ("pid", "ipc"):
            if service.get(what) == "host" and (what, name) != ("pid", *SEES_PROCESSES):
                yield f"{name}: shares the host's {what}"


def secrets(config: dict[str, Any]) -> Iterator[str]:
    """Files, each in the hands of who needs it; none in an environment."""
    for name, service in _services(config):
        for each in service.get("secrets", []):
            if name not in SECRETS.get(each["source"], set()):
                yield f"{name}: reads {each['source']}"
        for variable, value in (service.get("environment") or {}).items():
            if value is not None and SUSPICIOUS.search(variable):
                yield f"{name}: {variable} stands in its environment"
    for name, secret in config.get("secrets", {}).items():
        if not secret.get("file"):
            yield f"secret {name} is no file"


def order(config: dict[str, Any]) -> Iterator[str]:
    """Who waits for whom: exactly what is written above."""
    found = {
        (name, other): wait["condition"]
        for name, service in _services(config)
        for other, wait in service.get("depends_on", {}).items()
    }
    for pair in sorted(found.keys() | WAITS.keys()):
        if found.get(pair) != WAITS.get(pair):
            yield f"{pair[0]} waits for {pair[1]}: {found.get(pair)}"


RULES: dict[str, Rule] = {
    rule.__name__: rule for rule in (unprivileged, read_only, looked_after, networks, secrets, order)
}


def dockerfile_faults(text: str) -> Iterator[str]:
    """An image is checked, stopped and told apart by itself too, and never runs as root."""
    last = text[text.rindex("\nFROM ") :] if "\nFROM " in text else text
    for word in ("USER ", "HEALTHCHECK ", "STOPSIGNAL ", "org.opencontainers.image.revision"):
        if word not in last:
            yield f"no {word.strip()}"
    if re.search(r"^USER (root|0)\b", last, re.MULTILINE):
        yield "runs as root"
    for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        if base not in ("debian:trixie-slim", "debian:forky-slim") and f" AS {base}\n" not in text:
            yield f"stands on {base}"
    if re.search(r"^# *syntax=|<<|COPY --link", text, re.MULTILINE):
        yield "needs a newer engine than Debian 12's"


def dockerfiles(folder: Path) -> dict[str, str]:
    """Name -> text."""
    return {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.Dockerfile"))}
