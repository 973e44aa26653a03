"""A rule and its version in, where it stands in the path out: every step with its number of rules, and its neighbours.

Four statements, however many rules; changes nothing.
"""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from routing.models import Rule, RuleSetVersion
from routing.step_words import title

NEAR = 4
"""So many rules are named before it, and as many after it."""


@dataclass(frozen=True, slots=True)
class Near:
    """A rule beside it; `id` is None for the rule itself while it is new."""

    id: int | None
    name: str
    enabled: bool
    here: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """One step of the path. `near`: of the rule's own step, what stands around it; `before`, `after`: how many more."""

    number: int
    step: str
    title: str
    count: int
    near: tuple[Near, ...] = ()
    before: int = 0
    after: int = 0


def place_of(version: RuleSetVersion, step: str, rule: Rule | None) -> list[Place]:
    """The steps in the version's order; the one at which the rule is asked is unfolded. A new rule comes last there."""
    rules = Rule.objects.filter(version=version)
    counts = dict(rules.values_list("step").annotate(Count("id")).order_by())
    places = []
    for number, name in enumerate(version.step_order, start=1):
        if name == step:
            places.append(_unfolded(number, name, counts.get(name, 0), rules.filter(step=name), rule))
        else:
            places.append(Place(number, name, title(name), counts.get(name, 0)))
    return places


def _unfolded(number: int, step: str, count: int, rules: QuerySet[Rule], rule: Rule | None) -> Place:
    if rule is None:
        near, more = _nearest(rules.order_by("-position", "-id"), count)
        return Place(number, step, title(step), count, (*reversed(near), Near(None, "", True, here=True)), more)
    earlier = rules.filter(Q(position__lt=rule.position) | Q(position=rule.position, id__lt=rule.pk))
    before = earlier.count()
    above, more_above = _nearest(earlier.order_by("-position", "-id"), before)
    later = rules.filter(Q(position__gt=rule.position) | Q(position=rule.position, id__gt=rule.pk))
    below, more_below = _nearest(later.order_by("position", "id"), count - before - 1)
    here = Near(rule.pk, rule.name, rule.enabled, here=True)
    return Place(number, step, title(step), count, (*reversed(above), here, *below), more_above, more_below)


def _nearest(rules: QuerySet[Rule], count: int) -> tuple[list[Near], int]:
    """The first few, and how many more there are."""
    return [Near(*row) for row in rules.values_list("id", "name", "enabled")[:NEAR]], max(count - NEAR, 0)
