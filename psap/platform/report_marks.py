"""What notices, in the database itself, that a call of an hour was added, changed or deleted.

A month's report is put together from days that were counted before (``psap.reports``). Whoever changes
a call - a late record, a classification, retention, a hand on the database - leaves a mark in the same
transaction, so a day that was counted before that is counted anew. A mark is a row of its own and
never a common one that two writers could wait for. A migration that makes ``calls`` anew makes
these triggers anew as well.
"""

# ruff: noqa: S608 - names of our own
from __future__ import annotations

COUNTED = (  # what a report looks at
    *("site", "started_at", "direction", "answered_at", "ending", "agent", "wait_seconds", "classification"),
)
HOUR = "started_at / 3600000000"  # UTC microseconds to hours since 1970

_SQLITE_CHANGED = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in COUNTED)
_MOVED = f"OLD.site <> NEW.site OR OLD.{HOUR} <> NEW.{HOUR}"
_SQLITE = (
    f"""CREATE TRIGGER report_call_added AFTER INSERT ON calls BEGIN
    INSERT INTO report_changes (site, hour) VALUES (NEW.site, NEW.{HOUR}); END""",
    f"""CREATE TRIGGER report_call_changed AFTER UPDATE OF {", ".join(COUNTED)} ON calls
    WHEN {_SQLITE_CHANGED} BEGIN
    INSERT INTO report_changes (site, hour) VALUES (NEW.site, NEW.{HOUR});
    INSERT INTO report_changes (site, hour) SELECT OLD.site, OLD.{HOUR} WHERE {_MOVED}; END""",
    f"""CREATE TRIGGER report_call_gone AFTER DELETE ON calls BEGIN
    INSERT INTO report_changes (site, hour) VALUES (OLD.site, OLD.{HOUR}); END""",
)
_POSTGRES_CHANGED = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in COUNTED)
_POSTGRES = (
    # a whole statement leaves one mark for each hour: a million rows at once must not leave a million
    f"""CREATE FUNCTION report_calls_marked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO report_changes (site, hour) SELECT DISTINCT site, {HOUR} FROM touched;
    RETURN NULL; END $$""",
    f"""CREATE FUNCTION report_call_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO report_changes (site, hour) VALUES (NEW.site, NEW.{HOUR});
    IF {_MOVED} THEN INSERT INTO report_changes (site, hour) VALUES (OLD.site, OLD.{HOUR}); END IF;
    RETURN NULL; END $$""",
    """CREATE TRIGGER report_calls_added AFTER INSERT ON calls REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION report_calls_marked()""",
    """CREATE TRIGGER report_calls_gone AFTER DELETE ON calls REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION report_calls_marked()""",
    f"""CREATE TRIGGER report_call_changed AFTER UPDATE OF {", ".join(COUNTED)} ON calls
    FOR EACH ROW WHEN ({_POSTGRES_CHANGED}) EXECUTE FUNCTION report_call_changed()""",
)


def mark_statements(dialect: str) -> tuple[str, ...]:
    """The SQL that makes changes of ``calls`` leave marks in ``report_changes``."""
    return _POSTGRES if dialect == "postgresql" else _SQLITE


def unmark_statements(dialect: str) -> tuple[str, ...]:
    """The SQL that takes the triggers away again."""
    if dialect == "postgresql":
        names = ("report_calls_added", "report_calls_gone", "report_call_changed")
        return (
            *(f"DROP TRIGGER {name} ON calls" for name in names),
            "DROP FUNCTION report_calls_marked()",
            "DROP FUNCTION report_call_changed()",
        )
    return tuple(
        f"DROP TRIGGER {name}" for name in ("report_call_gone", "report_call_changed", "report_call_added")
    )
