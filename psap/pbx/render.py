"""Writes Asterisk's configuration: the readable files of asterisk-config/ and dialplan/, plus a
thin layer of one installation's values.

Files with secrets are readable by the owner of ``HOME/asterisk`` only (the account Asterisk runs as).
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from psap.agencies.model import OverflowKind
from psap.agencies.profile import Profile
from psap.callers.numbers import block_key
from psap.pbx.prompts import HOLD_SECONDS
from psap.platform.settings import ROOT, Secrets, Settings, write_private
from psap.queue.model import web_name

CONFIG = ROOT / "asterisk-config"
DIALPLAN = ROOT / "dialplan"
FOLDERS = ("etc", "lib", "log", "log/cel-custom", "spool", "spool/monitor", "run", "sounds")
TRANSFER_RING_SECONDS = 20  # at whom a caller is sent on to
CALL_BACK_RING_SECONDS = 40  # at the citizen's: longer than a mailbox waits in most networks
WORDS_EVERY_SECONDS = 20  # between two times that a waiting caller is told to stay
SHORTEST_RING_SECONDS = 3  # a phone must be heard before it can be answered
PHONE_NAME = re.compile(r"[A-Za-z0-9]{1,40}")
SAFE = re.compile(r"[^\r\n;]*")  # a line break or comment in a value would be configuration of its own


class RenderError(ValueError):
    """A value that cannot stand in Asterisk's configuration."""


class ConfigTemplate(Template):
    """``@{name}`` is ours; ``${...}`` stays Asterisk's."""

    delimiter = "@"


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """A call taker's phone. ``username`` is random and is the endpoint's name; ``agent`` the account's."""

    username: str
    password: str
    agent: str


def scaled(settings: Settings, seconds: float, least: int = 1) -> int:
    """A waiting time in seconds after PSAP_TIMER_SCALE; never below ``least``."""
    return max(min(least, round(seconds)), round(seconds * settings.timer_scale), 1)


def render(settings: Settings, profile: Profile, secrets: Secrets, phones: Sequence[PhoneRow]) -> None:
    """Write everything under ``HOME/asterisk/etc``.

    Raises:
        RenderError: a setting cannot be written safely.
    """
    for folder in FOLDERS:
        (settings.pbx / folder).mkdir(parents=True, exist_ok=True)
    etc = settings.pbx / "etc"
    values = _values(settings, profile, secrets)
    for source in sorted(CONFIG.glob("*.conf")):
        _write(settings, etc / source.name, ConfigTemplate(source.read_text("utf-8")).substitute(values))
    for source in sorted(DIALPLAN.glob("*.conf")):
        _write(settings, etc / "dialplan" / source.name, source.read_text("utf-8"))
    _write(settings, etc / "globals.conf", _globals(settings, profile))
    render_phones(settings, phones)


def render_logins(settings: Settings, profile: Profile, secrets: Secrets) -> None:
    """Write only the files that hold the passwords of AMI and ARI; a reload makes them count.

    Raises:
        RenderError: a setting cannot be written safely.
    """
    values = _values(settings, profile, secrets)
    for name in ("manager.conf", "ari.conf"):
        text = ConfigTemplate((CONFIG / name).read_text("utf-8")).substitute(values)
        _write(settings, settings.pbx / "etc" / name, text)


def render_phones(settings: Settings, phones: Sequence[PhoneRow]) -> None:
    """Write the phones' file alone; ``module reload res_pjsip.so`` makes it count.

    Raises:
        RenderError: a user name that is not made of letters and digits.
    """
    parts = ["; Written by psap112: each phone is an endpoint, its password and where it registered.\n"]
    for phone in phones:
        if not PHONE_NAME.fullmatch(phone.username):
            raise RenderError(f"a phone's user name may hold letters and digits only: {phone.username!r}")
        name, password = phone.username, _safe("password", phone.password)
        parts.append(
            f"[{name}](phone)\nauth = {name}\naors = {name}\n"
            f"[{name}](phone-auth)\nusername = {name}\npassword = {password}\n"
            f"[{name}](phone-aor)\n"
        )
        web = web_name(name)
        # its password is put into Asterisk's memory at sign-in (ami_bridge/web_phones.py)
        parts.append(f"[{web}](web-phone)\nauth = {web}\naors = {web}\n[{web}](web-phone-aor)\n")
    _write(settings, settings.pbx / "etc" / "pjsip_phones.conf", "\n".join(parts))


