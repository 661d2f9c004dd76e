"""Every table, in one place. Times are UTC microseconds; ``site`` is on every row.

Rows that hold personal data carry ``retention_class`` and ``legal_hold``, so that later clean-up
needs no guess. A change here needs a migration in ``psap/platform/migrations``.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()


def _personal(default: str) -> list[Column[object]]:
    return [
        Column("retention_class", String(32), nullable=False, server_default=default),
        Column("legal_hold", Boolean, nullable=False, server_default="0"),
    ]


calls = Table(
    "calls",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("uniqueid", String(64), nullable=False),
    Column("direction", String(16), nullable=False),
    Column("dialled", String(64)),
    Column("number", String(80)),
    Column("e164", String(20)),
    Column("number_key", String(32)),
    Column("presentation", String(16)),
    Column("kind", String(16), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("ending", String(24)),
    Column("ended_by", String(16)),
    Column("gate", JSON, nullable=False),
    Column("policy", JSON, nullable=False),
    Column("flags", JSON, nullable=False),
    Column("priority", String(8)),
    Column("wait_seconds", Float),
    Column("legs", JSON, nullable=False),
    Column("agent", String(64)),
    Column("ring_seconds", Float),
    Column("talk_seconds", Float),
    Column("classification", String(16), nullable=False),
    Column("classified_by", String(64)),
    Column("note", Text),
    Column("evidence", JSON, nullable=False),
    Column("source", String(8), nullable=False),
    Column("incident_id", String(36)),
    Column("recording_ids", JSON, nullable=False),
    Column("location", JSON(none_as_null=True)),  # psap.calls.model.Location
    Column("quality", JSON(none_as_null=True)),  # [psap.calls.model.LegQuality]
    Column("timeline", JSON, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    *_personal("call"),
    UniqueConstraint("site", "uniqueid"),
    Index("calls_by_start", "site", "started_at"),
    Index("calls_by_number", "site", "number_key", "started_at"),
    Index("calls_by_ending", "site", "ending", "started_at"),
    Index("calls_by_agent", "site", "agent", "started_at"),
    Index("calls_by_classification", "site", "classification", "started_at"),
    # who has no key (SIM-less, withheld, not a number) is looked for as it was written
    Index(
        "calls_without_key",
        "site",
        "number",
        "started_at",
        sqlite_where=text("number_key IS NULL"),
        postgresql_where=text("number_key IS NULL"),
    ),
)

marks = Table(
    "marks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("number_key", String(32), nullable=False),
    Column("call_id", String(36), nullable=False),
    Column("kind", String(16), nullable=False),  # prank, ghost; no_response is soft
    Column("author", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    *_personal("reputation"),
    UniqueConstraint("site", "call_id"),
    Index("marks_by_number", "site", "number_key", "at"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("number_key", String(32), nullable=False),
    Column("number", String(32), nullable=False),
    Column("rung", Integer, nullable=False),  # 1 warning, 2 challenge, 3 24 h, 4 72 h, 5 permanent
    Column("treatment", String(16), nullable=False),  # warn, challenge, announce
    Column("reason", Text, nullable=False),
    Column("evidence", JSON, nullable=False),  # call ids
    Column("author", String(64), nullable=False),
    Column("origin", String(16), nullable=False),  # ladder, person, import
    Column("started_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),  # null: permanent
    Column("awaits_confirmation", Boolean, nullable=False, server_default="0"),
    Column("removed_at", BigInteger),
    Column("removed_by", String(64)),
    *_personal("reputation"),
    Index("blocks_by_number", "site", "number_key", "removed_at"),
    Index("blocks_by_start", "site", "started_at"),
    Index("blocks_by_removal", "site", "removed_at"),
)

users = Table(
    "users",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("username", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("role", String(16), nullable=False),  # agent supervisor dispatcher qc admin
    Column("agency", String(64)),
    Column("password_hash", Text, nullable=False),
    Column("disabled_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    *_personal("staff"),
    UniqueConstraint("site", "username"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("user_id", String(36), nullable=False),
    Column("kind", String(8), nullable=False),  # cookie, token
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("label", String(64)),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("address", String(64)),  # where it was opened from
    Column("device", String(128)),  # what the browser calls itself, cut
    Column("method", String(16)),  # password, totp, recovery, oidc
    Index("sessions_by_user", "site", "user_id"),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("user_id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("secret", String(64), nullable=False),  # base32, RFC 6238
    Column("created_at", BigInteger, nullable=False),
    Column("confirmed_at", BigInteger),  # null: being set up, does not count yet
    Column("last_step", BigInteger),  # the newest 30-second step used: a code counts once
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", String(36), primary_key=True),
    Column("code_hash", String(64), primary_key=True),
    Column("used_at", BigInteger),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("site", String(32), primary_key=True),
    Column("key", String(64), primary_key=True),  # a hash: no name and no address stands here
    Column("failures", Float, nullable=False),  # they leak away with time
    Column("last_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
)

phones = Table(
    "phones",
    metadata,
    Column("username", String(32), primary_key=True),  # random, with letters: the SIP endpoint
    Column("site", String(32), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("password", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("site", "agent"),
)

# the browser's telephone of an agent: for one sign-in, in one open tab (``session``)
web_phones = Table(
    "web_phones",
    metadata,
    Column("site", String(32), primary_key=True),
    Column("agent", String(64), primary_key=True),
    Column("username", String(33), nullable=False),  # the SIP endpoint
    Column("password", String(64), nullable=False),
    Column("session", String(64), nullable=False),
    Column("sign_in", String(36), nullable=False),  # sessions.id
    Column("opened_at", BigInteger, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("number", String(32), nullable=False),  # SMG-2026-000413
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),  # draft, open, closed
    Column("call_id", String(36)),
    Column("category", String(32)),
    Column("place", Text),
    Column("landmark", Text),
    Column("district", String(64)),
    Column("subdistrict", String(64)),
    Column("description", Text),
    Column("injured", Text),
    Column("danger", Text),
    Column("caller_name", String(128)),
    Column("callback_number", String(32)),
    Column("verified", JSON, nullable=False),  # {address, number, details}: bool
    Column("dispositions", JSON, nullable=False),
    Column("caller_told_at", BigInteger),
    Column("latitude", Float),  # WGS 84, degrees
    Column("longitude", Float),
    Column("radius_m", Float),
    Column("located_by", String(16)),  # psap.incidents.model.LocatedBy
    Column("people", String(128)),
    Column("answers", JSON(none_as_null=True)),  # {question: text}
    Column("linked_to", String(36)),  # the first report of the same event; never one that is linked itself
    Column("closing", JSON(none_as_null=True)),  # psap.incidents.model.Closing
    Column("timeline", JSON(none_as_null=True)),
    Column("shift_date", String(10), nullable=False),
    Column("shift", String(32)),
    Column("created_by", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("idempotency_key", String(128)),
    Column("idempotency_body", String(64)),  # a hash: the same key with another body is a mistake
    *_personal("incident"),
    UniqueConstraint("site", "number"),
    UniqueConstraint("site", "idempotency_key"),
    Index("incidents_by_time", "site", "created_at"),
    Index("incidents_by_status", "site", "status", "created_at"),
    Index("incidents_by_call", "site", "call_id"),
    Index("incidents_by_link", "site", "linked_to"),
)

location_links = Table(  # the page that a caller opens to send where they are
    "location_links",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("call_id", String(36), nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("uses", Integer, nullable=False),
    Index("location_links_by_call", "site", "call_id"),
    Index("location_links_by_end", "site", "expires_at"),
)

counters = Table(
    "counters",
    metadata,
    Column("site", String(32), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("value", Integer, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(48), nullable=False),  # psap.platform.audit.Action
    Column("subject", String(128)),  # an id, never a number
    Column("detail", JSON, nullable=False),
    Column("seq", BigInteger),  # 1, 2, 3... without a gap for each site
    Column("chain", String(64)),  # psap.platform.audit.chain_of: over this entry and the one before
    Index("audit_by_time", "site", "at"),
    Index("audit_by_seq", "site", "seq", unique=True),
    Index("audit_by_subject", "site", "subject", "seq"),
)

missed = Table(
    "missed",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),  # psap.missed.model.Status
    Column("number_key", String(32)),  # null: nobody who could be called back
    Column("open_key", String(32)),  # the key while not closed: one open entry for each number
    Column("number", String(80)),
    Column("e164", String(20)),
    Column("presentation", String(16)),
    Column("kind", String(16), nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("last", JSON, nullable=False),  # psap.missed.model.LastCall
    Column("flags", JSON, nullable=False),
    Column("needs_confirmation", Boolean, nullable=False, server_default="0"),
    Column("claim", Integer, nullable=False),  # how often it was claimed
    Column("claimed_by", String(64)),
    Column("claimed_at", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("last_result", String(16)),
    Column("incident_id", String(36)),
    Column("result", String(16)),
    Column("resolved_call_id", String(36)),
    Column("note", Text),
    Column("closed_by", String(64)),
    Column("closed_at", BigInteger),
    Column("updated_at", BigInteger, nullable=False),
    *_personal("call"),
    UniqueConstraint("site", "open_key"),
    Index("missed_by_time", "site", "last_at"),
    Index("missed_by_status", "site", "status"),
)

missed_calls = Table(  # which calls an entry stands for: each call in one entry, ever
    "missed_calls",
    metadata,
    Column("call_id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("missed_id", String(36), nullable=False),
    Index("missed_calls_by_entry", "site", "missed_id"),
)

call_backs = Table(  # written before Asterisk is asked: one for each claim, at most
    "call_backs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("missed_id", String(36), nullable=False),
    Column("claim", Integer, nullable=False),
    Column("call_id", String(36), nullable=False),
    Column("channel_id", String(64), nullable=False),  # chosen by us: Uniqueid of the agent's leg
    Column("agent", String(64), nullable=False),
    Column("phone", String(32), nullable=False),
    Column("state", String(16), nullable=False),  # psap.missed.model.AttemptState
    Column("result", String(16)),
    Column("cause", Integer),  # Q.850 of the citizen's leg
    Column("started_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("talk_seconds", Float),
    UniqueConstraint("site", "channel_id"),
    UniqueConstraint("site", "missed_id", "claim"),
    Index("call_backs_by_state", "site", "state"),
)

recordings = Table(  # the sound itself: HOME/recordings/<file>
    "recordings",
    metadata,
    Column("id", String(36), primary_key=True),  # psap.recordings.model.recording_id
    Column("site", String(32), nullable=False),
    Column("call_id", String(36), nullable=False),
    Column("file", String(128), nullable=False),  # YYYY/MM/DD/CALL_ID.wav, the city's date
    Column("started_at", BigInteger, nullable=False),  # the moment of its first sample
    Column("seconds", Float, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),  # of the file as it was filed
    Column("mended", Boolean, nullable=False, server_default="0"),  # Asterisk died: its length was put right
    Column("filed_at", BigInteger, nullable=False),
    *_personal("recording"),
    Index("recordings_by_call", "site", "call_id"),
    Index("recordings_by_start", "site", "started_at"),
)

rosters = Table(  # who is planned for which shift; a shift over midnight belongs to the date it begins on
    "rosters",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("shift_date", String(10), nullable=False),
    Column("shift", String(32), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("starts_at", BigInteger, nullable=False),  # of the shift, when it was planned: for retention
    Column("created_by", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    *_personal("staff"),
    UniqueConstraint("site", "shift_date", "shift", "agent"),
    Index("rosters_by_start", "site", "starts_at"),
)

trainings = Table(  # simulated callers: never in calls
    "trainings",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("kind", String(32), nullable=False),
    Column("steps", JSON, nullable=False),
    Column("score", JSON),
    Column("report", JSON),
    *_personal("staff"),
    Index("trainings_by_start", "site", "started_at"),
    Index("trainings_by_agent", "site", "agent", "started_at"),
)

report_days = Table(  # counted from calls: psap.reports. Nothing stands here that calls do not say
    "report_days",
    metadata,
    Column("site", String(32), primary_key=True),
    Column("day", String(10), primary_key=True),  # the city's date
    Column("zone", String(64), nullable=False),  # in which it was counted
    Column("revision", Integer, nullable=False),  # how often it was counted
    Column("figures", JSON, nullable=False),  # psap.reports.model.DayCount.stored
)

report_changes = Table(  # hours of which a call changed since they were counted; written by triggers alone
    "report_changes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("hour", BigInteger, nullable=False),  # since 1970, UTC
    Index("report_changes_by_hour", "site", "hour"),
    sqlite_autoincrement=True,
)

state = Table(
    "state",
    metadata,
    Column("site", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),  # e.g. ledger offset
    Column("value", JSON, nullable=False),
)
