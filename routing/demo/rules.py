"""Owners, pools and stages in; the demo's SLA policies and its published rules, some for each step, out."""

from datetime import datetime
from typing import Any

from owners.models import Calendar, Owner, Pool
from routing.demo.crm import Stages
from routing.models import Condition, Rule, RuleSetVersion, SlaLadder, SlaPolicy, SlaRung
from routing.models.rules import default_order
from routing.rulebook import publish

# key, name, lead types, tiers, minutes: to accept, to first touch, without activity, in review; around the clock
POLICIES = (
    ("critical", "Critical", [], ["critical"], None, 5, 15, 15, True),
    ("diagnostic", "Diagnostic", ["diagnostic"], [], None, 5, 30, 30, False),
    ("demo", "Demo and quote", ["demo", "quote"], [], 5, 5, 30, 30, False),
    ("trial", "Trial", ["trial"], [], 10, 15, 30, 30, False),
    ("contact", "Contact", ["contact", "chat", "referral"], [], None, 60, 90, 60, False),
    ("partner", "Partner", ["partner"], [], None, 120, 180, 120, False),
    ("content", "Content", ["content", "webinar", "import"], [], None, 480, 480, 240, False),
    ("standard", "Standard", [], [], None, 240, 240, 120, False),
)

Alternatives = tuple[tuple[tuple[str, str, Any], ...], ...]
"""Groups of conditions: those of a group are all required, groups are alternatives."""

QUALIFIED: Alternatives = ((("high_intent", "is_true", None), ("lead_score", "at_least", 70)),)
LARGE: Alternatives = ((("company_size", "at_least", 250),),)

BY_REGION: dict[str, Any] = {
    "inputs": [{"field": "service_requested", "operator": "one_of"}, {"field": "territory", "operator": "one_of"}],
    "outputs": ["owner", "pool", "tier"],
    "rows": [
        {"in": [["api_integration"], ["europe"]], "out": [None, "architects", None]},
        {"in": [["data_migration"], ["europe"]], "out": ["elena", None, None]},
        {"in": [["api_integration"], ["americas"]], "out": ["carlos", None, None]},
        {"in": [["data_migration"], ["americas"]], "out": ["maya", None, None]},
        {"in": [None, ["asia_pacific"]], "out": ["priya", None, "priority"]},
    ],
}
"""Who takes which product where; from anywhere else it goes to whom the rule itself names."""

Row = tuple[str, str, str, str, Alternatives, dict[str, Any]]
"""Step, name, target, who or what it names, conditions, further fields."""

PURPOSE = (
    "Give every inquiry an owner within a minute: qualified ones by territory, all others in turn, reviews by name."
)
RULES: tuple[Row, ...] = (
    ("reject_invalid_or_spam", "Throw-away addresses", "reject", "", ((("email_kind", "is", "disposable"),),), {}),
    ("existing_customer_owner", "Customers and named accounts keep their owner", "customer_owner", "", (),
     {"tier": "customer", "deal": ("customer_growth", "new_request"), "sequence": "customer_request"}),
    ("open_deal_owner", "Whoever has the open deal", "deal_owner", "", (),
     {"tier": "priority", "sequence": "open_deal_follow_up"}),
    ("critical_severity_founder_review", "Critical and well scored: the person on duty", "owner", "nadia",
     ((("urgency", "is", "critical"), ("lead_score", "at_least", 80)),),
     {"tier": "critical", "deal": ("sales", "new"), "sequence": "speed_to_lead_priority"}),
    ("critical_severity_founder_review", "Critical: the founder decides", "review", "admin",
     ((("urgency", "is", "critical"),),), {"tier": "critical", "review_reason": "critical_severity"}),
    ("territory_owner", "Qualified diagnostics", "territory_owner", "",
     ((("lead_type", "is", "diagnostic"), ("lead_score", "at_least", 70)),),
     {"tier": "priority", "deal": ("automation_audit", "new_qualified_diagnostic"),
      "sequence": "speed_to_lead_priority"}),
    ("territory_owner", "Qualified leads and large companies", "territory_owner", "", QUALIFIED + LARGE,
     {"tier": "priority", "deal": ("sales", "new"), "sequence": "speed_to_lead"}),
    ("territory_owner", "Strategic companies, however they score", "territory_owner", "",
     ((("company_domain", "in_list", "strategic"),),),
     {"tier": "priority", "deal": ("sales", "new"), "sequence": "speed_to_lead"}),
    ("service_line_owner", "CRM workflow repair", "team", "operations_architecture",
     ((("service_requested", "is", "crm_workflow_repair"),),), {"deal": ("sales", "new"), "sequence": "speed_to_lead"}),
    ("service_line_owner", "Integrations and migrations, by region", "owner", "priya",
     ((("service_requested", "one_of", ["api_integration", "data_migration"]),),),
     {"table": BY_REGION, "deal": ("sales", "new"), "sequence": "speed_to_lead"}),
    ("campaign_source_owner", "Partners", "owner", "sofia", ((("source_key", "is", "partners"),),),
     {"deal": ("sales", "new"), "sequence": "partner_introduction"}),
    ("campaign_source_owner", "The automation campaign", "pool", "architects",
     ((("campaign", "starts_with", "crm_workflow_automation"),),),
     {"deal": ("sales", "new"), "sequence": "speed_to_lead"}),
    ("round_robin_pool", "German speakers", "pool", "german_desk",
     ((("language", "is", "de"), ("high_intent", "is_true", None)),),
     {"require_language": True, "on_nobody": "next_step", "deal": ("sales", "new"), "sequence": "speed_to_lead"}),
    ("round_robin_pool", "Demos, quotes, trials and diagnostics", "pool", "follow_the_sun",
     ((("high_intent", "is_true", None),),), {"deal": ("sales", "new"), "sequence": "speed_to_lead"}),
    ("round_robin_pool", "Questions", "pool", "follow_the_sun",
     ((("lead_type", "one_of", ["contact", "chat", "referral"]),),), {"sequence": "first_contact"}),
    ("round_robin_pool", "Readers are nurtured", "nurture", "", ((("lead_type", "is", "content"),),), {}),
    ("manual_review", "Webinar guests: is there a fit?", "review", "manager", ((("lead_type", "is", "webinar"),),),
     {"review_reason": "unclear_product_fit"}),
    ("manual_review", "What no rule took", "review", "revops", (), {"review_reason": "unresolved"}),
)  # fmt: skip


