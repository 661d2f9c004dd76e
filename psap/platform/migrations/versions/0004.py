"""telephones in the browser: which open tab is whose telephone, and the password of that sign-in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "web_phones",
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=33), nullable=False),
        sa.Column("password", sa.String(length=64), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=36), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "agent"),
    )


def downgrade() -> None:
    op.drop_table("web_phones")
