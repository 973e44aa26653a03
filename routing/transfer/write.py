"""A parsed document and its differences in, the rows as it says out; every model's own checks asked first.

Call inside `writing()`, where leads wait: so new rows are checked in memory and go in a section at a time, not one
by one with queries of their own. Collects what is wrong instead of stopping at the first; whoever calls rolls back.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from leads.models import Source, Stage
from owners import cover
from owners.areas import Area, NoArea, crossing, read_area, sentence
from owners.models import (
    Absence,
    Installation,
    Membership,
    Owner,
    Pool,
    PoolMember,
    SpecialDay,
    TerritoryArea,
    WeeklyHours,
)
from routing.lists import replace_entries
from routing.models import NamedList, SlaRung
from routing.transfer import pools, slas
from routing.transfer.checks import broken, is_used
from routing.transfer.diff import Change
from routing.transfer.shape import SECTIONS, Field
from routing.transfer.times import TIMES, Wrong, read_times


class Writer:
    """Writes one document. `problems`: path and sentence of whatever a model refuses. `notes`: what stays, and why."""

    def __init__(
        self, document: Mapping[str, Any], held: Mapping[str, Any], changes: Iterable[Change], now: datetime
    ) -> None:
        """`held`: the document of what stands now."""
        self.document = document
        self.held = held
        self.now = now
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
        self.fresh: dict[type[models.Model], list[models.Model]] = defaultdict(list)
        self.taken: dict[Area, str] = {}
        self.ids = {name: dict(section.model.objects.values_list("key", "pk")) for name, section in SECTIONS.items()}

    def write(self, prune: bool) -> None:
        """All rows, in the order in which they need each other; with `prune` what the file leaves out goes."""
        self._company()
        for name in SECTIONS:
            self._rows(name)
        if not self.problems:  # without all rows the rest would only complain about them again
            self._late()
            self._lists()
            self._order("sla_policies")
        if not self.problems:
            slas.look(self)
        if prune and not self.problems:
            for change in sorted(self.removed, key=lambda change: change.section == "sla_ladders"):
                self._remove(change)

    def touched(self, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for number, row in enumerate(self.document.get(name, ())):
            if (name, row["key"]) in self.added or self.changed.get((name, row["key"])):
                yield f"{name}[{number}]", row

    def _differs(self, name: str, given: Mapping[str, Any], what: str) -> bool:
        """Whether the field or list is given and is to be written."""
        place = (name, given["key"])
        return what in given and (place in self.added or what in self.changed[place])

    def _company(self) -> None:
        if not self.changed.get(("company", "")):
            return
        given = self.document["company"]
        row = Installation.objects.filter(id=1).first() or Installation(id=1)
        row.company_name = given.get("name", row.company_name)
        row.time_zone = given.get("time_zone", row.time_zone)
        row.open_until = given.get("open_until", row.open_until)
        if self._sound(row, "company", {"company_name": "name"}):
            row.save()

    # --- rows --------------------------------------------------------------------------------------------

    def _rows(self, name: str) -> None:
        """The rows of a section with everything but what is set late; new ones in one statement."""
        section, fresh = SECTIONS[name], []
        for path, given in self.touched(name):
            new = (name, given["key"]) in self.added
            fields = [field for field in section.fields if not field.late and self._differs(name, given, field.name)]
            if not (new or fields):
                continue
            row = section.model(key=given["key"]) if new else section.model.objects.get(key=given["key"])
            for field in fields:
                self._set(row, field, given[field.name])
            if not self._sound(row, path):
                continue
            if new:
                fresh.append(row)
            else:
                row.save(update_fields=[field.name for field in fields])
        section.model.objects.bulk_create(fresh, batch_size=1000)
        self.ids[name].update({row.key: row.pk for row in fresh})

    def _set(self, row: models.Model, field: Field, value: Any) -> None:
        if field.kind == "ref":
            setattr(row, f"{field.name}_id", value and self.ids[field.to].get(value))
        elif field.kind == "instant":
            setattr(row, field.name, value and datetime.fromisoformat(value))
        else:
            setattr(row, field.name, value)

    def _sound(self, row: models.Model, path: str, names: Mapping[str, str] | None = None) -> bool:
        """Whether the model takes the row. Keys and what they point at were looked up for all rows at once."""
        before = len(self.problems)
        pointing = [field.name for field in row._meta.fields if isinstance(field, models.ForeignKey)]
        try:
            row.clean_fields(exclude=pointing)
        except ValidationError as error:
            self._refuse(error, path, names or {})
        for name in pointing:
            if not row._meta.get_field(name).null and getattr(row, f"{name}_id") is None:
                self.problems.append(f"{path}.{name}: it is missing.")
        if len(self.problems) == before and (said := broken(row)):
            self.problems.append(f"{path}: {said}")
        return len(self.problems) == before

    def _refuse(self, error: ValidationError, path: str, names: Mapping[str, str]) -> None:
        for column, messages in error.message_dict.items():
            self.problems += [f"{path}.{names.get(column, column)}: {message}" for message in messages]

    def _late(self) -> None:
        """What points at rows that come later: covers, default pools."""
        for name, section in SECTIONS.items():
            late = [field for field in section.fields if field.late]
            wanted = [(path, given) for path, given in self.touched(name) if late]
            held = {row.key: row for row in section.model.objects.all()} if wanted else {}
            moved = []
            for path, given in wanted:
                row = held[given["key"]]
                for field in late:
                    if self._differs(name, given, field.name):
                        self._set(row, field, given[field.name])
                        moved.append(row)
                if row.pk == getattr(row, "cover_id", None):
                    self.problems.append(f"{path}.cover: somebody else has to cover for this owner.")
                if row.pk == getattr(row, "next_pool_id", None):
                    self.problems.append(f"{path}.next_pool: another pool has to be the next.")
            if moved and not self.problems:
                section.model.objects.bulk_update(moved, [field.name for field in late], batch_size=500)
        self._refuse_circles()
        self.problems += [f"pools: {circle}" for circle in pools.chains()]
        self.problems += pools.unknown_teams(self.touched("pools"), self.ids["teams"])

    def _refuse_circles(self) -> None:
        """Covers that the file makes go round; each circle once."""
        covers, told = cover.covers_at(self.now), set()
        names = {pk: key for key, pk in self.ids["owners"].items()}
        for path, given in self.touched("owners"):
            pk = self.ids["owners"][given["key"]]
            found = cover.circle(pk, covers.get(pk), covers) if given.get("cover") else []
            if found and not told.intersection(found):
                told.update(found)
                self.problems.append(f"{path}.cover: {cover.sentence(found, names)}")

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
            "owners": {"teams": self._teams, "absences": self._absences},
            "pools": {"members": self._members},
            "territories": {"areas": self._areas},
            "sla_ladders": {"rungs": self._rungs},
            "named_lists": {"values": self._values},
            "pipelines": {"stages": self._stages},
        }
        self._clear_areas()
        for name in ("calendars", "owners"):
            self._times(name)
        for name, by_list in makers.items():
            for path, given in self.touched(name):
                for listed, make in by_list.items():
                    if self._differs(name, given, listed):
                        make(self.ids[name][given["key"]], given[listed], f"{path}.{listed}")
        self._crossing_ranges()
        for model, rows in self.fresh.items() if not self.problems else ():
            model.objects.bulk_create(rows, batch_size=1000)

    def _replace(self, rows: models.QuerySet, fresh: list[models.Model], path: str) -> None:
        """Rows without a history of their own: all out, all in, once each is sound."""
        if rows.exists():
            rows.delete()
        self._take(fresh, path)

    def _take(self, fresh: list[models.Model], path: str) -> None:
        for row in fresh:
            self._sound(row, f"{path} ({row})", {"start_minute": "from", "end_minute": "to"})
        if fresh:
            self.fresh[type(fresh[0])] += fresh

    def _values(self, named: int, given: list[str], path: str) -> None:
        replace_entries(NamedList.objects.get(pk=named), given, None, self.now)

    def _teams(self, owner: int, given: list[str], path: str) -> None:
        wanted = {self.ids["teams"][key] for key in given}
        held = set(Membership.objects.filter(owner=owner).values_list("team_id", flat=True))
        if held - wanted:
            Membership.objects.filter(owner=owner).exclude(team__in=wanted).delete()
        self.fresh[Membership] += [Membership(owner_id=owner, team_id=team) for team in sorted(wanted - held)]

    def _times(self, name: str) -> None:
        """When owners or calendars are at work; only all three lists together are a week."""
        whose = "owner" if name == "owners" else "calendar"
        standing = {row["key"]: row for row in self.held[name]}
        for path, given in self.touched(name):
            changed = [what for what in TIMES if self._differs(name, given, what)]
            if not changed and not (whose == "calendar" and (name, given["key"]) in self.added):
                continue
            whole = dict.fromkeys(TIMES, ()) | standing.get(given["key"], {}) | dict(given)
            try:
                times = read_times(whole, whose == "calendar")
            except Wrong as wrong:
                self.problems.append(f"{path}.{wrong.what}: {wrong}.")
                continue
            pk = self.ids[name][given["key"]]
            self._clear_times(whose, pk, changed)
            for what in changed:
                self._take(times.rows(what, {f"{whose}_id": pk}), f"{path}.{what}")

    def _clear_times(self, whose: str, pk: int, changed: list[str]) -> None:
        """Rows of the lists that change, of somebody who may have some."""
        kinds = [kind for what, kind in (("hours", "work"), ("breaks", "break")) if what in changed]
        if kinds and WeeklyHours.objects.filter(**{whose: pk}, kind__in=kinds).exists():
            WeeklyHours.objects.filter(**{whose: pk}, kind__in=kinds).delete()
        if "special_days" in changed and SpecialDay.objects.filter(**{whose: pk}).exists():
            SpecialDay.objects.filter(**{whose: pk}).delete()

    def _absences(self, owner: int, given: list[Mapping[str, Any]], path: str) -> None:
        """Those that stay keep who entered them, and which calendar entry they came from."""
        held = {
            (row.starts_at, row.ends_at, row.reason, row.kind): row.pk for row in Absence.objects.filter(owner=owner)
        }
        fresh = []
        for row in given:
            start, end = datetime.fromisoformat(row["from"]), datetime.fromisoformat(row["to"])
            if end <= start:
                self.problems.append(f"{path}: the absence from {row['from']} has to end after it starts.")
                return
            if held.pop((start, end, row["reason"], row["kind"]), None) is None:
                fresh.append(
                    Absence(owner_id=owner, starts_at=start, ends_at=end, reason=row["reason"], kind=row["kind"])
                )
        self._replace(Absence.objects.filter(pk__in=held.values()), fresh, path)

    def _members(self, pool: int, given: list[Mapping[str, Any]], path: str) -> None:
        """Whoever is left out leaves; the rows stay, because their ledger does."""
        held = {member.owner_id: member for member in PoolMember.objects.filter(pool=pool)}
        asks = bool(Pool.objects.values_list("member_query", flat=True).get(pk=pool))
        for position, row in enumerate(given):
            if not asks and (row.get("by_query") or row.get("kept_out")):
                self.problems.append(f"{path}[{position}]: the pool has no member_query that brings anybody in.")
            owner = self.ids["owners"][row["owner"]]
            known = held.pop(owner, None)
            member = known or PoolMember(pool_id=pool, owner_id=owner)
            pools.set_member(member, row, position)
            if not self._sound(member, f"{path}[{position}]"):
                continue
            if known:
                member.save(update_fields=pools.MEMBER_COLUMNS)
            else:
                self.fresh[PoolMember].append(member)
        for member in held.values():
            pools.leave_out(member, asks)

    def _clear_areas(self) -> None:
        """Areas of all territories that change go first, so that one can move to another."""
        changing = [
            self.ids["territories"][given["key"]]
            for _, given in self.touched("territories")
            if self._differs("territories", given, "areas")
        ]
        if changing:
            TerritoryArea.objects.filter(territory__in=changing).delete()
            rows = TerritoryArea.objects.values_list(*Area._fields, "territory__name")
            self.taken = {Area(*area): name for *area, name in rows}

    def _areas(self, territory: int, given: list[Mapping[str, Any]], path: str) -> None:
        name = next(key for key, pk in self.ids["territories"].items() if pk == territory)
        fresh = []
        for row in given:
            try:
                area = read_area(row)
            except NoArea as error:
                self.problems.append(f"{path} ({' '.join(filter(None, row.values()))}): {error}")
                continue
            if area in self.taken:
                self.problems.append(f"{path}: {area} belongs to territory {self.taken[area]} already.")
            self.taken[area] = name
            fresh.append(TerritoryArea(territory_id=territory, **area._asdict()))
        self._replace(TerritoryArea.objects.filter(territory=territory), fresh, path)

    def _crossing_ranges(self) -> None:
        """Said once all areas are known: a range of one territory may cross one of another."""
        for area, other in crossing(self.taken):
            self.problems.append(f"territories: {sentence(other, area, f'territory {self.taken[area]}')}")

    def _rungs(self, ladder: int, given: list[Mapping[str, Any]], path: str) -> None:
        fresh = [slas.rung(row, ladder, self.ids["pools"]) for row in given]
        self._replace(SlaRung.objects.filter(ladder=ladder), fresh, path)

    def _stages(self, pipeline: int, given: list[Mapping[str, Any]], path: str) -> None:
        held = {stage.key: stage for stage in Stage.objects.filter(pipeline=pipeline)}
        for position, row in enumerate(given):
            known = held.pop(row["key"], None)
            stage = known or Stage(pipeline_id=pipeline, key=row["key"])
            stage.name, stage.position = row["name"], position
            if not self._sound(stage, f"{path}[{position}]"):
                continue
            if known:
                stage.save(update_fields=["name", "position"])
            else:
                self.fresh[Stage].append(stage)
        for stage in held.values():
            if is_used(stage):
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
        elif is_used(row):
            self.notes.append(f"{SECTIONS[change.section].word} {change.key} is still used, so it stays.")
        else:
            row.delete()
