"""A user in, the leads, people and companies they may see out, as querysets. Rows outside do not exist."""

from typing import Any

from django.db.models import Q, QuerySet

from leads.models import (
    Activity,
    Company,
    Contact,
    Deal,
    Lead,
    LeadType,
    Note,
    Pipeline,
    Source,
    Stage,
    Task,
)
from owners.models import PoolMember
from owners.roles import Act, Reach, may, reach_of
from owners.scopes import owned, people_of, scope_of, shared

NARROW = (Reach.TEAMS, Reach.OWN)
"""Reaches that see some leads; the others see all, or none."""

WAITING = Q(state=Lead.State.REVIEW, owner__isnull=True)
"""What any rep may claim, whosever it will be."""


@scope_of(Lead)
def visible_leads(user: Any) -> QuerySet[Lead]:
    """Rep: own leads, and those in review that nobody owns. Manager: the same for the people of managed teams.
    Whoever is named in an open review item sees its lead as well, and members of a pool what waits to be claimed from
    it. Marketing sees none.
    """
    if reach_of(user) not in NARROW:
        return _all_or_none(Lead, user)
    # Items are rows of a later app, reached by the relation's name.
    named = Lead.objects.filter(owned(user, "review_items__owner"), review_items__state="open")
    pools = PoolMember.objects.filter(owner__in=people_of(user), active=True).values("pool")
    offered = Lead.objects.filter(
        state=Lead.State.HELD, review_items__state="open", review_items__reason="waiting_to_be_claimed",
        review_items__pool__in=pools,
    )  # fmt: skip
    found = Q(pk__in=named.order_by().values("pk")) | Q(pk__in=offered.order_by().values("pk"))
    return Lead.objects.filter(owned(user) | WAITING | found)


def reported_leads(user: Any) -> QuerySet[Lead]:
    """Leads that the user's numbers are about: a manager's are those of managed teams' people; marketing, which
    sees no lead, counts all of them.
    """
    if not may(user, Act.SEE_REPORTS):
        return Lead.objects.none()
    return Lead.objects.filter(owned(user)) if reach_of(user) in NARROW else Lead.objects.all()


@scope_of(Contact)
def visible_contacts(user: Any) -> QuerySet[Contact]:
    """Those of visible leads, and those that one's people own."""
    return _owned_or_of_leads(Contact, user, "contact")


@scope_of(Company)
def visible_companies(user: Any) -> QuerySet[Company]:
    """Those of visible leads, and those that one's people own."""
    return _owned_or_of_leads(Company, user, "company")


@scope_of(Deal)
def visible_deals(user: Any) -> QuerySet[Deal]:
    """Those of visible leads, and those that one's people own."""
    return _owned_or_of_leads(Deal, user, "deal")


@scope_of(Activity)
def visible_activities(user: Any) -> QuerySet[Activity]:
    return of_leads(Activity, user)


@scope_of(Note)
def visible_notes(user: Any) -> QuerySet[Note]:
    return of_leads(Note, user)


@scope_of(Task)
def visible_tasks(user: Any) -> QuerySet[Task]:
    return of_leads(Task, user)


@scope_of(Source)
def visible_sources(user: Any) -> QuerySet[Source]:
    return shared(Source, user)


@scope_of(LeadType)
def visible_lead_types(user: Any) -> QuerySet[LeadType]:
    return shared(LeadType, user)


@scope_of(Pipeline)
def visible_pipelines(user: Any) -> QuerySet[Pipeline]:
    return shared(Pipeline, user)


@scope_of(Stage)
def visible_stages(user: Any) -> QuerySet[Stage]:
    return shared(Stage, user)


def of_leads(model: Any, user: Any, field: str = "lead") -> QuerySet:
    """Rows of `model` whose lead is visible."""
    if reach_of(user) not in NARROW:
        return _all_or_none(model, user)
    return model.objects.filter(**{f"{field}__in": visible_leads(user).order_by().values("pk")})


def _owned_or_of_leads(model: Any, user: Any, field: str) -> QuerySet:
    if reach_of(user) not in NARROW:
        return _all_or_none(model, user)
    met = visible_leads(user).order_by().filter(**{f"{field}__isnull": False})
    return model.objects.filter(owned(user) | Q(pk__in=met.values(field)))


def _all_or_none(model: Any, user: Any) -> QuerySet:
    return model.objects.all() if reach_of(user) == Reach.ALL else model.objects.none()
