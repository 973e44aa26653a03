"""Saves of configuration rows in; a stamp that rises with each, in the same transaction, out.

Routing caches people, pools and policies compiled. The stamp tells it, with one read inside the writer lock,
whether the cache still holds. So every change of a configuration row takes the writer lock and raises it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import models
from django.db.models import F

from owners.writer import writing


class ConfigStamp(models.Model):
    """One row; `number` rises with every change of configuration, `map_number` with those of areas alone."""

    number = models.BigIntegerField(default=0)
    map_number = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="config_stamp_is_one_row")]

    def __str__(self):
        return f"configuration {self.number}"


def touch() -> None:
    """Say that configuration changed. Call inside `writing()`."""
    if not ConfigStamp.objects.filter(id=1).update(number=F("number") + 1):
        ConfigStamp.objects.create(id=1, number=1)


@contextmanager
def changing() -> Iterator[None]:
    """Wrap bulk changes of configuration that go around `save()`: lock first, stamp last."""
    with writing():
        yield
        touch()


class ConfigQuerySet(models.QuerySet):
    """The set-wise writes of configuration, each under the lock and stamped."""

    def update(self, **kwargs):
        with changing():
            return super().update(**kwargs)

    def delete(self):
        with changing():
            return super().delete()

    delete.queryset_only = True  # as Django's own: `Owner.objects.delete()` must not be

    def bulk_create(self, objs, *args, **kwargs):
        with changing():
            return super().bulk_create(objs, *args, **kwargs)

    def bulk_update(self, objs, fields, *args, **kwargs):
        with changing():
            return super().bulk_update(objs, fields, *args, **kwargs)


class ConfigModel(models.Model):
    """A row that routing compiles: its changes are serialised with routing and raise the stamp."""

    objects = ConfigQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        with changing():
            super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        with changing():
            return super().delete(*args, **kwargs)
