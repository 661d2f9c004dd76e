"""docker/prepare.py: Asterisk waits for it, so it may not fail for a database that is away."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from psap.platform.revisions import HEAD
from psap.platform.settings import ROOT


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script in a home whose database is not there."""
    monkeypatch.setenv("PSAP_HOME", str(tmp_path))
    monkeypatch.setenv("PSAP_DATABASE_URL", f"postgresql+asyncpg://psap112@/psap112?host={tmp_path}/none")
    spec = importlib.util.spec_from_file_location("docker_prepare", ROOT / "docker" / "prepare.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.WAIT_SECONDS = 0.5
    return module


def test_a_first_start_without_a_database_says_so(
    prepare: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    assert prepare.main() == 1
    assert "docker compose logs postgres" in capfd.readouterr().err


def test_what_was_prepared_before_starts_without_a_database(
    prepare: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prepared").write_text(HEAD, "utf-8")
    assert prepare.main() == 0
    assert "prepared before" in capfd.readouterr().err


def test_newer_software_does_not_start_on_older_tables(prepare: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "prepared").write_text("0001", "utf-8")
    assert prepare.main() == 1
