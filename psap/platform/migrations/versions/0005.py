"""recordings, and the quality of a call"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=36), nullable=False),
        sa.Column("file", sa.String(length=128), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("mended", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("filed_at", sa.BigInteger(), nullable=False),
        sa.Column("retention_class", sa.String(length=32), server_default="recording", nullable=False),
        sa.Column("legal_hold", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("recordings_by_call", "recordings", ["site", "call_id"], unique=False)
    op.create_index("recordings_by_start", "recordings", ["site", "started_at"], unique=False)
    # nullable: the software before this one knows nothing of it
    op.add_column("calls", sa.Column("quality", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("calls", "quality")
    op.drop_index("recordings_by_start", table_name="recordings")
    op.drop_index("recordings_by_call", table_name="recordings")
    op.drop_table("recordings")
