"""Entries of a named list in, the list with its text and digest out; leaves alone how they were typed or imported.

The one door to the entries: the digest that revisions cite belongs to them.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from django.db.models import F

from owners.models import User
from owners.writer import writing
from routing.engine.conditions import fold
from routing.models import ListEntry, ListText, NamedList
from routing.refused import Refused
from routing.revision import canonical_json, digest_of

LARGEST_LIST = 200_000
"""Entries."""


def replace_entries(
    named: NamedList, values: Iterable[str], by: User | None, now: datetime, seen: int | None = None
) -> NamedList:
    """Make the list hold exactly these values; spellings that compare alike count once, the first stays.

    `seen`: the edition that somebody looked at. Raises Refused: changed, gone; as do the others here.
    """
    wanted = {folded: value for value in reversed(list(values)) if (folded := fold(value))}
    with writing():
        _refuse_stale(named, seen)
        held = dict(ListEntry.objects.filter(list=named).values_list("folded", "id"))
        gone = [id for folded, id in held.items() if folded not in wanted]
        for start in range(0, len(gone), 1000):
            ListEntry.objects.filter(id__in=gone[start : start + 1000]).delete()
        new = [ListEntry(list=named, value=wanted[folded], folded=folded) for folded in wanted if folded not in held]
        ListEntry.objects.bulk_create(new, batch_size=1000)
        return _seal(named, by, now)


def add_entries(
    named: NamedList, values: Iterable[str], by: User | None, now: datetime, seen: int | None = None
) -> NamedList:
    """Add what is not there yet."""
    wanted = {folded: value for value in reversed(list(values)) if (folded := fold(value))}
    with writing():
        _refuse_stale(named, seen)
        new = [ListEntry(list=named, value=value, folded=folded) for folded, value in wanted.items()]
        ListEntry.objects.bulk_create(new, batch_size=1000, ignore_conflicts=True)
        return _seal(named, by, now)


def remove_entries(
    named: NamedList, ids: Iterable[int], by: User | None, now: datetime, seen: int | None = None
) -> NamedList:
    """Take entries out, by id; those of other lists are left alone."""
    with writing():
        _refuse_stale(named, seen)
        ListEntry.objects.filter(list=named, id__in=list(ids)).delete()
        return _seal(named, by, now)


def _refuse_stale(named: NamedList, seen: int | None) -> None:
    """Of two who change a list in the same instant, the second saw what is not there any more."""
    edition = NamedList.objects.filter(pk=named.pk).values_list("edition", flat=True).first()
    if edition is None:
        raise Refused("gone", "This list was deleted meanwhile. Nothing of yours was done.")
    if seen is not None and seen != edition:
        raise Refused("changed", "Somebody changed this list since you opened it. Nothing of yours was done.")


def _seal(named: NamedList, by: User | None, now: datetime) -> NamedList:
    """Keep what the list holds now as a text, and say so on the list, which raises the configuration's stamp."""
    values = list(ListEntry.objects.filter(list=named).order_by("folded").values_list("folded", flat=True))
    text = canonical_json(sorted(values))
    digest = digest_of(text)
    ListText.objects.get_or_create(digest=digest, defaults={"content": text})
    NamedList.objects.filter(pk=named.pk).update(
        digest=digest, size=len(values), edition=F("edition") + 1, edited_at=now, edited_by=by
    )
    named.refresh_from_db()
    return named


@lru_cache(maxsize=64)
def values_of(digest: str) -> frozenset[str]:
    """The folded values of a stored text; nothing for a list that never held any. Raises ListText.DoesNotExist."""
    return (
        frozenset(json.loads(ListText.objects.values_list("content", flat=True).get(pk=digest)))
        if digest
        else frozenset()
    )


def lists_now() -> Mapping[str, frozenset[str]]:
    """What every list holds now, by key, for whoever checks or previews a draft."""
    return {key: values_of(digest) for key, digest in NamedList.objects.order_by("key").values_list("key", "digest")}
