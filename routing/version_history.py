"""A version in, what happened to it out, newest first: made, edited, approved, scheduled, published, replaced.

Reads the log that every act leaves, and the version's own columns for what the program did by itself.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType

from owners.models import User
from routing.models import RuleSetVersion

LINES = 20
"""How many lines are shown; the admin's own history has all that people did."""


class Happened(NamedTuple):
    at: datetime
    who: str
    """A person's name; empty for the program itself."""
    said: str


class History(NamedTuple):
    lines: list[Happened]
    more: bool
    """Whether older lines are left out."""


def history_of(version: RuleSetVersion, most: int = LINES) -> History:
    """The latest `most` lines of a version's history. A fixed number of statements, however long it is."""
    kind = ContentType.objects.get_for_model(RuleSetVersion)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(version.pk)).select_related("user")
    rows = list(entries.order_by("-action_time", "-id")[: most + 1])
    lines = [Happened(row.action_time, _name(row.user), _said(row)) for row in rows]
    lines += _of_others(version)
    more = len(rows) > most
    if not more:  # else its first lines are not among those read, and neither is how it began
        lines += _of_columns(version, rows)
    lines.sort(key=lambda line: line.at, reverse=True)
    return History(lines[:most], more or len(lines) > most)


def _said(row: LogEntry) -> str:
    said = row.get_change_message()
    return said or ("Made." if row.action_flag == ADDITION else "Changed.")


def _name(user: User) -> str:
    return user.get_full_name() or user.username


def _of_columns(version: RuleSetVersion, rows: list[LogEntry]) -> Iterator[Happened]:
    """What is known without the log: a publish that nobody asked for, and the beginning."""
    if version.published_at and not any(row.change_message.startswith("Published") for row in rows):
        who = _name(version.published_by) if version.published_by else ""
        yield Happened(version.published_at, who, f"Published: {version.purpose}")
    if not any(row.action_flag == ADDITION or row.change_message.startswith("Copied version ") for row in rows):
        made = f"Copied from version {version.based_on_id}." if version.based_on_id else "Made."
        yield Happened(min(version.created_at, version.published_at or version.created_at), "", made)


def _of_others(version: RuleSetVersion) -> Iterator[Happened]:
    """What became of it: the version that took its place, and those that put its rules back in force."""
    if version.published_at is None:
        return
    later = RuleSetVersion.objects.filter(published_at__gt=version.published_at).select_related("published_by")
    rows = later.only("id", "published_at", "restores_id", "published_by").order_by("published_at", "id")
    first = rows.first() if version.state == RuleSetVersion.State.RETIRED else None
    for row in {row.pk: row for row in (first, *rows.filter(restores=version)) if row}.values():
        who = _name(row.published_by) if row.published_by else ""
        if row is first:
            yield Happened(row.published_at, who, f"Version {row.pk} took its place.")
        if row.restores_id == version.pk:
            yield Happened(row.published_at, who, f"Its rules were put back in force, as version {row.pk}.")
