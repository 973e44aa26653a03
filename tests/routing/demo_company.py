"""What tests of the demo share: its tokens, the README's examples, and where each of them has to stop."""

import re
import shlex
from urllib.parse import urlencode

from django.apps import apps
from django.conf import settings
from django.test import Client

from owners.models import Owner
from routing import demo
from routing.engine.rules import STEPS

FORM = "application/x-www-form-urlencoded"
STATUSES = {
    "reject_invalid_or_spam": "rejected",
    "existing_customer_owner": "assigned",
    "open_deal_owner": "assigned",
    "critical_severity_founder_review": "review",
    "territory_owner": "assigned",
    "service_line_owner": "assigned",
    "campaign_source_owner": "assigned",
    "round_robin_pool": "assigned",
    "manual_review": "review",
}


def readme():
    return (settings.BASE_DIR / "README.md").read_text()


def examples(run):
    """The README's nine examples as (source, form body), for the buyers of one run."""
    lines = re.findall(r"^step (.+)$", readme().replace("$n", str(run)), re.MULTILINE)
    words = [shlex.split(line) for line in lines]
    return [(source, urlencode(dict(field.split("=", 1) for field in fields))) for source, *fields in words]


def tokens():
    return {source["key"]: source["token"] for source in demo.credentials()["sources"]}


def post(source, token, body, content_type=FORM):
    headers = {"Authorization": f"Bearer {token}"}
    return Client().post(f"/api/v1/intake/{source}", body, content_type=content_type, headers=headers)


def counts():
    """Rows by table, of our own apps."""
    models = [model for label in ("owners", "leads", "routing") for model in apps.get_app_config(label).get_models()]
    return {model.__name__: model.objects.count() for model in models}


def post_examples():
    """Post each example, twice, and look where it stops."""
    held = tokens()
    for attempt in (1, 2):  # what the first run leaves behind must not bend the second
        decided = [
            post(source, held[source], body).json()["decision"]["routing_decision"]
            for source, body in examples(attempt)
        ]
        assert [row["hierarchy_step"] for row in decided] == list(STEPS)
        assert [row["routing_status"] for row in decided] == list(STATUSES.values())


def post_worked_case():
    """Post the README's first lead, and look at all that INTERFACE.md promises of it."""
    payload = re.search(r"-d '(\{.*?\})'", readme(), re.DOTALL)[1]
    decided = post("diagnostics", tokens()["diagnostics"], payload, "application/json").json()["decision"]
    assert decided["source_event"]["source_system"] == "diagnostic_intake_form"
    assert decided["trace"]["idempotency_key"] == "lead_route:diagnostics:diag_01HYX3Q9L2:ops@example.com"
    expected = {
        "routing_status": "assigned",
        "hierarchy_step": "territory_owner",
        "target_owner_id": Owner.objects.get(key="elena").pk,
        "target_team": "operations_architecture",
        "target_pipeline": "automation_audit",
        "target_stage": "new_qualified_diagnostic",
        "follow_up_sequence": "speed_to_lead_priority",
        "routing_tier": "priority",
        "manual_review_required": False,
    }
    assert {name: decided["routing_decision"][name] for name in expected} == expected
    assert decided["preflight_checks"]["contact_search"]["status"] == "certain"
