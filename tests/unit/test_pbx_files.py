"""What set-up writes for Asterisk: prompts that are short enough, files no value can break out of."""

from __future__ import annotations

import array
import math
from pathlib import Path

import pytest

from psap.agencies.profile import Profile, find_profile, load_profile
from psap.pbx.prompts import LONGEST_SECONDS, RATE, make_prompts, resample, seconds, texts
from psap.pbx.render import PhoneRow, RenderError, render, render_phones, scaled
from psap.platform.settings import Settings, load_secrets


@pytest.fixture
def profile() -> Profile:
    return load_profile(find_profile("semarang"))


def settings(home: Path, **more: object) -> Settings:
    return Settings(home=home, trunk_hosts="127.0.0.2", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_prompt_fits_its_time(tmp_path: Path, profile: Profile, language: str) -> None:
    here = settings(tmp_path)
    make_prompts(here, profile)
    folder = here.pbx / "sounds" / "psap" / language
    lengths = {name: seconds(folder / f"{name}.wav") for name in texts(language)}
    assert lengths["greeting"] <= 5
    assert all(0.2 < each <= LONGEST_SECONDS for each in lengths.values())


def test_resampling_keeps_the_speech_band_and_drops_what_a_line_cannot_carry() -> None:
    def level(hertz: float) -> float:
        rate = 22_050
        wave = array.array("h", (int(8000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(rate)))
        out = resample(wave, rate)
        assert abs(len(out) - RATE) <= 1
        return math.sqrt(sum(v * v for v in out[500:-500]) / (len(out) - 1000)) / (8000 / math.sqrt(2))

    assert level(400) == pytest.approx(1, abs=0.02)
    assert level(3000) == pytest.approx(1, abs=0.1)
    assert level(6000) < 0.02


def test_what_is_rendered_names_the_installation(tmp_path: Path, profile: Profile) -> None:
    here = settings(tmp_path, sip_port=15060, timer_scale=0.1)
    render(here, profile, load_secrets(tmp_path), [PhoneRow("p1abc", "secret", "agent1")])
    etc = here.pbx / "etc"
    assert "bind = 127.0.0.1:15060" in (etc / "pjsip.conf").read_text("utf-8")
    assert "match = 127.0.0.2" in (etc / "pjsip.conf").read_text("utf-8")
    assert "[p1abc](phone)" in (etc / "pjsip_phones.conf").read_text("utf-8")
    assert "systemname = semarang" in (etc / "asterisk.conf").read_text("utf-8")
    assert not [each for each in etc.rglob("*.conf") if "@{" in each.read_text("utf-8")]
    assert (etc / "manager.conf").stat().st_mode & 0o077 == 0


def test_a_browser_is_a_telephone_without_a_password_in_a_file_and_its_sound_is_where_sip_is(
    tmp_path: Path, profile: Profile
) -> None:
    here = settings(tmp_path, sip_bind="10.1.2.3")
    render(here, profile, load_secrets(tmp_path), [PhoneRow("p1abc", "secret", "agent1")])
    phones = (here.pbx / "etc" / "pjsip_phones.conf").read_text("utf-8")
    own = phones[phones.index("[p1abcw](web-phone)") :]
    assert "auth = p1abcw" in own
    assert "password" not in own
    # Asterisk binds a telephone's RTP to the address of its transport: on loopback no desk would be heard
    text = (here.pbx / "etc" / "pjsip.conf").read_text("utf-8")
    assert "bind = 10.1.2.3\n" in text[text.index("[ws]") :]


@pytest.mark.parametrize("name", ["a\nb", "a;b", "a]", "", "x" * 41])
def test_a_phone_cannot_write_configuration(tmp_path: Path, name: str) -> None:
    with pytest.raises(RenderError):
        render_phones(settings(tmp_path), [PhoneRow(name, "secret", "agent1")])


def test_a_carrier_is_an_address_not_a_name(tmp_path: Path, profile: Profile) -> None:
    here = settings(tmp_path)
    here.trunk_hosts = "sbc.example"
    with pytest.raises(RenderError, match="PSAP_TRUNK_HOSTS"):
        render(here, profile, load_secrets(tmp_path), [])


def test_waits_scale_but_never_vanish(tmp_path: Path) -> None:
    here = settings(tmp_path, timer_scale=0.01)
    assert (scaled(here, 60), scaled(here, 15, 3), scaled(here, 0)) == (1, 3, 1)


def test_overflow_is_by_default_every_phone_and_then_the_duty_number(
    tmp_path: Path, profile: Profile
) -> None:
    here = settings(tmp_path, trunk_proxy="127.0.0.3:5070")
    queue = profile.queue.model_copy(update={"duty_number": "081100112"})
    render(here, profile.model_copy(update={"queue": queue}), load_secrets(tmp_path), [])
    written = (here.pbx / "etc" / "globals.conf").read_text("utf-8").splitlines()
    assert [line for line in written if line.startswith("PSAP_OVERFLOW_")] == [
        "PSAP_OVERFLOW_1 = phones|20|",
        "PSAP_OVERFLOW_2 = out|20|PJSIP/psap-out/sip:081100112@127.0.0.3:5070",
    ]


def test_without_a_trunk_outwards_nothing_outside_is_rung(tmp_path: Path, profile: Profile) -> None:
    queue = profile.queue.model_copy(update={"duty_number": "081100112"})
    render(settings(tmp_path), profile.model_copy(update={"queue": queue}), load_secrets(tmp_path), [])
    written = (settings(tmp_path).pbx / "etc" / "globals.conf").read_text("utf-8")
    assert "PSAP_OVERFLOW_2" not in written


@pytest.mark.parametrize(("ports", "calls"), [(400, 150), (10_000, 300)])
def test_no_more_calls_are_let_in_than_there_are_ports_for(
    tmp_path: Path, profile: Profile, ports: int, calls: int
) -> None:
    here = settings(tmp_path, rtp_start=20_000, rtp_end=20_000 + ports - 1)
    render(here, profile, load_secrets(tmp_path), [])
    written = (here.pbx / "etc" / "globals.conf").read_text("utf-8")
    assert f"PSAP_ALL_CALLS = {calls}\n" in written


def test_agencies_and_shared_exchanges_are_known_by_their_keys(tmp_path: Path, profile: Profile) -> None:
    limits = profile.limits.model_copy(update={"shared_numbers": ["0248413476"]})
    agency = profile.agencies[0].model_copy(update={"numbers": ["0811112233"]})
    city = profile.model_copy(update={"limits": limits, "agencies": [agency]})
    render(settings(tmp_path), city, load_secrets(tmp_path), [])
    written = (settings(tmp_path).pbx / "etc" / "globals.conf").read_text("utf-8")
    assert "[psap-agencies]\nexten => 62811112233,1,NoOp()" in written
    assert "[psap-shared]\nexten => 62248413476,1,NoOp()" in written
