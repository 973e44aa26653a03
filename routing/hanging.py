"""An owner in, everything that hangs on them out: counts, the first of each by name, what needs an heir.

A fixed number of queries, one for each kind. Changes nothing; `routing.leaving` moves it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Window

from leads.models import Company, Contact, Deal, Lead, Source, Task
from owners.models import Delegation, Owner, Pool, PoolMember, Team, Territory
from routing.models import ApiToken, ReviewItem, Rule, RuleSetVersion, SlaLadder

FIRST = 5
"""Rows of a kind that are named; the rest is a number."""

State = RuleSetVersion.State


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that may hang on an owner. `rows`: of which model, and which of them, by owner id."""

    key: str
    one: str
    many: str
    model: Any
    of: Any
    heir: bool = True
    """Whether somebody has to take it over."""

    def rows(self, owner: int) -> QuerySet:
        return self.model._default_manager.filter(self.of(owner))

    def counted(self, number: int) -> str:
        return f"{number:,} {self.one if number == 1 else self.many}"


def open_leads(owner: int) -> Q:
    """Leads that the owner works on."""
    return Q(owner=owner, state=Lead.State.ASSIGNED)


def _in_rules(state: str) -> Any:
    return lambda owner: Q(Q(owner=owner) | Q(fallback_owner=owner), version__state=state)


KINDS = (
    Kind("leads", "open lead", "open leads", Lead, open_leads, heir=False),
    Kind("items", "review item", "review items", ReviewItem, lambda owner: Q(owner=owner, state="open")),
    Kind("published", "rule in force", "rules in force", Rule, _in_rules(State.PUBLISHED)),
    Kind("drafts", "rule of a draft", "rules of drafts", Rule, _in_rules(State.DRAFT)),
    Kind(
        "versions", "rule set to answer for", "rule sets to answer for", RuleSetVersion,
        lambda owner: Q(owner=owner, state__in=[State.PUBLISHED, State.DRAFT]),
    ),
    Kind("turns", "pool", "pools", PoolMember, lambda owner: Q(owner=owner, active=True), heir=False),
    Kind(
        "pools", "pool to stand in for", "pools to stand in for", Pool,
        lambda owner: Q(fallback_owner=owner) | Q(named_owner=owner),
    ),
    Kind("teams", "team to lead or stand in for", "teams to lead or stand in for", Team,
         lambda owner: Q(lead=owner) | Q(fallback_owner=owner)),
    Kind("territories", "territory", "territories", Territory, lambda owner: Q(owner=owner)),
    Kind("covers", "person to cover for", "people to cover for", Owner, lambda owner: Q(cover=owner)),
    Kind("delegations", "delegated team", "delegated teams", Delegation, lambda owner: Q(to=owner), heir=False),
    Kind("sources", "source to answer for", "sources to answer for", Source, lambda owner: Q(owner=owner)),
    Kind(
        "ladders", "SLA ladder to answer for", "SLA ladders to answer for", SlaLadder,
        lambda owner: Q(named_owner=owner),
    ),
    Kind("deals", "open deal", "open deals", Deal, lambda owner: Q(owner=owner, state=Deal.State.OPEN)),
    Kind("companies", "account", "accounts", Company, lambda owner: Q(owner=owner)),
    Kind("contacts", "contact", "contacts", Contact, lambda owner: Q(owner=owner)),
    Kind("tasks", "open task", "open tasks", Task, lambda owner: Q(owner=owner, done_at=None, dropped_at=None)),
    Kind(
        "tokens", "API token", "API tokens", ApiToken,
        lambda owner: Q(user__owner=owner, user__is_active=True, active=True), heir=False,
    ),
)  # fmt: skip
BY_KEY = {kind.key: kind for kind in KINDS}

RELATED = {"items": ("lead", "source"), "turns": ("pool",), "delegations": ("team",), "drafts": ("version",)}


@dataclass(frozen=True, slots=True)
class Hanging:
    """Rows of one kind that hang on an owner. `first`: (id, name) of the first few."""

    kind: Kind
    count: int
    first: tuple[tuple[int, str], ...]

    @property
    def said(self) -> str:
        return self.kind.counted(self.count)

    @property
    def more(self) -> int:
        return self.count - len(self.first)


def hanging(owner: int) -> list[Hanging]:
    """What hangs on the owner; kinds of which there is nothing are left out."""
    found = []
    for kind in KINDS:
        rows = kind.rows(owner).select_related(*RELATED.get(kind.key, ())).order_by("pk")
        first = list(rows.annotate(in_all=Window(Count(F("pk"))))[:FIRST])
        if first:
            named = tuple((_id(kind, row), _name(kind, row)) for row in first)
            found.append(Hanging(kind, first[0].in_all, named))
    return found


def needs_heir(found: Iterable[Hanging]) -> bool:
    """Whether anything has to be taken over besides leads, turns in pools and tokens."""
    return any(one.kind.heir for one in found)


def in_words(found: Iterable[Hanging], most: int = 3) -> str:
    """“3 open leads, 2 rules in force and more”; empty when nothing hangs."""
    said = [one.said for one in found]
    if len(said) > most:
        return f"{', '.join(said[:most])} and more"
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def _id(kind: Kind, row: Any) -> int:
    """The row to open: of a turn its pool, of a task its lead."""
    return getattr(row, {"turns": "pool_id", "tasks": "lead_id"}.get(kind.key, "pk"))


def _name(kind: Kind, row: Any) -> str:
    if kind.key == "turns":
        return row.pool.name
    if kind.key == "delegations":
        return row.team.name
    if kind.key == "items":
        return f"{row.lead or row.source.name}: {row.get_reason_display()}"
    if kind.key == "drafts":
        return f"{row.name} (version {row.version_id})"
    return str(row)
