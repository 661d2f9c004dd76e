"""What a recording is, what it is called, and who may hear it. Pure."""

from __future__ import annotations

import re
import uuid
from datetime import date
from enum import StrEnum

from psap.accounts.model import Permission, User
from psap.calls.model import CALL_NAMESPACE, Call, Micros, Record

FOLDER = "recordings"  # in the home
PEAKS_SUFFIX = ".peaks.json"  # beside the sound
OWN_HOURS = 24  # how long call takers hear their own calls again
OWN_US = OWN_HOURS * 3_600_000_000
# a file in Asterisk's spool: the caller channel's Uniqueid, SITE-EPOCH.N or SITE-cb-HEX for a call-back
SPOOLED = re.compile(r"([a-z][a-z0-9-]{1,23}-(?:[0-9]{1,11}\.[0-9]{1,10}|cb-[0-9a-f]{1,40}))\.wav")
SHELVED = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.wav")


def recording_id(call_id: str) -> str:
    """UUIDv5 of the call: filed twice it is still one."""
    return str(uuid.uuid5(CALL_NAMESPACE, f"recording:{call_id}"))


def shelf_name(day: date, call_id: str) -> str:
    """Where it lies under ``HOME/recordings``; ``day`` is the city's date."""
    return f"{day:%Y/%m/%d}/{call_id}.wav"


class Recording(Record):
    """One recording. ``started_at``: its first sample; ``seconds`` its length; ``file`` under the shelf.

    ``mended``: Asterisk died while it wrote; the end may be missing.
    """

    id: str
    call_id: str
    started_at: Micros
    seconds: float
    bytes: int
    mended: bool = False
    file: str
    sha256: str


class Hearing(StrEnum):
    """Whether somebody may hear a recording, and why not."""

    ALLOWED = "allowed"
    ROLE = "role"  # this role hears none
    NOT_YOURS = "not_yours"
    TOO_OLD = "too_old"  # one's own, but of longer ago than OWN_HOURS


WHY: dict[Hearing, tuple[str, str]] = {
    Hearing.ALLOWED: (
        "Boleh didengar; setiap pemutaran dicatat.",
        "You may listen; each listening is noted.",
    ),
    Hearing.ROLE: (
        "Peran Anda tidak mendengar rekaman: suara pelapor adalah data pribadi. Minta supervisor atau QC.",
        "Your role hears no recordings: a voice is personal data. Ask a supervisor or a QC assessor.",
    ),
    Hearing.NOT_YOURS: (
        "Petugas hanya mendengar panggilannya sendiri. Minta supervisor bila perlu.",
        "A call taker hears the own calls only. Ask a supervisor where needed.",
    ),
    Hearing.TOO_OLD: (
        f"Panggilan sendiri dapat didengar ulang selama {OWN_HOURS} jam. Setelah itu minta supervisor.",
        f"Own calls can be heard again for {OWN_HOURS} hours. After that, ask a supervisor.",
    ),
}


def hearing(user: User, call: Call | None, now_us: int) -> Hearing:
    """Whether this person may hear a call's recording. ``call`` None: its record is gone."""
    if user.may(Permission.HEAR_RECORDINGS):
        return Hearing.ALLOWED
    if not user.may(Permission.HEAR_OWN):
        return Hearing.ROLE
    if call is None or not any(leg.agent == user.username and leg.answered_at for leg in call.legs):
        return Hearing.NOT_YOURS
    if now_us - (call.ended_at or now_us) > OWN_US:
        return Hearing.TOO_OLD
    return Hearing.ALLOWED


def began(call: Call | None, *, ended: int, seconds: float) -> int:
    """When a recording's first sample was taken, UTC microseconds.

    The dialplan said so (``recorded``); else it was at the queue's door; else reckoned from the end.
    """
    for what in ("recorded", "queued"):
        for entry in call.timeline if call is not None else ():
            if entry.what == what and entry.data.get("state", "on") == "on":
                return entry.at
    return ended - round(seconds * 1_000_000)
