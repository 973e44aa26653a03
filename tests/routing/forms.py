"""What a browser posts to the admin of rules, and what it reads there."""

from django.urls import reverse


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def publish_address(version):
    return f"/admin/routing/rulesetversion/{version.pk}/publish/"


def said(response):
    """The messages on the page that a form leads to."""
    return [str(message) for message in response.context["messages"]]


def version_form(owner, **more):
    return {"owner": owner.pk, "purpose": "First rules.", "time_zone": "UTC", "review_days": "30", **more}


def rule_address(version, rule="new"):
    return f"/admin/routing/rulesetversion/{version.pk}/rules/{rule}/"


def rule_form(step, target, *conditions, **more):
    """What the form of one rule posts. `conditions`: (alternative, field, operator, text), or all with an upper end."""
    columns = list(zip(*conditions, strict=True)) if conditions else [(), (), (), ()]
    names = ("c-group", "c-field", "c-operator", "c-value", "c-upto")
    return {
        "name": f"{step} rule", "step": step, "enabled": "on", "target": target, "do": "save",
        **dict(zip(names, columns, strict=False)), **more,
    }  # fmt: skip
