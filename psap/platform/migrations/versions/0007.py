"""rosters and training"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _staff() -> list[sa.Column[object]]:
    return [
        sa.Column("retention_class", sa.String(length=32), server_default="staff", nullable=False),
        sa.Column("legal_hold", sa.Boolean(), server_default="0", nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "rosters",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("shift_date", sa.String(length=10), nullable=False),
        sa.Column("shift", sa.String(length=32), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        *_staff(),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site", "shift_date", "shift", "agent"),
    )
    op.create_index("rosters_by_start", "rosters", ["site", "starts_at"], unique=False)
    op.create_table(
        "trainings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("score", sa.JSON(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        *_staff(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("trainings_by_start", "trainings", ["site", "started_at"], unique=False)
    op.create_index("trainings_by_agent", "trainings", ["site", "agent", "started_at"], unique=False)


def downgrade() -> None:
    op.drop_index("trainings_by_agent", table_name="trainings")
    op.drop_index("trainings_by_start", table_name="trainings")
    op.drop_table("trainings")
    op.drop_index("rosters_by_start", table_name="rosters")
    op.drop_table("rosters")