def _values(settings: Settings, profile: Profile, secrets: Secrets) -> Mapping[str, str]:
    raw = {
        "pbx": str(settings.pbx),
        "site": profile.site,
        "sip_bind": settings.sip_bind,
        "sip_port": str(settings.sip_port),
        "ami_port": str(settings.ami_port),
        "pbx_http_port": str(settings.pbx_http_port),
        "rtp_start": str(settings.rtp_start),
        "rtp_end": str(settings.rtp_end),
        "ami_bridge": secrets.ami_bridge,
        "ami_status": secrets.ami_status,
        "ami_guard": secrets.ami_guard,
        "ari": secrets.ari,
        "strategy": profile.queue.strategy,
        "ring_seconds": str(scaled(settings, profile.queue.ring_seconds, SHORTEST_RING_SECONDS)),
        "wrapup_seconds": str(scaled(settings, profile.queue.wrapup_seconds)),
    }
    values = {name: _safe(name, value) for name, value in raw.items()}
    values |= _hold_music(settings, profile)
    values["transport_external"] = _external(settings)
    values["trunk_identify"] = _identify(settings)
    values["trunk_out"] = _out(settings)
    values["dialplan_includes"] = "\n".join(
        f'#include "dialplan/{each.name}"' for each in sorted(DIALPLAN.glob("*.conf"))
    )
    return values


def _hold_music(settings: Settings, profile: Profile) -> dict[str, str]:
    """The entries of the hold music: tones alone, and each message in the city's languages."""
    sounds = settings.pbx / "sounds" / "psap"
    tones = max(1, round(scaled(settings, WORDS_EVERY_SECONDS) / HOLD_SECONDS))
    said = {
        name: "\n".join(f"entry = {sounds / language / name}" for language in profile.languages)
        for name in ("busy", "nobody", "back")
    }
    return {
        "hold_first": "\n".join([f"entry = {sounds / 'hold' / 'hold'}"] * tones),
        "hold_busy": said["busy"],
        "hold_nobody": said["nobody"],
        "hold_back": said["back"],
    }


def _external(settings: Settings) -> str:
    if settings.external_address is None:
        return "; PSAP_EXTERNAL_ADDRESS is not set"
    address = _safe("external address", settings.external_address)
    nets = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    return "\n".join(
        [f"external_signaling_address = {address}", f"external_media_address = {address}"]
        + [f"local_net = {net}" for net in nets]
    )


def _identify(settings: Settings) -> str:
    """The carrier's addresses. Names are refused: a dead resolver must not stop the centre's start."""
    if not settings.trunk_addresses:
        return "; no PSAP_TRUNK_HOSTS: nobody is the carrier"
    lines = ["[trunk-hosts]", "type = identify", "endpoint = trunk", "srv_lookups = no"]
    for host in settings.trunk_addresses:
        try:
            ipaddress.ip_network(host, strict=False)
        except ValueError:
            raise RenderError(f"PSAP_TRUNK_HOSTS takes addresses and networks, not {host!r}") from None
        lines.append(f"match = {host}")
    return "\n".join(lines)


def _out(settings: Settings) -> str:
    if settings.trunk_proxy is None:
        return "; no PSAP_TRUNK_PROXY: no calls go out"
    proxy = _safe("trunk proxy", settings.trunk_proxy)
    return "\n".join(
        (
            "; call-backs and overflow go out here; nothing comes in by it",
            "[psap-out]",
            "type = endpoint",
            "transport = udp",
            "context = psap-nowhere",
            "identify_by = auth_username",
            "disallow = all",
            "allow = alaw,ulaw",
            "dtmf_mode = auto",
            "direct_media = no",
            "rtp_symmetric = yes",
            "; a far end that is gone without a word gives its caller back, as a phone of ours does",
            "timers = yes",
            "timers_min_se = 90",
            "timers_sess_expires = 90",
            "rtp_timeout = 60",
            "aors = psap-out",
            "from_user = 112",
            "",
            "[psap-out]",
            "type = aor",
            f"contact = sip:{proxy}",
            "qualify_frequency = 0",
        )
    )


