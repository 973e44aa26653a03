"""Saves of configuration rows in; a stamp that rises with each, in the same transaction, out.

Routing caches people, pools and policies compiled. The stamp tells it, with one read inside the writer lock,
whether the cache still holds. So every change of a configuration row takes the writer lock and raises it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from django.db import models
from django.db.models import F

from owners.writer import at_end, writing


class ConfigStamp(models.Model):
    """One row; `number` rises with every change of configuration, `map_number` with those of areas alone."""

    number = models.BigIntegerField(default=0)
    map_number = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="config_stamp_is_one_row")]

    def __str__(self):
        return f"configuration {self.number}"


def touch(*, of_map: bool = False) -> None:
    """Say that configuration changed, `of_map`: areas among it. Call inside `writing()`."""
    map_rise = int(of_map)
    if not ConfigStamp.objects.filter(id=1).update(number=F("number") + 1, map_number=F("map_number") + map_rise):
        ConfigStamp.objects.create(id=1, number=1, map_number=map_rise)
    for call in _followers:
        at_end(call)


_followers: list[Callable[[], None]] = []


def on_change(call: Callable[[], None]) -> Callable[[], None]:
    """Have `call` called at the end of every writer transaction that changed configuration, and within it."""
    _followers.append(call)
    return call


@contextmanager
def changing(*, of_map: bool = False) -> Iterator[None]:
    """Wrap bulk changes of configuration that go around `save()`: lock first, stamp last."""
    with writing():
        yield
        touch(of_map=of_map)


class ConfigQuerySet(models.QuerySet):
    """The set-wise writes of configuration, each under the lock and stamped."""

    def update(self, **kwargs):
        with changing(of_map="write" in self.model.on_map):
            return super().update(**kwargs)

    def delete(self):
        with changing(of_map="delete" in self.model.on_map):
            return super().delete()

    delete.queryset_only = True  # as Django's own: `Owner.objects.delete()` must not be

    def bulk_create(self, objs, *args, **kwargs):
        with changing(of_map="write" in self.model.on_map):
            return super().bulk_create(objs, *args, **kwargs)

    def bulk_update(self, objs, fields, *args, **kwargs):
        with changing(of_map="write" in self.model.on_map):
            return super().bulk_update(objs, fields, *args, **kwargs)


class ConfigModel(models.Model):
    """A row that routing compiles: its changes are serialised with routing and raise the stamp."""

    objects = ConfigQuerySet.as_manager()

    on_map: ClassVar[frozenset[str]] = frozenset()
    """Which of its changes, `write` or `delete`, change areas of the map, which is compiled apart."""

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        with changing(of_map="write" in self.on_map):
            super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        with changing(of_map="delete" in self.on_map):
            return super().delete(*args, **kwargs)


Values = Mapping[str, Any]
Edits = Mapping[int, tuple[Values, Values]]
"""By id: the values of `told_fields` before and after, of rows of which one changed."""

_listeners: list[Callable[[type[models.Model], Edits], None]] = []


def on_edit(call: Callable[[type[models.Model], Edits], None]) -> Callable[[type[models.Model], Edits], None]:
    """Have `call` called, in the edit's own transaction, for every edit of a model's `told_fields`: for an app that
    this one does not know."""
    _listeners.append(call)
    return call


class ToldQuerySet(ConfigQuerySet):
    """Configuration whose edits are told on, those of many rows at once too."""

    def update(self, **kwargs):
        if self.model.told_fields.isdisjoint(kwargs):
            return super().update(**kwargs)
        with changing():
            before = _values(self)
            count = super().update(**kwargs)
            _tell(self.model, before)
            return count

    update.alters_data = True


class ToldModel(ConfigModel):
    """A row some of whose fields mean something to a later app, which is told when they change; not of new rows."""

    told_fields: ClassVar[frozenset[str]] = frozenset()
    objects = ToldQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        with changing():
            before = _values(type(self)._default_manager.filter(pk=self.pk)) if self.pk else {}
            super().save(*args, **kwargs)
            _tell(type(self), before)


def _values(rows: models.QuerySet) -> dict[int, Values]:
    fields = sorted(rows.model.told_fields)
    return {id: dict(zip(fields, row, strict=True)) for id, *row in rows.order_by().values_list("pk", *fields)}


def _tell(model: type[models.Model], before: Mapping[int, Values]) -> None:
    if not before:
        return
    after = _values(model._default_manager.filter(pk__in=before))
    edits = {id: (old, after[id]) for id, old in before.items() if id in after and after[id] != old}
    if edits:
        for call in _listeners:
            call(model, edits)
