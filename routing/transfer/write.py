"""A parsed document and its differences in, the rows as it says out; every model's own checks asked first.

Call inside `writing()`. Collects what is wrong instead of stopping at the first; whoever calls rolls back.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from leads.models import Pipeline, Source, Stage
from owners.business_time import Hours, HoursError
from owners.models import (
    Absence,
    Installation,
    Membership,
    Owner,
    PoolMember,
    TerritoryArea,
    WeeklyHours,
)
from routing.transfer.diff import Change
from routing.transfer.shape import SECTIONS, Field

_VIOLATED = models.BaseConstraint.default_violation_error_message
SENTENCES = {
    _VIOLATED % {"name": name}: sentence
    for name, sentence in {
        "pool_fallback_is_named": "“when_empty” is “fallback”, so a fallback_owner has to be named.",
        "sla_minutes_positive": "first_touch_minutes, no_activity_minutes and review_minutes are 1 or more.",
        "member_weight_positive": "a weight is from 1 to 1000.",
    }.items()
}
"""What a broken constraint means, by the message that Django gives it."""


class Writer:
    """Writes one document. `problems`: path and sentence of whatever a model refuses. `notes`: what stays, and why."""

    def __init__(self, document: Mapping[str, Any], changes: Iterable[Change]) -> None:
        self.document = document
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.added: set[tuple[str, str]] = set()
        self.changed: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.removed: list[Change] = []
        for change in changes:
            if change.kind == "added":
                self.added.add((change.section, change.key))
            elif change.kind == "changed":
                self.changed[change.section, change.key].add(change.field)
            else:
                self.removed.append(change)
        self.ids = {name: dict(section.model.objects.values_list("key", "pk")) for name, section in SECTIONS.items()}

    def write(self, prune: bool) -> None:
        """All rows, in the order in which they need each other; with `prune` what the file leaves out goes."""
        self._company()
        for name in SECTIONS:
            for path, row in self._touched(name):
                self._row(name, row, path)
        if not self.problems:  # without all rows the rest would only complain about them again
            self._late()
            self._lists()
            self._order("sla_policies")
        if prune and not self.problems:
            for change in self.removed:
                self._remove(change)

    def _touched(self, name: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
        for number, row in enumerate(self.document.get(name, ())):
            if (name, row["key"]) in self.added or self.changed.get((name, row["key"])):
                yield f"{name}[{number}]", row

    def _company(self) -> None:
        if not self.changed.get(("company", "")):
            return
        given = self.document["company"]
        row = Installation.objects.filter(id=1).first() or Installation(id=1)
        row.company_name = given.get("name", row.company_name)
        row.time_zone = given.get("time_zone", row.time_zone)
        if self._sound(row, "company", {"company_name": "name"}):
            row.save()

    # --- rows --------------------------------------------------------------------------------------------

    def _row(self, name: str, given: Mapping[str, Any], path: str) -> None:
        """One row with everything but what is set late."""
        section, key = SECTIONS[name], given["key"]
        new = (name, key) in self.added
        fields = [
            field
            for field in section.fields
            if field.name in given and not field.late and (new or field.name in self.changed[name, key])
        ]
        if not (new or fields):
            return
        row = section.model(key=key) if new else section.model.objects.get(key=key)
        for field in fields:
            self._set(row, field, given[field.name])
        if self._sound(row, path):
            row.save() if new else row.save(update_fields=[field.name for field in fields])
            self.ids[name][key] = row.pk

    def _set(self, row: models.Model, field: Field, value: Any) -> None:
        if field.kind == "ref":
            setattr(row, f"{field.name}_id", value and self.ids[field.to].get(value))
        else:
            setattr(row, field.name, value)

    def _sound(self, row: models.Model, path: str, names: Mapping[str, str] | None = None) -> bool:
        try:
            row.full_clean()
        except ValidationError as error:
            self._refuse(error, path, names or {})
            return False
        return True

    def _refuse(self, error: ValidationError, path: str, names: Mapping[str, str]) -> None:
        for column, messages in error.message_dict.items():
            where = path if column == "__all__" else f"{path}.{names.get(column, column)}"
            self.problems += [f"{where}: {SENTENCES.get(message, message)}" for message in messages]

    def _late(self) -> None:
        """What points at rows that come later: covers, default pools."""
        for name, section in SECTIONS.items():
            late = [field for field in section.fields if field.late]
            for path, given in self._touched(name) if late else ():
                fields = [field for field in late if field.name in given]
                row = section.model.objects.get(key=given["key"])
                before = [getattr(row, f"{field.name}_id") for field in fields]
                for field in fields:
                    self._set(row, field, given[field.name])
                if before == [getattr(row, f"{field.name}_id") for field in fields]:
                    continue
                if row.pk == getattr(row, "cover_id", None):
                    self.problems.append(f"{path}.cover: somebody else has to cover for this owner.")
                elif self._sound(row, path):
                    row.save(update_fields=[field.name for field in fields])

    def _order(self, name: str) -> None:
        """Positions as the file has them, when they differ or a row is new; what it leaves out comes last."""
        new = any(section == name for section, _ in self.added)
        if not (new or "order" in self.changed.get((name, ""), ())):
            return
        keys = [row["key"] for row in self.document[name]]
        rows = sorted(
            SECTIONS[name].model.objects.order_by("position", "id"),
            key=lambda row: keys.index(row.key) if row.key in keys else len(keys),
        )
        for position, row in enumerate(rows):
            if row.position != position:
                row.position = position
                row.save(update_fields=["position"])

    # --- lists -------------------------------------------------------------------------------------------

    def _lists(self) -> None:
        makers = {
            "owners": {"teams": self._teams, "hours": self._hours, "absences": self._absences},
            "pools": {"members": self._members},
            "territories": {"areas": self._areas},
            "pipelines": {"stages": self._stages},
        }
        for _, given in self._touched("territories"):  # first, so that an area can move from one to another
            if self._lists_of("territories", given, "areas"):
                TerritoryArea.objects.filter(territory=self.ids["territories"][given["key"]]).delete()
        for name, by_list in makers.items():
            for path, given in self._touched(name):
                for listed, make in by_list.items():
                    if self._lists_of(name, given, listed):
                        make(self.ids[name][given["key"]], given[listed], f"{path}.{listed}")

    def _lists_of(self, name: str, given: Mapping[str, Any], listed: str) -> bool:
        """Whether the list is given and differs."""
        place = (name, given["key"])
        return listed in given and (place in self.added or listed in self.changed[place])

    def _replace(self, rows: Any, fresh: list[models.Model], path: str) -> None:
        """Rows without a history of their own: all out, all in, once each is sound."""
        rows.delete()
        before = len(self.problems)
        for row in fresh:
            try:
                row.clean_fields()
            except ValidationError as error:
                self._refuse(error, f"{path} ({row})", {"start_minute": "from", "end_minute": "to"})
        if fresh and len(self.problems) == before:
            type(fresh[0]).objects.bulk_create(fresh)

    def _teams(self, owner: int, given: list[str], path: str) -> None:
        wanted = {self.ids["teams"][key] for key in given}
        rows = Membership.objects.filter(owner=owner)
        rows.exclude(team__in=wanted).delete()
        held = set(rows.values_list("team_id", flat=True))
        Membership.objects.bulk_create(Membership(owner_id=owner, team_id=team) for team in sorted(wanted - held))

    def _hours(self, owner: int, given: list[Mapping[str, Any]], path: str) -> None:
        blocks = []
        for row in given:
            start, end = _minutes(row["from"]), _minutes(row["to"])
            if start is None or end is None or start == 1440:
                times = f"“{row['from']}” to “{row['to']}”"
                self.problems.append(f"{path}: {times} are no hours; write 09:00, from 00:00 up to 24:00.")
                return
            blocks.append((row["weekday"], start, end))
        try:
            Hours("UTC", blocks or [(0, 0, 1440)])
        except HoursError as error:
            self.problems.append(f"{path}: {error}.")
            return
        names = ("weekday", "start_minute", "end_minute")
        fresh = [WeeklyHours(owner_id=owner, **dict(zip(names, block, strict=True))) for block in blocks]
        self._replace(WeeklyHours.objects.filter(owner=owner), fresh, path)

    def _absences(self, owner: int, given: list[Mapping[str, Any]], path: str) -> None:
        fresh = []
        for row in given:
            start, end = datetime.fromisoformat(row["from"]), datetime.fromisoformat(row["to"])
            if end <= start:
                self.problems.append(f"{path}: the absence from {row['from']} has to end after it starts.")
                return
            fresh.append(Absence(owner_id=owner, starts_at=start, ends_at=end, reason=row["reason"]))
        self._replace(Absence.objects.filter(owner=owner), fresh, path)

    def _members(self, pool: int, given: list[Mapping[str, Any]], path: str) -> None:
        """Whoever is left out leaves; the rows stay, because their ledger does."""
        held = {member.owner_id: member for member in PoolMember.objects.filter(pool=pool)}
        for position, row in enumerate(given):
            owner = self.ids["owners"][row["owner"]]
            member = held.pop(owner, None) or PoolMember(pool_id=pool, owner_id=owner)
            member.weight, member.position, member.active = row["weight"], position, True
            if self._sound(member, f"{path}[{position}]"):
                member.save()
        for member in held.values():
            if member.active:
                member.active = False
                member.save(update_fields=["active"])

    def _areas(self, territory: int, given: list[Mapping[str, Any]], path: str) -> None:
        columns = ("country", "region", "postal_prefix")
        held = TerritoryArea.objects.exclude(territory=territory).values_list(*columns, "territory__name")
        taken = {tuple(area): name for *area, name in held}
        fresh, before = [], len(self.problems)
        for row in given:
            place = tuple(row[column] for column in columns)
            area = " ".join(part for part in place if part)
            if place in taken:
                self.problems.append(f"{path}: {area} belongs to territory {taken[place]} already.")
            elif row["region"] and row["postal_prefix"]:
                self.problems.append(f"{path}: {area} has a region and a postal prefix; an area has one of them.")
            fresh.append(TerritoryArea(territory_id=territory, **row))
        if len(self.problems) == before:
            self._replace(TerritoryArea.objects.filter(territory=territory), fresh, path)

    def _stages(self, pipeline: int, given: list[Mapping[str, Any]], path: str) -> None:
        held = {stage.key: stage for stage in Stage.objects.filter(pipeline=pipeline)}
        for position, row in enumerate(given):
            stage = held.pop(row["key"], None) or Stage(pipeline_id=pipeline, key=row["key"])
            stage.name, stage.position = row["name"], position
            if self._sound(stage, f"{path}[{position}]"):
                stage.save()
        for stage in held.values():
            if _is_used(stage):
                self.problems.append(f"{path}: stage {stage.key} is still used, so the file has to keep it.")
            else:
                stage.delete()

    # --- what goes ---------------------------------------------------------------------------------------

    def _remove(self, change: Change) -> None:
        """Owners depart and sources are switched off, because history names them; the rest goes where unused."""
        if change.section == "rules":
            return
        model = SECTIONS[change.section].model
        row = model.objects.get(key=change.key)
        if isinstance(row, Owner):
            row.state = Owner.State.DEPARTED
            row.save(update_fields=["state"])
        elif isinstance(row, Source):
            row.active = False
            row.save(update_fields=["active"])
        elif _is_used(row):
            self.notes.append(f"{SECTIONS[change.section].word} {change.key} is still used, so it stays.")
        else:
            row.delete()


PARTS = (Membership, TerritoryArea, Stage)
"""Rows that are nothing without the row that they belong to, and have no history."""


def _is_used(row: models.Model) -> bool:
    """Whether anything but its own parts points at it."""
    if isinstance(row, Pipeline) and any(_is_used(stage) for stage in row.stages.all()):
        return True
    return any(
        relation.related_model.objects.filter(**{relation.field.name: row}).exists()
        for relation in row._meta.related_objects
        if relation.related_model not in PARTS and not relation.many_to_many
    )


def _minutes(text: str) -> int | None:
    """09:00 is 540; None for what is no time from 00:00 to 24:00."""
    hour, _, minute = text.partition(":")
    if not (len(hour) == len(minute) == 2 and (hour + minute).isascii() and (hour + minute).isdigit()):
        return None
    total = int(hour) * 60 + int(minute)
    return total if int(minute) < 60 and total <= 1440 else None
