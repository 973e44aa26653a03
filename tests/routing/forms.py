"""What a browser posts to the admin of rules, and what it reads there."""

from django.urls import reverse

from routing.admin.versions import PLACES
from routing.engine.rules import STEPS

NO_RULES = {"rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0"}


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def publish_address(version):
    return f"/admin/routing/rulesetversion/{version.pk}/publish/"


def said(response):
    """The messages on the page that a form leads to."""
    return [str(message) for message in response.context["messages"]]


def version_form(owner, order=STEPS, **more):
    places = {PLACES[step]: str(place) for place, step in enumerate(order, start=1)}
    return {"owner": owner.pk, "purpose": "First rules.", **places, **NO_RULES, **more}


def rule_form(version, step, target, *conditions, **more):
    """`conditions`: (group, field, operator, text)."""
    rows = {"conditions-TOTAL_FORMS": str(len(conditions)), "conditions-INITIAL_FORMS": "0"}
    for number, condition in enumerate(conditions):
        for name, value in zip(("group", "field", "operator", "value"), condition, strict=True):
            rows[f"conditions-{number}-{name}"] = value
    return {
        "version": version.pk, "step": step, "position": "10", "name": f"{step} rule", "enabled": "on",
        "target": target, "on_nobody": "", "high_intent": "unknown", **rows, **more,
    }  # fmt: skip
