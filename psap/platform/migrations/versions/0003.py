"""security: a chained, append-only audit; more about sessions; second factors; failed sign-ins"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from psap.platform.audit import chain_of
from psap.platform.audit_guard import guard_statements, unguard_statements

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("seq", sa.BigInteger(), nullable=True))
    op.add_column("audit", sa.Column("chain", sa.String(length=64), nullable=True))
    _chain_what_is_there()
    op.create_index("audit_by_seq", "audit", ["site", "seq"], unique=True)
    op.create_index("audit_by_subject", "audit", ["site", "subject", "seq"], unique=False)

    op.add_column("sessions", sa.Column("address", sa.String(length=64), nullable=True))
    op.add_column("sessions", sa.Column("device", sa.String(length=128), nullable=True))
    op.add_column("sessions", sa.Column("method", sa.String(length=16), nullable=True))
    op.create_index("sessions_by_user", "sessions", ["site", "user_id"], unique=False)

    op.add_column("incidents", sa.Column("idempotency_body", sa.String(length=64), nullable=True))
    op.create_table(
        "second_factors",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", "code_hash"),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Float(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "key"),
    )
    for statement in guard_statements(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    for statement in unguard_statements(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_table("sign_in_failures")
    op.drop_table("recovery_codes")
    op.drop_table("second_factors")
    op.drop_column("incidents", "idempotency_body")
    op.drop_index("sessions_by_user", table_name="sessions")
    for name in ("method", "device", "address"):
        op.drop_column("sessions", name)
    op.drop_index("audit_by_subject", table_name="audit")
    op.drop_index("audit_by_seq", table_name="audit")
    op.drop_column("audit", "chain")
    op.drop_column("audit", "seq")


def _chain_what_is_there() -> None:
    """Give every entry its place and its link, oldest first."""
    names = ("id", "site", "at", "actor", "action", "subject")
    audit = sa.table(
        "audit", *(sa.column(name) for name in (*names, "seq", "chain")), sa.column("detail", sa.JSON())
    )
    bind = op.get_bind()
    last: dict[str, tuple[int, str]] = {}
    rows = bind.execute(sa.select(audit).order_by(audit.c.at, audit.c.id)).mappings().all()
    for row in rows:
        place, before = last.get(row["site"], (0, ""))
        fields = {name: row[name] for name in (*names, "detail")}
        link = chain_of(before, place + 1, fields)
        bind.execute(sa.update(audit).where(audit.c.id == row["id"]).values(seq=place + 1, chain=link))
        last[row["site"]] = place + 1, link
