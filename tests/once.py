"""Whether this is the long form; marks for what the short one shows on one database only, or with fewer examples."""

import os

import pytest
from django.db import connection

FULL = os.environ.get("REVROUTE_FULL") == "1"

on_sqlite_only = pytest.mark.skipif(
    connection.vendor != "sqlite" and not FULL, reason="the same on every database; the long form runs it on both"
)
on_postgres_only = pytest.mark.skipif(
    connection.vendor != "postgresql" and not FULL, reason="shown on PostgreSQL; the long form runs it on both"
)


def examples(many: int) -> int:
    """So many drawn examples in the long form; a third of them, but 50 at least, in the short one."""
    return many if FULL else max(50, many // 3)
