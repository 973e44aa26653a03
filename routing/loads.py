"""Leads as rows in; what owners and members with caps carry, counted from them, out. Decides nothing.

`OwnerLoad` and `MemberLoad` follow every decision in the statement that writes it (`Numbers.take`, routing.rows); here
is what ends without one (`free`), and the same counts made from the rows: `recount` sets them where what counts has
changed, `drift` says where they differ.

A lead is *open* where caps look while somebody has it, unless it is a test, its type fills no caps, or a person touched
it and the installation counts until then. Of a day and a week all leads count that came to somebody, whatever became
of them. A member's are those that came by a turn, or out of turn, in that very pool; they are kept for active members
with caps alone.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Case, Count, DateTimeField, Exists, F, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from leads.models import Lead, LeadType
from owners.configuration import Edits, on_edit
from owners.models import Installation, Owner, PoolMember
from owners.writer import writing
from routing.engine.eligibility import caps_of
from routing.engine.values import NO_LOAD, Load
from routing.models import Fact, LedgerEntry, MemberLoad, OwnerLoad
from routing.rows import local_day
from routing.targets import COUNTS, LOADS, MEMBER_LOADS
from routing.write import Target, write

UNTIL_TOUCHED = Installation.objects.filter(pk=1, open_until=Installation.OpenUntil.TOUCHED)
CAPPED = Q(active=True) & (Q(cap_open__isnull=False) | Q(cap_day__isnull=False) | Q(cap_week__isnull=False))
CHARGES = (LedgerEntry.Kind.CHARGE, LedgerEntry.Kind.CLAIM)
"""Of each lead that came by a place in a pool there is one such row."""


def open_leads() -> QuerySet[Lead]:
    """The leads that count as open where caps look."""
    unfilling = LeadType.objects.filter(key=OuterRef("lead_type"), fills_caps=False)
    owned = Lead.objects.filter(state=Lead.State.ASSIGNED, is_test=False)
    return owned.filter(~Exists(unfilling), Q(touched_at=None) | ~Exists(UNTIL_TOUCHED)).order_by()


def counts(lead: int) -> bool:
    """Whether the lead is one of them."""
    return open_leads().filter(pk=lead).exists()


def ends_with_touch(lead: int) -> bool:
    """Whether the lead is one of them, and its first touch will end that."""
    return open_leads().filter(Exists(UNTIL_TOUCHED), pk=lead).exists()


def free(lead: Lead) -> None:
    """A lead that counted does so no more: its owner, and the member by whose turn it came, have one less. Inside
    `writing()`."""
    one_less = {"open_leads": F("open_leads") - 1}
    OwnerLoad.objects.filter(owner=lead.owner_id, open_leads__gt=0).update(**one_less)
    if lead.member_id is not None:
        theirs = PoolMember.objects.filter(pk=lead.member_id, owner=lead.owner_id)
        MemberLoad.objects.filter(member__in=theirs.values("pk"), open_leads__gt=0).update(**one_less)


# --- in words ---------------------------------------------------------------------------------------------


def owner_in_words(owner: Owner, now: datetime) -> str:
    """“12 of 60 open leads, 3 of 20 leads today (Europe/Berlin)”: every cap and how far it is filled, or what the owner
    has where there is no cap."""
    row = OwnerLoad.objects.filter(owner=owner.pk).values_list(*COUNTS).first()
    zone = known_zone(owner.time_zone)
    load = _at(row, zone, now)
    found = [str(cap) for cap in caps_of(owner, load, "", f" ({zone})")]
    return ", ".join(found) or f"{load.open} open leads, {load.day} today ({zone}), {load.week} this week; no caps"


def places_in_words(owner: Owner, now: datetime) -> list[str]:
    """The same of each place in a pool with caps of its own."""
    seats = PoolMember.objects.filter(CAPPED, owner=owner.pk).select_related("pool").order_by("pool__name")
    rows = MemberLoad.objects.filter(member__owner=owner.pk).values_list("member", *COUNTS)
    kept = {id: counts for id, *counts in rows}
    zone = known_zone(owner.time_zone)
    found = (caps_of(seat, _at(kept.get(seat.pk), zone, now), f" from {seat.pool}", f" ({zone})") for seat in seats)
    return [", ".join(map(str, caps)) for caps in found]


def _at(row: Sequence[Any] | None, zone: str, now: datetime) -> Load:
    """A kept load as it is at `now`."""
    if row is None:
        return NO_LOAD
    (today, monday), (count, day, day_count, week, week_count) = local_day(zone, now), row
    return Load(count, day_count if day == today else 0, week_count if week == monday else 0)


# --- counted anew -----------------------------------------------------------------------------------------

Ids = Collection[int] | None
"""Of those rows, or of all."""


class Drift(NamedTuple):
    """A kept load that is not what the rows say. `who`: the owner, or the owner in the pool."""

    who: str
    kept: Load
    counted: Load


def recount(owners: Ids = None, members: Ids = None) -> int:
    """Set the loads to what the rows say; how many were wrong. A dozen statements, however many leads there are."""
    with writing():
        wrong = 0
        for found in _looked_at(owners, members):
            rows = [(id, *found.row(id)) for id in found.wrong]
            write([(found.target, rows)])
            wrong += len(rows)
        uncapped = MemberLoad.objects.exclude(member__in=PoolMember.objects.filter(CAPPED).values("pk"))
        uncapped.filter(_among("member", members)).delete()
    return wrong


def drift() -> list[Drift]:
    """The loads that are not what the rows say. Looks twice, the second time with the writers held up, so that what
    changes meanwhile is not taken for a mistake."""
    if not _drift():
        return []
    with writing():
        return _drift()


def _drift() -> list[Drift]:
    return [
        Drift(found.who[id][0], found.kept.get(id, NO_LOAD), found.counted.get(id, NO_LOAD))
        for found in _looked_at(None, None)
        for id in found.wrong
    ]


class _Looked(NamedTuple):
    """Loads by id of owner or member, as they are kept and as the rows say. `who`: name and zone by id."""

    target: Target
    who: Mapping[int, tuple[str, str]]
    kept: Mapping[int, Load]
    counted: Mapping[int, Load]
    at: datetime

    @property
    def wrong(self) -> list[int]:
        return [id for id in self.who if self.kept.get(id, NO_LOAD) != self.counted.get(id, NO_LOAD)]

    def row(self, id: int) -> tuple[object, ...]:
        """What is to be kept, in the order of `COUNTS`."""
        load, (day, week) = self.counted.get(id, NO_LOAD), local_day(self.who[id][1], self.at)
        return load.open, day, load.day, week, load.week


def _looked_at(owners: Ids, members: Ids) -> Iterator[_Looked]:
    """Everything as of the last instant at which anybody got a lead: since then no day's count has grown, and a count
    of a day that is over reads as nought. So no clock is asked."""
    at = Fact.objects.filter(kind=Fact.Kind.OWNED).aggregate(at=Max("at"))["at"] or datetime(2000, 1, 1, tzinfo=UTC)
    no_caps = list(LeadType.objects.filter(fills_caps=False).values_list("key", flat=True))
    people = Owner.objects.filter(_among("pk", owners)).values_list("pk", "name", "time_zone")
    yield _of_owners({id: (name, known_zone(zone)) for id, name, zone in people}, owners, no_caps, at)
    seats = PoolMember.objects.filter(CAPPED, _among("pk", members))
    named = seats.values_list("pk", "owner__name", "pool__name", "owner__time_zone")
    who = {id: (f"{name} in {pool}", known_zone(zone)) for id, name, pool, zone in named}
    if who:
        yield _of_members(who, no_caps, at)


def _of_owners(who: Mapping[int, tuple[str, str]], owners: Ids, no_caps: list[str], at: datetime) -> _Looked:
    open_now = open_leads().filter(_among("owner", owners)).values_list("owner").annotate(Count("pk"))
    given = Fact.objects.filter(_among("owner", owners), kind=Fact.Kind.OWNED)
    if no_caps:
        given = given.exclude(decision__lead_type__in=no_caps)
    lately = _of_this_week(given, "owner", "owner__time_zone", who, at)
    kept = OwnerLoad.objects.filter(_among("owner", owners)).values_list("owner", *COUNTS)
    counted = _joined(dict(open_now), lately)
    return _Looked(LOADS, who, _kept(kept, who, counted, at), counted, at)


def _of_members(who: Mapping[int, tuple[str, str]], no_caps: list[str], at: datetime) -> _Looked:
    ids = list(who)
    theirs = open_leads().filter(member__in=ids, owner=F("member__owner"))
    given = LedgerEntry.objects.filter(
        member__in=ids, kind__in=CHARGES, decision__status="assigned", decision__owner=F("member__owner")
    ).exclude(decision__lead_type__in=no_caps)
    lately = _of_this_week(given, "member", "member__owner__time_zone", who, at)
    kept = MemberLoad.objects.filter(member__in=ids).values_list("member", *COUNTS)
    counted = _joined(dict(theirs.values_list("member").annotate(Count("pk"))), lately)
    return _Looked(MEMBER_LOADS, who, _kept(kept, who, counted, at), counted, at)


def _of_this_week(
    rows: QuerySet, whose: str, zone: str, who: Mapping[int, tuple[str, str]], at: datetime
) -> dict[int, tuple[int, int]]:
    """How many of the rows are of the day of `at`, and of its week, in the zone of whoever they belong to."""
    starts = {name: _starts(name, at) for name in {zone for _, zone in who.values()}}
    if not starts:
        return {}
    day, week = (
        Case(
            *(When(**{zone: name}, then=Value(begun[place])) for name, begun in starts.items()),
            default=Value(_starts("UTC", at)[place]), output_field=DateTimeField(),
        )
        for place in (0, 1)
    )  # fmt: skip
    first = min(begun[1] for begun in starts.values())
    found = rows.filter(at__gte=first).filter(at__gte=week).order_by().values_list(whose)
    counted = found.annotate(of_day=Count("pk", filter=Q(at__gte=day)), of_week=Count("pk"))
    return {id: (of_day, of_week) for id, of_day, of_week in counted}


def _starts(zone: str, at: datetime) -> tuple[datetime, datetime]:
    """When the local day of `at` began, and its week."""
    return tuple(datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) for day in local_day(zone, at))


def known_zone(zone: str) -> str:
    """The zone as routing reads it: people whose zone cannot be read count their days in UTC."""
    try:
        return ZoneInfo(zone).key
    except (ValueError, OSError, KeyError):  # an unknown name is a KeyError
        return "UTC"


def _kept(
    rows: QuerySet, who: Mapping[int, tuple[str, str]], counted: Mapping[int, Load], at: datetime
) -> dict[int, Load]:
    """The loads as routing would read them at `at`."""
    found = {}
    for id, count, day, day_count, week, week_count in rows:
        (today, monday), true = local_day(who[id][1], at), counted.get(id, NO_LOAD)
        in_day, in_week = _as_of(today, day, day_count, true.day), _as_of(monday, week, week_count, true.week)
        found[id] = Load(count, in_day, in_week)
    return found


def _as_of(at: date, kept: date, count: int, true: int) -> int:
    """A count as it was on `at`. A lead that only left was written down on a later day, of which there is none yet:
    that tells nothing about the day before, and is right."""
    if kept > at and count == 0:
        return true
    return count if kept == at else 0


def _joined(open_now: Mapping[int, int], lately: Mapping[int, tuple[int, int]]) -> dict[int, Load]:
    return {id: Load(open_now.get(id, 0), *lately.get(id, (0, 0))) for id in open_now.keys() | lately.keys()}


def _among(field: str, ids: Ids) -> Q:
    return Q() if ids is None else Q(**{f"{field}__in": list(ids)})


# --- whatever changes what counts, counts anew in the same transaction -------------------------------------


@on_edit
def follow_edits(model: type[models.Model], edits: Edits) -> None:
    """Edits of the installation's rule and of lead types concern everybody, those of a person or a place that one."""
    if model in (Installation, LeadType):
        recount()
    elif model is PoolMember:
        changed = [id for id, (before, after) in edits.items() if before | {"weight": 0} != after | {"weight": 0}]
        if changed:
            recount([], changed)
    elif model is Owner:
        recount(list(edits), list(PoolMember.objects.filter(owner__in=edits).values_list("pk", flat=True)))


@receiver(post_save, sender=Installation)
def _first_rule(instance: Installation, created: bool, **kwargs: object) -> None:
    """A row where there was none: it may count otherwise than no row does."""
    if created and instance.open_until != Installation.OpenUntil.CLOSED:
        recount()


@receiver([post_save, post_delete], sender=LeadType)
def _other_type(instance: LeadType, created: bool = True, **kwargs: object) -> None:
    """A type that is new or gone, and filled no caps."""
    if created and not instance.fills_caps:
        recount()