# Key and name of a ladder, the column of the policy that climbs it, its rungs; Miriam answers in the end.
LADDERS = (
    ("partner_touch", "Partners: first touch", "first_touch_ladder",
     ({"percent": 80, "remind": True}, {"percent": 100, "remind": True, "tell_lead": True})),
    ("partner_silence", "Partners: no activity", "no_activity_ladder",
     ({"percent": 50, "remind": True}, {"percent": 100, "tell_lead": True, "move": "cover"})),
)  # fmt: skip


def make_policies(owners: dict[str, Owner]) -> None:
    """The SLA policies, in the order in which they are tried. That of partners counts the hours of the office where
    they are looked after, and has ladders of its own."""
    names = (
        "key", "name", "lead_types", "tiers", "accept_minutes", "first_touch_minutes", "no_activity_minutes",
        "review_minutes", "real_time",
    )  # fmt: skip
    SlaPolicy.objects.bulk_create(
        SlaPolicy(position=position, **dict(zip(names, row, strict=True))) for position, row in enumerate(POLICIES)
    )
    ladders = {}
    for key, name, column, rungs in LADDERS:
        ladders[column] = SlaLadder.objects.create(key=key, name=name, named_owner=owners["manager"])
        SlaRung.objects.bulk_create(SlaRung(ladder=ladders[column], **rung) for rung in rungs)
    office = Calendar.objects.get(key="berlin")
    SlaPolicy.objects.filter(key="partner").update(hours_of="policy", calendar=office, **ladders)


def make_rules(owners: dict[str, Owner], pools: dict[str, Pool], stages: Stages, now: datetime) -> RuleSetVersion:
    """The rule set, published. Whatever names one person falls back to Nadia, who is always there."""
    return make_version(RULES, PURPOSE, default_order(), owners, pools, stages, now)


def make_version(
    rules: tuple[Row, ...], purpose: str, order: list[str], owners: dict[str, Owner], pools: dict[str, Pool],
    stages: Stages, now: datetime,
) -> RuleSetVersion:  # fmt: skip
    """A version with these rules in this order of steps, published at `now`."""
    version = RuleSetVersion.objects.create(owner=owners["revops"], purpose=purpose, step_order=order)
    teams = {pool.team.key: pool.team for pool in pools.values() if pool.team}
    named = {"owner": owners, "review": owners, "pool": pools, "team": teams}
    policies = {policy.key: policy for policy in SlaPolicy.objects.all()}
    for position, (step, name, target, who, groups, fields) in enumerate(rules):
        rule = Rule(version=version, step=step, position=position * 10, name=name, target=target)
        if who:
            setattr(rule, "owner" if target == "review" else target, named[target][who])
        if target.endswith("owner"):
            rule.fallback_owner = owners["nadia"]
        for field, value in _columns(fields, stages, policies).items():
            setattr(rule, field, value)
        rule.save()
        Condition.objects.bulk_create(
            Condition(rule=rule, group=number, field=field, operator=operator, value=value)
            for number, group in enumerate(groups, start=1)
            for field, operator, value in group
        )
    return publish(version, None, now)


def _columns(fields: dict[str, Any], stages: Stages, policies: dict[str, SlaPolicy]) -> dict[str, Any]:
    """`deal` names pipeline and stage, `policy` an SLA policy; the rest are columns already."""
    columns = dict(fields)
    if deal := columns.pop("deal", None):
        columns["stage"] = stages[deal]
        columns["pipeline"] = stages[deal].pipeline
    if policy := columns.pop("policy", None):
        columns["sla_policy"] = policies[policy]
    return columns
