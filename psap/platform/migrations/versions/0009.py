"""reports: days that were counted, and marks of what changed since"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from psap.platform.report_marks import mark_statements, unmark_statements

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "report_days",
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("site", "day"),
    )
    op.create_table(
        "report_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("report_changes_by_hour", "report_changes", ["site", "hour"], unique=False)
    for statement in mark_statements(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    for statement in unmark_statements(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_index("report_changes_by_hour", table_name="report_changes")
    op.drop_table("report_changes")
    op.drop_table("report_days")
