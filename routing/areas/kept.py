"""A checked file in, kept with what was found until its person applies it; and its application, all or nothing.

It is kept in the database, one for each person and for a day, as plain JSON; nothing of it is in a session.
"""

import zlib
from collections import Counter, defaultdict
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError

from owners.areas import Area
from owners.configuration import changing
from owners.models import AreaImport, Territory, TerritoryArea, User
from routing.areas.check import Found, Fresh, Line, check
from routing.areas.sheet import read_sheet
from routing.maps import map_number
from routing.refused import Refused
from routing.write import Target, all_fields, write

KEPT = timedelta(days=1)
AT_ONCE = 5_000
"""Ids in one statement."""

ADDED = Target(TerritoryArea, all_fields(TerritoryArea, auto_id=True))
MOVED = Target(TerritoryArea, ("id", "territory"), update=True)


def keep(user: User, name: str, data: bytes, replace: str, now: datetime) -> AreaImport:
    """Check the file against the map as it is and keep it in the place of this person's last one.

    Raises BadFile.
    """
    number = map_number()
    found = check(read_sheet(data), replace)
    AreaImport.objects.filter(made_at__lt=now - KEPT).delete()
    values = {"file_name": name[:200], "data": data, "replace": replace, "made_at": now, "map_number": number}
    return AreaImport.objects.update_or_create(user=user, defaults={**values, "found": _packed(found)})[0]


def kept_of(user: User, now: datetime) -> AreaImport | None:
    """What this person has uploaded and not applied yet, without the file itself."""
    return AreaImport.objects.filter(user=user, made_at__gte=now - KEPT).defer("data").first()


def _packed(found: Found) -> bytes:
    lines = [[each.line, each.kind, each.territory, each.area, each.note, each.row, each.cells] for each in found.lines]
    value = {"lines": lines, "fresh": [asdict(each) for each in found.fresh], "ids": found.ids, "notes": found.notes}
    return zlib.compress(orjson.dumps(value, default=list), 1)


def found_of(kept: AreaImport) -> Found:
    """What was found when the file was checked."""
    value = orjson.loads(zlib.decompress(kept.found))
    lines = [
        Line(number, kind, territory, area and Area(*area), note, row, cells)
        for number, kind, territory, area, note, row, cells in value["lines"]
    ]
    return Found(lines, [Fresh(**each) for each in value["fresh"]], value["ids"], value["notes"])


def apply(kept: AreaImport, now: datetime) -> dict[str, int]:
    """Do what the preview said, every good line in one writer transaction; what was done, by kind.

    Raises Refused: `changed`, when the map is no longer that of the preview (which is made anew), `gone`, when it was
    applied meanwhile, or `no_change`.
    """
    found = found_of(kept)
    totals = found.totals()
    if not (totals["added"] or totals["moved"] or totals["removed"]):
        raise Refused("no_change", "Nothing was applied: no line of the file changes the map.")
    try:
        with changing(of_map=True):
            if not AreaImport.objects.filter(pk=kept.pk, made_at=kept.made_at).delete()[0]:
                raise Refused("gone", "Nothing was applied: this file was applied or replaced meanwhile.")
            if map_number() != kept.map_number:
                raise _Changed
            _write(found)
            _tell(kept, found, now)
    except (_Changed, IntegrityError) as error:
        keep(kept.user, kept.file_name, bytes(kept.data), kept.replace, now)
        raise Refused(
            "changed",
            "Nothing was applied: the map changed after the preview. This is the preview of now; look and apply again.",
        ) from error
    return totals


class _Changed(Exception):
    """Rolls back."""


def _write(found: Found) -> None:
    """Three statements or so, however many lines there are."""
    fresh = [Territory(key=each.key, name=each.name, owner_id=each.owner, team_id=each.team) for each in found.fresh]
    Territory.objects.bulk_create(fresh, batch_size=1000)
    ids = {**found.ids, **{territory.name: territory.pk for territory in fresh}}
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for line in found.lines:
        if line.kind == "added" and line.area:
            values = {**line.area._asdict(), "territory": ids[line.territory]}
            rows["added"].append(tuple(values[name] for name in ADDED.fields))
        elif line.kind == "moved":
            rows["moved"].append((line.row, ids[line.territory]))
        elif line.kind == "removed":
            rows["removed"].append((line.row,))
    gone = [row for (row,) in rows["removed"]]
    for start in range(0, len(gone), AT_ONCE):
        TerritoryArea.objects.filter(pk__in=gone[start : start + AT_ONCE]).delete()
    write([(ADDED, rows["added"]), (MOVED, rows["moved"])])


def _tell(kept: AreaImport, found: Found, now: datetime) -> None:
    """A line in the history of each territory that changed."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for line in found.lines:
        if line.kind in ("added", "moved", "removed"):
            counted[line.territory][line.kind] += 1
    made = dict(Territory.objects.filter(key__in=[each.key for each in found.fresh]).values_list("name", "id"))
    kind = ContentType.objects.get_for_model(Territory)
    words = {"added": "added", "moved": "moved here", "removed": "removed"}
    LogEntry.objects.bulk_create(
        [
            LogEntry(
                user_id=kept.user_id, content_type=kind, object_id=str(found.ids.get(name) or made.get(name, "")),
                object_repr=name[:200], action_flag=CHANGE, action_time=now,
                change_message=f"Areas from {kept.file_name}: "
                + ", ".join(f"{number:,} {words[what]}" for what, number in sorted(of_name.items())) + ".",
            )
            for name, of_name in counted.items()
        ],
        batch_size=1000,
    )  # fmt: skip
