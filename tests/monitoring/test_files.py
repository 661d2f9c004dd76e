"""The files in monitoring/ in the real tools: promtool tries them, Grafana's own model reads the dashboard.

Grafana itself is in no archive that the tests may use: its published model (grafana-foundation-sdk) stands
for it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel
from grafana_foundation_sdk.models.prometheus import Dataquery

from console.runbook import FILE, PATH, page_of
from monitoring.dashboard import made
from tests.monitoring.files import ALERTS, FOLDER, dashboard, promtool, queries, rules

TRIALS = ("alerts_test.yml", "alerts_slow_test.yml")
THE_PLUGINS = "titleFormat"  # the Prometheus plugin's word in an annotation: outside of the model
ANNOTATIONS = {"meaning_id", "meaning_en", "do_id", "do_en", "runbook_url"}


def test_prometheus_reads_its_files() -> None:
    code, said = promtool("check", "config", "prometheus.yml")
    assert code == 0, said
    assert f"{len(rules())} rules found" in said
    code, said = promtool("check", "rules", "alerts.yml")
    assert code == 0, said


def test_each_alert_fires_when_it_should_and_is_still_otherwise() -> None:
    code, said = promtool("test", "rules", *TRIALS)
    assert code == 0, said
    tried = "".join((FOLDER / name).read_text("utf-8") for name in TRIALS)
    untried = [rule["alert"] for rule in rules() if f'alertname="{rule["alert"]}"' not in tried]
    assert not untried, untried


def test_a_broken_rule_is_noticed(tmp_path: Path) -> None:
    """Broken on purpose."""
    right, wrong = "psap_longest_wait_seconds > 30", "psap_longest_wait_seconds > 300"
    text = ALERTS.read_text("utf-8")
    assert right in text
    (tmp_path / "alerts.yml").write_text(text.replace(right, wrong), "utf-8")
    trial = (FOLDER / TRIALS[0]).read_text("utf-8")
    # the first trial is this alert's
    (tmp_path / TRIALS[0]).write_text("  - name:".join(trial.split("  - name:")[:2]), "utf-8")
    code, said = promtool("test", "rules", TRIALS[0], folder=tmp_path)
    assert code != 0, said


def test_each_alert_says_what_it_means_and_what_to_do() -> None:
    page = page_of(FILE, 0)
    for rule in rules():
        words = rule["annotations"]
        assert words.keys() == ANNOTATIONS, rule["alert"]
        assert all(words.values()), rule["alert"]
        assert words["meaning_id"] != words["meaning_en"], rule["alert"]
        assert rule["labels"]["severity"] in ("page", "warn"), rule["alert"]
        where, _, anchor = words["runbook_url"].partition("#")
        assert where == PATH
        assert f'id="{anchor}"' in page, f"{rule['alert']}: the runbook has no section {anchor}"


def test_the_dashboard_is_what_its_maker_makes() -> None:
    assert dashboard() == made(), "run: .venv/bin/python -m monitoring.dashboard"


def test_grafanas_own_model_reads_the_dashboard() -> None:
    register_default_plugins()
    read = Dashboard.from_json(dashboard())
    panels = [panel for panel in read.panels or [] if isinstance(panel, Panel) and panel.type_val != "row"]
    said = [target for panel in panels for target in panel.targets or []]
    assert all(isinstance(target, Dataquery) for target in said)  # its Prometheus query, not "something"
    annotations = [each.expr for each in read.annotations.list_val or []] if read.annotations else []
    # nothing is lost on the way through: what the model does not know, Grafana would not either
    again = json.loads(JSONEncoder(sort_keys=True).encode(read))
    lost = list(_lost(dashboard(), again, ""))
    assert not lost, lost
    assert len(said) + len(annotations) == len(list(queries()))


def _lost(ours: object, theirs: object, where: str) -> list[str]:
    """What stands in our file and not in the model's."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            loss
            for key, value in ours.items()
            if value is not None and key != THE_PLUGINS
            for loss in (_lost(value, theirs[key], f"{where}.{key}") if key in theirs else [f"{where}.{key}"])
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return [where]
        return [
            loss
            for i, pair in enumerate(zip(ours, theirs, strict=True))
            for loss in _lost(*pair, f"{where}[{i}]")
        ]
    return [] if ours == theirs else [f"{where}: {ours!r} became {theirs!r}"]


def test_panels_do_not_lie_over_each_other_and_speak_two_languages() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for place in [
            (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
        ]:
            assert place not in taken, (panel["title"], taken.get(place))
            taken[place] = panel["title"]
        assert " / " in panel["title"] or re.fullmatch(r"\w+( \(AMI\))?", panel["title"]), panel["title"]
