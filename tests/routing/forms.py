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


def rule_address(version, rule="new"):
    return f"/admin/routing/rulesetversion/{version.pk}/rules/{rule}/"


def rule_form(step, target, *conditions, **more):
    """What the form of one rule posts. `conditions`: (alternative, field, operator, text)."""
    columns = list(zip(*conditions, strict=True)) if conditions else [(), (), (), ()]
    names = ("c-group", "c-field", "c-operator", "c-value")
    return {
        "name": f"{step} rule", "step": step, "enabled": "on", "target": target, "do": "save",
        **dict(zip(names, columns, strict=True)), **more,
    }  # fmt: skip