def _globals(settings: Settings, profile: Profile) -> str:
    """Values of this installation for the dialplan, and which dialled numbers are expected."""
    queue = profile.queue
    lines = [
        "[globals]",
        f"PSAP_SITE = {profile.site}",
        f"PSAP_AREA = {profile.area_code.lstrip('0')}",
        f"PSAP_SOUNDS = {settings.pbx / 'sounds' / 'psap'}",
        f"PSAP_AGI_URL = agi://127.0.0.1:{settings.agi_port}",
        f"PSAP_RING_SECONDS = {scaled(settings, queue.ring_seconds, SHORTEST_RING_SECONDS)}",
        f"PSAP_LONGEST_WAIT = {scaled(settings, queue.longest_wait_seconds)}",
        f"PSAP_LOW_WAIT = {scaled(settings, queue.low_to_normal_seconds)}",
        *_overflow(settings, profile),
        f"PSAP_OUT = {_safe('trunk proxy', settings.trunk_proxy or '')}",
        f"PSAP_TRANSFER_RING = {scaled(settings, TRANSFER_RING_SECONDS, SHORTEST_RING_SECONDS)}",
        f"PSAP_BACK_RING = {scaled(settings, CALL_BACK_RING_SECONDS, SHORTEST_RING_SECONDS)}",
        *_limits(settings, profile),
        *_recording(settings, profile),
        "",
        "[psap-known]",
    ]
    known = dict.fromkeys(["112", "+62112", "62112", *profile.numbers])
    lines += [f"exten => {number},1,NoOp()" for number in known]
    agencies = [number for agency in profile.agencies for number in agency.numbers]
    for context, numbers in (("psap-agencies", agencies), ("psap-shared", profile.limits.shared_numbers)):
        keys = dict.fromkeys(block_key(number, profile.area_code) for number in numbers)
        lines += ["", f"[{context}]", *(f"exten => {key},1,NoOp()" for key in keys if key)]
    return "\n".join(lines) + "\n"


def _overflow(settings: Settings, profile: Profile) -> list[str]:
    """The destinations that can be reached, ``KIND|SECONDS|WHAT`` each (dialplan/overflow.conf)."""
    found = []
    for each in profile.queue.overflow:
        seconds = scaled(settings, each.seconds, SHORTEST_RING_SECONDS)
        if each.kind is OverflowKind.ALL_PHONES:
            found.append(f"phones|{seconds}|")
        elif each.kind is OverflowKind.QUEUE:
            # an & on both sides of each name, so that no name is found inside another
            found.append(f"queue|{seconds}|&{'&'.join(each.members)}&")
        else:
            number = each.number or profile.queue.duty_number
            if number and settings.trunk_proxy:
                proxy = _safe("trunk proxy", settings.trunk_proxy)
                found.append(f"out|{seconds}|PJSIP/psap-out/sip:{number}@{proxy}")
    return [f"PSAP_OVERFLOW_{place} = {each}" for place, each in enumerate(found, 1)]


def _limits(settings: Settings, profile: Profile) -> list[str]:
    """How many callers at once (dialplan/limits.conf); never more than there are ports for their sound."""
    limits = profile.limits
    # a pair for each caller, and a quarter of all pairs for the telephones that they are put through to
    pairs = (settings.rtp_end - settings.rtp_start + 1) // 2
    everybody = min(limits.all_calls, max(2, pairs * 3 // 4))
    gate = min(limits.gate_calls, everybody)
    return [
        f"PSAP_PER_NUMBER = {limits.per_number_calls}",
        f"PSAP_GATE_CALLS = {gate}",
        f"PSAP_GATE_KEEP = {gate // 10}",
        f"PSAP_ALL_CALLS = {everybody}",
        f"PSAP_ALL_KEEP = {everybody // 10}",
    ]


def _recording(settings: Settings, profile: Profile) -> list[str]:
    """Whether calls are recorded, and what callers are told before (dialplan/record.conf)."""
    sounds = settings.pbx / "sounds" / "psap"
    said = [f"{sounds / language / 'recorded'}" for language in profile.languages]
    return [
        f"PSAP_RECORDING = {int(profile.recording.enabled)}",
        f"PSAP_ANNOUNCE = {'&'.join(said) if profile.recording.announce else ''}",
    ]


def _safe(name: str, value: str) -> str:
    if not SAFE.fullmatch(value):
        raise RenderError(f"{name} may not hold a line break or a semicolon")
    return value


def _write(settings: Settings, path: Path, text: str) -> None:
    """Written at once, readable only by Asterisk's account; the tree's owner tells which one that is."""
    write_private(path, text)
    if os.geteuid() == 0:
        owner = settings.pbx.stat()
        for each in (path.parent, path):
            os.chown(each, owner.st_uid, owner.st_gid)
