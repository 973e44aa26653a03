"""A team with somebody who covers and somebody who leads in, leads that are owned and then left alone out."""

from datetime import datetime, timedelta
from types import SimpleNamespace

from leads.models import Lead, Source
from owners.models import Owner, User, WeeklyHours
from routing.models import Delivery, Escalation, Fact, SlaClock, SlaLadder, SlaPolicy, SlaRung
from routing.moving import By, by_user
from routing.pipeline import drain
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_rule, make_source, make_team, make_version
from tests.routing.batches import waiting

MINUTE = timedelta(minutes=1)


def make_company(**elena) -> SimpleNamespace:
    """Everything from the web is Elena's; Marco covers for her, Lena leads the team, Rita answers for the rest."""
    team = make_team("sales")
    marco = make_owner("marco", team)
    people = SimpleNamespace(
        team=team, marco=marco, elena=make_owner("elena", team, **{"cover": marco, **elena}),
        lena=make_owner("lena", accepts_leads=False), rita=make_owner("rita", accepts_leads=False),
    )  # fmt: skip
    team.lead = people.lena
    team.save()
    people.source = make_source("web", people.rita)
    version = make_version(people.rita)
    make_rule(version, "campaign_source_owner", "owner", owner=people.elena)
    publish(version, None, NOW)
    return people


def change(row, **fields):
    """Save the fields of a row."""
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


def works(owner: Owner, zone: str = "Europe/Berlin", start: int = 9 * 60, end: int = 17 * 60 + 30) -> None:
    """Monday to Friday, minutes after midnight."""
    change(owner, time_zone=zone)
    for day in range(5):
        WeeklyHours.objects.create(owner=owner, weekday=day, start_minute=start, end_minute=end)


def owned(count: int = 1, now: datetime = NOW, first: int = 0, **payload) -> list[Lead]:
    """So many strangers' leads, routed at that instant."""
    payloads = [{"email": f"b{n}@acme{n}.example"} | payload for n in range(first, first + count)]
    leads = waiting(Source.objects.get(key="web"), *payloads)
    drain(lambda: now)
    return list(Lead.objects.filter(pk__in=leads).order_by("pk"))


def by(owner: Owner) -> By:
    """The owner as an actor."""
    if owner.user is None:
        change(owner, user=User.objects.create_user(owner.key))
    return by_user(owner.user)


def rungs(**of) -> list[tuple]:
    """(kind of clock, rung, action, seconds late) in the order in which they were climbed."""
    rows = Escalation.objects.filter(**of).order_by("id")
    return list(rows.values_list("clock__kind", "rung", "action", "late_seconds"))


def told(**of) -> list[tuple]:
    """(kind, who, occasion) of messages about silence, in the app, in the order in which they were owed."""
    kinds = [Delivery.Kind.REMINDER, Delivery.Kind.ESCALATION, Delivery.Kind.MOVED, Delivery.Kind.REVIEW]
    rows = Delivery.objects.filter(kind__in=kinds, channel="in_app", **of).order_by("id")
    return list(rows.values_list("kind", "owner__key", "occasion"))


def facts(lead: Lead) -> list[tuple]:
    return list(Fact.objects.filter(lead=lead).order_by("id").values_list("kind", "detail"))


def clocks(lead: Lead) -> list[tuple]:
    rows = SlaClock.objects.filter(lead=lead).order_by("id")
    return list(rows.values_list("owner__key", "kind", "state"))


def ladder(kind: str, *given: dict, named: Owner | None = None, **policy) -> SlaLadder:
    """A ladder of those rungs for clocks of the kind, in a policy for all leads; in force from the next decision on."""
    named = named or Owner.objects.get(key="rita")
    row = SlaLadder.objects.create(key=f"of-{kind}".replace("_", "-"), name=f"Of {kind}", named_owner=named)
    for rung in given:
        SlaRung.objects.create(ladder=row, **rung)
    column = next(name for name, of in SlaPolicy.LADDERS.items() if of == kind)
    SlaPolicy.objects.update_or_create(
        key="laddered", defaults={"name": "Laddered", "first_touch_minutes": 1000, column: row, **policy}
    )
    return row
