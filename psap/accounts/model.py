"""Who works here and what each may do. Pure."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from psap.calls.model import Micros, Record

USERNAME = re.compile(r"[a-z][a-z0-9._-]{1,31}")
LONGEST_NAME = 128
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 256


class Role(StrEnum):
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    DISPATCHER = "dispatcher"
    QC = "qc"
    ADMIN = "admin"


class Permission(StrEnum):
    """What can be allowed. Routes and commands ask for these, never for a role's name."""

    TAKE_CALLS = "calls.take"
    SEE_CALLS = "calls.see"
    CLASSIFY_OWN = "calls.classify_own"
    CLASSIFY_ALL = "calls.classify_all"
    SEE_QUEUE = "queue.see"
    SEE_BLOCKS = "blocks.see"
    DECIDE_BLOCKS = "blocks.decide"
    SEE_INCIDENTS = "incidents.see"
    WRITE_INCIDENTS = "incidents.write"
    MANAGE_USERS = "users.manage"
    SEE_MISSED = "missed.see"
    CALL_BACK = "missed.call_back"
    CLOSE_MISSED = "missed.close"  # one's own claims, and what nobody has
    DECIDE_MISSED = "missed.decide"  # also what somebody else has
    SEE_AUDIT = "audit.see"
    HEAR_RECORDINGS = "recordings.hear"  # everybody's
    HEAR_OWN = "recordings.hear_own"  # of one's own calls, for a day
    MANAGE_ROSTERS = "rosters.manage"
    SEE_TRAINING = "training.see"  # one's own
    SEE_ALL_TRAINING = "training.see_all"
    TALK = "calls.talk"  # send one's caller on, ask somebody into one's conversation
    TALK_ALL = "calls.talk_all"  # also in what others have
    LISTEN = "calls.listen"  # listen, whisper, join
    MOVE_WAITING = "queue.move"
    SEE_SYSTEM = "system.see"  # every part in words, and how to mend it
    MANAGE_AGENTS = "agents.manage"  # pause, make ready, log out others


_P = Permission
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.AGENT: frozenset(
        {_P.TAKE_CALLS, _P.SEE_CALLS, _P.CLASSIFY_OWN, _P.SEE_QUEUE, _P.SEE_BLOCKS, _P.TALK}
        | {_P.SEE_INCIDENTS, _P.WRITE_INCIDENTS, _P.SEE_MISSED, _P.CALL_BACK, _P.CLOSE_MISSED}
        | {_P.HEAR_OWN, _P.SEE_TRAINING}
    ),
    Role.SUPERVISOR: frozenset(set(_P) - {_P.MANAGE_USERS, _P.SEE_AUDIT}),
    Role.DISPATCHER: frozenset(
        {_P.SEE_CALLS, _P.SEE_QUEUE, _P.SEE_INCIDENTS, _P.WRITE_INCIDENTS, _P.SEE_MISSED}
    ),
    Role.QC: frozenset(
        {_P.SEE_CALLS, _P.SEE_INCIDENTS, _P.HEAR_RECORDINGS, _P.SEE_TRAINING, _P.SEE_ALL_TRAINING}
    ),
    Role.ADMIN: frozenset(
        set(_P)
        - {_P.TAKE_CALLS, _P.CALL_BACK, _P.TALK, _P.TALK_ALL}
        - {_P.LISTEN, _P.MOVE_WAITING, _P.MANAGE_AGENTS}
    ),
}


def allowed(role: Role, permission: Permission) -> bool:
    """Whether a role may."""
    return permission in PERMISSIONS[role]


class User(Record):
    """One person's account. Never holds the password."""

    id: str
    site: str
    username: str
    name: str
    role: Role
    agency: str | None = None
    disabled_at: Micros | None = None
    created_at: Micros

    def may(self, permission: Permission) -> bool:
        """Whether this person may."""
        return self.disabled_at is None and allowed(self.role, permission)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its secret goes to the browser, only its hash stays. Lasts ``seconds``."""

    user: User
    secret: str
    seconds: int


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """A call taker's phone: the SIP endpoint, its password, the account it belongs to."""

    username: str
    password: str
    agent: str


class AccountError(Exception):
    """An account cannot be made or changed so; ``key`` for programs, the text for people."""

    def __init__(self, key: str, indonesian: str, english: str) -> None:
        super().__init__(f"{indonesian} / {english}")
        self.key = key
        self.id = indonesian
        self.en = english


def clean_username(raw: str) -> str:
    """A username as it is stored: lower case, safe in a dialplan, a URL and a log line.

    Raises:
        AccountError: bad_username.
    """
    username = raw.strip().lower()
    if not USERNAME.fullmatch(username):
        raise AccountError(
            "bad_username",
            "nama akun: 2 sampai 32 huruf kecil, angka, titik, garis; huruf di depan",
            "a username is 2 to 32 lower-case letters, digits, dots, dashes; a letter first",
        )
    return username


def clean_name(raw: str) -> str:
    """A person's name on one line: no control characters, single blanks.

    Raises:
        AccountError: bad_name.
    """
    name = " ".join("".join(each if each.isprintable() else " " for each in raw).split())
    if not name or len(name) > LONGEST_NAME:
        raise AccountError("bad_name", "nama kosong atau terlalu panjang", "the name is empty or too long")
    return name


def check_password(password: str) -> str:
    """A password that may be set, as typed.

    Raises:
        AccountError: bad_password.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountError(
            "bad_password",
            f"kata sandi {SHORTEST_PASSWORD} sampai {LONGEST_PASSWORD} karakter",
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters",
        )
    return password


def new_secret() -> str:
    """A session's or token's secret: 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def secret_hash(secret: str) -> str:
    """What is stored of a secret. It has 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
