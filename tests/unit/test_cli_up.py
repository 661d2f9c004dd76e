"""What `up` decides before it starts anything."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from psap.agencies.profile import find_profile
from psap.cli import prepare
from psap.cli.preflight import check_paths, check_ports, port_fault
from psap.cli.prepare import settings_for_up
from psap.cli.say import RefusedError
from psap.platform.parts import log_tail
from psap.platform.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PSAP_HOME", "PSAP_SIP_PORT", "PSAP_HTTP_PORT", "PSAP_PROFILE", "PSAP_DEMO"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_wins_over_what_the_home_used_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Settings(home=tmp_path, sip_port=15198, http_port=15199, profile="bogor", demo=True).save()
    monkeypatch.setenv("PSAP_SIP_PORT", "15197")
    settings = settings_for_up(tmp_path, None, demo=False)
    assert (settings.sip_port, settings.http_port) == (15197, 15199)
    assert settings.profile == "bogor"
    assert settings.demo


def test_the_command_line_wins_over_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Settings(home=tmp_path, profile="bogor").save()
    monkeypatch.setenv("PSAP_PROFILE", "ambon")
    assert settings_for_up(tmp_path, "semarang", demo=False).profile == "semarang"


def test_a_bad_setting_is_one_line_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSAP_SIP_PORT", "lima ribu")
    with pytest.raises(RefusedError, match="PSAP_SIP_PORT"):
        settings_for_up(tmp_path, None, demo=False)


def test_a_port_in_use_is_told_apart_from_a_free_one() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        fault = port_fault("tcp", "127.0.0.1", port)
    assert fault is not None
    assert fault[1] == "is in use"
    assert port_fault("tcp", "127.0.0.1", port) is None


def test_one_port_for_two_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"PSAP_AGI_PORT.*PSAP_AMI_PORT"):
        check_ports(
            Settings(home=tmp_path, sip_port=15190, ami_port=15191, agi_port=15191, pbx_http_port=15192)
        )


def test_a_path_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="too long"):
        check_paths(Settings(home=tmp_path / ("x" * 100)))


def test_a_part_without_a_log_has_no_tail(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert log_tail(settings, "agi") == []
    settings.logs.mkdir()
    (settings.logs / "agi.log").write_text("first\n\nlast\n", "utf-8")
    assert log_tail(settings, "agi") == ["last"]


def test_the_gazetteer_in_force_is_the_profile_s_own(tmp_path: Path) -> None:
    in_force = tmp_path / "profile.gazetteer.csv"
    prepare._copy_gazetteer(Settings(home=tmp_path, profile="semarang"))
    assert "Pasar Johar" in in_force.read_text("utf-8")
    own = tmp_path / "kota.toml"
    own.write_bytes(find_profile("bogor").read_bytes())
    prepare._copy_gazetteer(Settings(home=tmp_path, profile=str(own)))
    assert not in_force.exists()  # another city's places never stay


def test_a_gazetteer_with_a_slip_is_refused_with_its_line(tmp_path: Path) -> None:
    own = tmp_path / "kota.toml"
    own.write_bytes(find_profile("bogor").read_bytes())
    heading = "name,kind,district,subdistrict,latitude,longitude,aliases\n"
    (tmp_path / "kota.gazetteer.csv").write_text(heading + "Pasar Bogor,markt,,,-6.6,106.8,\n", "utf-8")
    with pytest.raises(RefusedError, match=r"kota\.gazetteer\.csv:2: kind"):
        prepare._profile(Settings(home=tmp_path, profile=str(own)))
