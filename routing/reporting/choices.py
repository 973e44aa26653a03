"""A user in; what they may narrow the SLA report to, each with its word in an address and its name, out.

The words are keys that people chose, not ids, so that an address means the same after a restore.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from leads.models import LeadType
from leads.scopes import visible_sources
from owners.models import Owner, Team
from owners.scopes import visible_owners, visible_teams
from routing.engine.reason import words
from routing.engine.rules import STEPS
from routing.models import Decision, Fact
from routing.reporting.values import DIMENSIONS, FIELDS, Filters, Key, Row, Scope

NONE = "none"
"""The word for leads that have no team, no owner or no path."""
LABELS = {"lead_type": "Lead type", "source": "Source", "path": "Path", "team": "Team", "rep": "Rep"}


@dataclass(frozen=True)
class Choice:
    """`word`: in an address. `key`: what `Filters` takes."""

    word: str
    name: str
    key: Key


Choices = Mapping[str, tuple[Choice, ...]]


def choices_of(user: Any) -> Choices:
    """By DIMENSIONS; four statements and those of the user's scope."""
    types = LeadType.objects.order_by("name").values_list("key", "name")
    return {
        "lead_type": tuple(Choice(key, name, key) for key, name in types),
        "source": _rows(visible_sources(user)),
        "path": (*(Choice(step, words(step).capitalize(), step) for step in STEPS), Choice(NONE, "No path", "")),
        "team": (*_rows(visible_teams(user)), Choice(NONE, "No team", None)),
        "rep": (*_rows(visible_owners(user)), Choice(NONE, "Nobody", None)),
    }


def find(choices: Choices, dimension: str, word: str, scope: Scope) -> Choice | None:
    """What the word stands for; None where there is no such thing for whoever sees the scope.

    A lead that came to one's people may have begun elsewhere: its first team and owner can be asked for, too.
    """
    for choice in choices[dimension]:
        if choice.word == word:
            return choice
    if scope.people is None or dimension not in ("team", "rep") or not word.isprintable():
        return None
    if dimension == "team":
        found = Team.objects.filter(key=word, pk__in=_elsewhere(Decision.objects, "team", scope))
    else:
        owned = Fact.objects.filter(kind=Fact.Kind.OWNED)
        found = Owner.objects.filter(key=word, pk__in=_elsewhere(owned, "owner", scope))
    return next((Choice(word, name, pk) for pk, name in found.values_list("pk", "name")), None)


def filters_of(chosen: Mapping[str, Choice]) -> Filters:
    """The filters that leave what was chosen, at most one of each dimension."""
    return Filters(**{FIELDS[name]: frozenset([choice.key]) for name, choice in chosen.items()})


def words_of(by: Mapping[str, Iterable[Row]], choices: Choices) -> dict[str, dict[Key, str]]:
    """The word of each row of the tables; two statements more where a row began with other people."""
    found = {name: {choice.key: choice.word for choice in choices[name]} for name in DIMENSIONS}
    for name, model in (("team", Team), ("rep", Owner)):
        if missing := {row.key for row in by[name]} - found[name].keys():
            found[name] |= dict(model.objects.filter(pk__in=missing).values_list("pk", "key"))
    return found


def _rows(rows: Any) -> tuple[Choice, ...]:
    return tuple(Choice(key, name, pk) for pk, key, name in rows.order_by("name").values_list("pk", "key", "name"))


def _elsewhere(rows: Any, field: str, scope: Scope) -> Any:
    return rows.filter(lead__owner__in=scope.people).order_by().values(field)
