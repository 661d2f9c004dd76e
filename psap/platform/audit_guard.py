"""What keeps the audit append-only in the database itself: nobody's code can change or delete an entry.

Retention has one way: within one transaction it writes the horizon (``state``, name
``audit.horizon``, UTC microseconds) and deletes what is older (``psap.platform.audit.trim_audit``).
The entries that stay are chained, so that anything else that was taken away or changed shows.
"""

from __future__ import annotations

HORIZON = "audit.horizon"  # written out in the SQL below

# REPLACE deletes without firing a delete trigger: the insert trigger refuses a known id or place
_SQLITE = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only: an entry is never changed'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    WHEN NOT EXISTS (SELECT 1 FROM state WHERE site = OLD.site AND name = 'audit.horizon'
                     AND CAST(value AS INTEGER) > OLD.at)
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only: only what is older than its horizon goes'); END""",
    """CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR (site = NEW.site AND seq = NEW.seq))
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only: this entry exists'); END""",
)
_FUNCTION = """CREATE OR REPLACE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM state WHERE site = OLD.site AND name = 'audit.horizon'
                                    AND (value #>> '{}')::bigint > OLD.at) THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"""
_POSTGRES = (
    _FUNCTION,
    """CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_guard()""",
    """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_guard()""",
)


def guard_function() -> str:
    """PostgreSQL's function behind the triggers, over whichever there is."""
    return _FUNCTION


def guard_statements(dialect: str) -> tuple[str, ...]:
    """The SQL that makes ``audit`` append-only."""
    return _POSTGRES if dialect == "postgresql" else _SQLITE


def unguard_statements(dialect: str) -> tuple[str, ...]:
    """The SQL that takes the guard away (a migration back, nothing else)."""
    if dialect == "postgresql":
        return (
            "DROP TRIGGER audit_no_truncate ON audit",
            "DROP TRIGGER audit_append_only ON audit",
            "DROP FUNCTION audit_guard()",
        )
    return tuple(
        f"DROP TRIGGER {name}" for name in ("audit_no_replace", "audit_no_delete", "audit_no_update")
    )
