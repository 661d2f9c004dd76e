"""indexes for what is asked; the audit's guard on PostgreSQL says integrity"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from psap.platform.audit_guard import guard_function

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEXES = (
    ("calls_by_agent", "calls", ["site", "agent", "started_at"]),
    ("calls_by_classification", "calls", ["site", "classification", "started_at"]),
    ("blocks_by_removal", "blocks", ["site", "removed_at"]),
    ("incidents_by_status", "incidents", ["site", "status", "created_at"]),
)
_KEYLESS = sa.text("number_key IS NULL")


def upgrade() -> None:
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns, unique=False)
    op.create_index(
        "calls_without_key",
        "calls",
        ["site", "number", "started_at"],
        unique=False,
        sqlite_where=_KEYLESS,
        postgresql_where=_KEYLESS,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(guard_function())  # of a database made before: the same, with its error's class


def downgrade() -> None:
    op.drop_index("calls_without_key", table_name="calls")
    for name, table, _columns in reversed(_INDEXES):
        op.drop_index(name, table_name=table)
