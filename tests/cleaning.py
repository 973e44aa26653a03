"""A test database that a test committed to in, the same as migrations left it out; sequences go on counting.

Django's flush empties every table there is and makes content types and permissions anew, which takes longer than
most tests. Here one statement finds the tables that have rows, and only those are emptied.
"""

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from leads.models import LeadType

BROUGHT = (Group, LeadType)
"""Models whose rows come with migrations, and which a test may change."""

UNTOUCHED = (ContentType, Permission, MigrationRecorder.Migration)
"""Models whose rows say what the program consists of; no test has a reason to change them."""


class Cleaner:
    """Remembers the rows that migrations brought, when made; `clean` leaves those and no others."""

    def __init__(self) -> None:
        kept = {model._meta.db_table for model in (*BROUGHT, *UNTOUCHED)}
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        self.tables = sorted(set(tables) - kept)
        self.brought = {model: list(model.objects.order_by("pk").values()) for model in BROUGHT}

    def clean(self) -> None:
        """Empty the tables that have rows, in one transaction: foreign keys are asked at its end only."""
        with transaction.atomic(), connection.cursor() as cursor:
            for table in self._filled(cursor):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
            for model, rows in self.brought.items():
                if list(model.objects.order_by("pk").values()) != rows:
                    model.objects.all().delete()
                    model.objects.bulk_create([model(**row) for row in rows])

    def _filled(self, cursor) -> list[str]:
        quoted = [(index, connection.ops.quote_name(table)) for index, table in enumerate(self.tables)]
        cursor.execute(" UNION ALL ".join(f"SELECT {i} WHERE EXISTS (SELECT 1 FROM {table})" for i, table in quoted))
        return [self.tables[index] for (index,) in cursor.fetchall()]
