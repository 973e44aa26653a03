"""A decision document comes in; the decision as a story, drawn the same wherever it appears, goes out."""

from collections.abc import Mapping
from typing import Any

from django import template

from routing.drawing import draw

register = template.Library()


@register.inclusion_tag("parts/decision.html")
def decision_story(told: Mapping[str, Any]) -> dict[str, Any]:
    """Steps, rules with the values they saw, candidates, plan. The page loads css/decision.css beside it."""
    return {"story": draw(told)}
