"""places, what belongs together, the closing of an incident"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# all nullable: the software before this one knows nothing of them
INCIDENT = (
    ("latitude", sa.Float()),
    ("longitude", sa.Float()),
    ("radius_m", sa.Float()),
    ("located_by", sa.String(length=16)),
    ("people", sa.String(length=128)),
    ("answers", sa.JSON()),
    ("linked_to", sa.String(length=36)),
    ("closing", sa.JSON()),
    ("timeline", sa.JSON()),
)


def upgrade() -> None:
    for name, kind in INCIDENT:
        op.add_column("incidents", sa.Column(name, kind, nullable=True))
    op.create_index("incidents_by_link", "incidents", ["site", "linked_to"], unique=False)
    op.add_column("calls", sa.Column("location", sa.JSON(), nullable=True))
    op.create_table(
        "location_links",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("call_id", sa.String(length=36), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("location_links_by_call", "location_links", ["site", "call_id"], unique=False)
    op.create_index("location_links_by_end", "location_links", ["site", "expires_at"], unique=False)


def downgrade() -> None:
    op.drop_index("location_links_by_end", table_name="location_links")
    op.drop_index("location_links_by_call", table_name="location_links")
    op.drop_table("location_links")
    op.drop_column("calls", "location")
    op.drop_index("incidents_by_link", table_name="incidents")
    for name, _ in reversed(INCIDENT):
        op.drop_column("incidents", name)
