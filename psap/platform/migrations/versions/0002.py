"""missed calls: who has to be called back, which calls that stands for, and each attempt"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "missed",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("number_key", sa.String(length=32), nullable=True),
        sa.Column("open_key", sa.String(length=32), nullable=True),
        sa.Column("number", sa.String(length=80), nullable=True),
        sa.Column("e164", sa.String(length=20), nullable=True),
        sa.Column("presentation", sa.String(length=16), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.JSON(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("needs_confirmation", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_result", sa.String(length=16), nullable=True),
        sa.Column("incident_id", sa.String(length=36), nullable=True),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("resolved_call_id", sa.String(length=36), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("closed_by", sa.String(length=64), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("retention_class", sa.String(length=32), server_default="call", nullable=False),
        sa.Column("legal_hold", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site", "open_key"),
    )
    op.create_index("missed_by_time", "missed", ["site", "last_at"], unique=False)
    op.create_index("missed_by_status", "missed", ["site", "status"], unique=False)
    op.create_table(
        "missed_calls",
        sa.Column("call_id", sa.String(length=36), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("missed_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("call_id"),
    )
    op.create_index("missed_calls_by_entry", "missed_calls", ["site", "missed_id"], unique=False)
    op.create_table(
        "call_backs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("missed_id", sa.String(length=36), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=36), nullable=False),
        sa.Column("channel_id", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("cause", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("talk_seconds", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site", "channel_id"),
        sa.UniqueConstraint("site", "missed_id", "claim"),
    )
    op.create_index("call_backs_by_state", "call_backs", ["site", "state"], unique=False)


def downgrade() -> None:
    op.drop_index("call_backs_by_state", table_name="call_backs")
    op.drop_table("call_backs")
    op.drop_index("missed_calls_by_entry", table_name="missed_calls")
    op.drop_table("missed_calls")
    op.drop_index("missed_by_status", table_name="missed")
    op.drop_index("missed_by_time", table_name="missed")
    op.drop_table("missed")
