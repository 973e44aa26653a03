"""Messages that are due in; those that concern their receivers no more marked dropped, with the reason. Sends nothing.

A message may be owed for long: mail servers fail, workers stand still. Before an attempt it is looked whether the
lead is where the message says, and whether the receiver still has to do with it. What was given back or failed after
the lead had moved is caught here; what was owed when it moved, `routing.moved` dropped then.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from leads.models import Lead
from leads.scopes import visible_leads
from owners.models import Owner, Team
from owners.roles import role_of
from routing.models import Decision, Delivery, SlaClock

Kind = Delivery.Kind

NOT_THEIRS = "not sent: the lead was not theirs any more"
MOVED_ON = "not sent: the lead had moved on"
ANSWERED = "not sent: somebody had acted meanwhile"
NO_CONCERN = "not sent: they had nothing to do with the lead any more"

LOOKED_AT = Q(kind__in=[Kind.REMINDER, Kind.ESCALATION]) | Q(kind=Kind.ASSIGNMENT, attempts__gt=0)
"""A first alert is true: it goes out when the CRM has the lead, and the move drops it."""


class Told(NamedTuple):
    """A message and how its lead stands. `team`: of the decision it is about; `moved`: decided again since;
    `occasion`: of what is told about a clock, its kind and the rung."""

    id: int
    kind: str
    receiver: int
    lead: int
    state: str
    owner: int | None
    team: int | None
    decision: int
    occasion: str
    moved: bool

    @property
    def is_theirs(self) -> bool:
        """Whether the receiver works on the lead."""
        return self.owner == self.receiver and self.state == Lead.State.ASSIGNED


def drop_stale(due: QuerySet[Delivery]) -> int:
    """Drop what of `due` concerns its receiver no more; how many. Mostly one statement that finds nothing to look at.

    What another worker took meanwhile is not in `due` any more and stays with it.
    """
    due = due.order_by()
    reasons: dict[str, list[int]] = defaultdict(list)
    others, theirs = [], []
    for row in _looked_at(due):
        if row.kind == Kind.ESCALATION and (row.moved or row.state not in Lead.OPEN):
            reasons[MOVED_ON].append(row.id)
        elif row.kind != Kind.ESCALATION and not row.is_theirs:
            reasons[NOT_THEIRS].append(row.id)
        elif not row.is_theirs:
            others.append(row)
        elif ":" in row.occasion:
            theirs.append(row)
    reasons[NO_CONCERN] += _strangers(others)
    reasons[ANSWERED] += _answered(theirs)
    return sum(
        due.filter(id__in=ids).update(state=Delivery.State.DROPPED, next_try_at=None, error=why)
        for why, ids in reasons.items()
        if ids
    )


def _looked_at(due: QuerySet[Delivery]) -> Iterator[Told]:
    later = Decision.objects.filter(lead=OuterRef("decision__lead"), id__gt=OuterRef("decision"))
    rows = due.filter(LOOKED_AT).annotate(moved=Exists(later.exclude(status=Decision.Status.APPENDED)))
    found = rows.values_list(
        "id", "kind", "owner_id", "decision__lead_id", "decision__lead__state", "decision__lead__owner_id",
        "decision__team_id", "decision_id", "occasion", "moved",
    )  # fmt: skip
    return (Told(*row) for row in found)


def _answered(told: list[Told]) -> list[int]:
    """Messages to owners about clocks that were answered since, such as in the night before a reminder; a statement."""
    if not told:
        return []
    clocks = SlaClock.objects.filter(decision__in=[row.decision for row in told], kind__in=SlaClock.OF_OWNER)
    done = clocks.filter(Q(state__in=[SlaClock.State.MET, SlaClock.State.CANCELLED]) | Q(answered_at__isnull=False))
    answered = set(done.order_by().values_list("decision", "kind"))
    return [row.id for row in told if (row.decision, row.occasion.partition(":")[0]) in answered]


def _strangers(told: list[Told]) -> list[int]:
    """Messages to people who neither lead a team that the lead is of nor see it; a few statements for each person.

    Who has no user, or one without a role, sees nothing in the app and is told what the sweep chose to tell them.
    """
    if not told:
        return []
    led = _led({row.receiver for row in told})
    members = _members({row.owner for row in told if row.owner is not None}, led)
    left = [row for row in told if not any(_is_of(team, row, members) for team in led.get(row.receiver, ()))]
    users = {owner.pk: owner.user for owner in _with_users({row.receiver for row in left})}
    strangers = []
    for receiver, user in users.items():
        theirs = [row for row in left if row.receiver == receiver]
        if role_of(user) is None:
            continue
        seen = set(visible_leads(user).filter(pk__in={row.lead for row in theirs}).values_list("pk", flat=True))
        strangers += [row.id for row in theirs if row.lead not in seen]
    return strangers


def _led(people: Iterable[int]) -> dict[int, list[int]]:
    """The teams that each of them leads."""
    led: dict[int, list[int]] = {}
    for team, lead in Team.objects.filter(lead__in=list(people)).values_list("pk", "lead_id"):
        led.setdefault(lead, []).append(team)
    return led


def _members(owners: Iterable[int], led: dict[int, list[int]]) -> set[tuple[int, int]]:
    """(team, owner) of those of the owners who are in one of the teams."""
    teams = [team for teams in led.values() for team in teams]
    rows = Owner.teams.through.objects.filter(owner__in=list(owners), team__in=teams)
    return set(rows.values_list("team_id", "owner_id")) if teams else set()


def _is_of(team: int, row: Told, members: set[tuple[int, int]]) -> bool:
    return team == row.team or (team, row.owner) in members


def _with_users(people: Iterable[int]) -> QuerySet[Owner]:
    return Owner.objects.filter(pk__in=list(people), user__isnull=False).select_related("user")
