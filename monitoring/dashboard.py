"""Makes monitoring/grafana/psap112.json: ``.venv/bin/python -m monitoring.dashboard``.

monitoring/panels.py says what is drawn. tests/monitoring checks that the file is what this makes, that
Grafana's own model reads it, and that each metric exists.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from monitoring.panels import ANNOTATIONS, ROWS, Panel, q

FILE = Path(__file__).parent / "grafana" / "psap112.json"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # Grafana's grid


def made() -> dict[str, Any]:
    """The whole dashboard."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS:
        panels.append(
            {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": _at(0, y, WIDTH, 1)}
        )
        x, y, tallest = 0, y + 1, 0
        for panel in row:
            if x + panel.width > WIDTH:
                x, y, tallest = 0, y + tallest, 0
            panels.append(_panel(panel, _at(x, y, panel.width, panel.height)))
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
    for number, each in enumerate(panels, 1):
        each["id"] = number
    return {
        "uid": "psap112",
        "title": "112",
        "description": "Satu pusat panggilan / one call centre. monitoring/dashboard.py makes this file.",
        "tags": ["psap112"],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "refresh": "15s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": _variables()},
        "annotations": {"list": [_annotation(*each) for each in ANNOTATIONS]},
        "panels": panels,
    }


def _at(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel, at: dict[str, int]) -> dict[str, Any]:
    steps = [{"color": color, "value": value} for value, color in panel.steps]
    now = panel.kind in ("stat", "bargauge")
    targets = [
        {
            "refId": chr(ord("A") + number),
            "expr": expression,
            "legendFormat": legend,
            "datasource": DATASOURCE,
            "instant": now,
            "range": not now,
            **({"format": "heatmap"} if panel.kind == "heatmap" else {}),
        }
        for number, (expression, legend) in enumerate(panel.queries)
    ]
    drawn = len(panel.steps) > 1 and panel.kind == "timeseries"
    custom: dict[str, Any] = {}
    if panel.kind == "timeseries":
        custom = {
            "fillOpacity": 25 if panel.stack else 8,
            "stacking": {"mode": "normal" if panel.stack else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if drawn else "off"},
        }
    return {
        "type": panel.kind,
        "title": panel.title,
        "datasource": DATASOURCE,
        "gridPos": at,
        "targets": targets,
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": None if panel.kind == "state-timeline" else 0,
                "thresholds": {"mode": "absolute", "steps": steps},
                "color": {"mode": "thresholds" if len(steps) > 1 and not drawn else "palette-classic"},
                "custom": custom,
            },
            "overrides": [],
        },
        "options": _options(panel.kind),
    }


def _options(kind: str) -> dict[str, Any]:
    newest = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    match kind:
        case "stat":
            return {**newest, "colorMode": "background", "graphMode": "area", "textMode": "value"}
        case "bargauge":
            return {**newest, "orientation": "horizontal", "displayMode": "basic"}
        case "heatmap":
            return {"calculate": False, "yAxis": {"unit": "s"}}
        case _:
            return {"legend": {"displayMode": "list", "placement": "bottom"}} if kind == "timeseries" else {}


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "datasource", "type": "datasource", "label": "Prometheus", "query": "prometheus"},
        {
            "name": "instance",
            "type": "query",
            "label": "Pusat / Centre",
            "datasource": DATASOURCE,
            "query": "label_values(psap_redis_up, instance)",
            "refresh": 2,
            "includeAll": True,
            "multi": True,
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def _annotation(name: str, color: str, expression: str, title: str) -> dict[str, Any]:
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": color,
        "expr": q(expression)[0],
        "titleFormat": title,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), indent=1, ensure_ascii=False) + "\n", "utf-8")
