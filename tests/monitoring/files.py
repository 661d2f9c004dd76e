"""The files of monitoring/, read: which metrics they name, and what the tools say of them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from psap.platform.settings import ROOT

FOLDER = ROOT / "monitoring"
DASHBOARD = FOLDER / "grafana" / "psap112.json"
ALERTS = FOLDER / "alerts.yml"

METRIC = re.compile(r"\bpsap_[a-z0-9_]+")
PARTS = re.compile(r"_(bucket|sum|count)$")


def dashboard() -> dict[str, Any]:
    """Grafana's file."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return found


def queries() -> Iterator[tuple[str, str]]:
    """(panel, expression) of every drawing and annotation."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for each in dashboard()["annotations"]["list"]:
        yield each["name"], each["expr"]


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    return [rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]]


def families(expression: str, known: set[str]) -> set[str]:
    """The metric families an expression names; a histogram's parts belong to it."""
    found = set(METRIC.findall(expression))
    return {
        PARTS.sub("", name) if name not in known and PARTS.sub("", name) in known else name for name in found
    }


def exposed(text: str) -> set[str]:
    """The family names of an exposition, counters with their ``_total``."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(text)
    }


def promtool(*words: str, given: str | None = None, folder: Path = FOLDER) -> tuple[int, str]:
    """(exit code, what it said)."""
    done = subprocess.run(
        ["promtool", *words],
        input=given,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
