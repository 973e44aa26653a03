"""Owners, a team, a pool and a template in; the first rule set, published, out."""

from datetime import datetime

from leads.models import Pipeline, Stage
from owners.models import Owner, Pool
from routing.models import Condition, Rule, RuleSetVersion, SlaPolicy
from routing.rulebook import publish
from routing.setup.answers import Template

PURPOSE = {
    Template.ONE_OWNER: "The first rules: one owner takes every lead.",
    Template.IN_TURN: "The first rules: one team takes leads in turn.",
    Template.TERRITORIES: "The first rules: territories first, then the team in turn.",
}
STAGES = (("new", "New"), ("contacted", "Contacted"), ("meeting", "Meeting"), ("proposal", "Proposal"))
NO_ACTIVITY_MINUTES = 30
REVIEW_MINUTES = 60
SEQUENCE = "first_contact"


def make_rules(template: Template, admin: Owner, pool: Pool, minutes: int, now: datetime) -> RuleSetVersion:
    """The rule set of a template, in force; `minutes` to the first touch.

    What one owner takes goes through a pool of one, because a pool can take leads at night, and a rule that names
    an owner cannot. Customers and open deals stay with their owners; critical leads go to `admin` for review, and
    so does whatever nobody can take. Call inside `writing()`.
    """
    policy = _policy(minutes)
    stage = _stage()
    version = RuleSetVersion.objects.create(owner=admin, purpose=PURPOSE[template])
    deal = {"sla_policy": policy, "pipeline": stage.pipeline, "stage": stage, "sequence": SEQUENCE}

    def rule(step: str, name: str, target: str, **fields: object) -> Rule:
        return Rule.objects.create(version=version, step=step, name=name, target=target, **fields)

    spam = rule("reject_invalid_or_spam", "Throw-away addresses", "reject")
    Condition.objects.create(rule=spam, field="email_kind", operator="is", value="disposable")
    rule(
        "existing_customer_owner", "Customers and named accounts keep their owner", "customer_owner", sequence=SEQUENCE
    )
    rule("open_deal_owner", "Whoever has the open deal", "deal_owner", sequence=SEQUENCE)
    critical = rule(
        "critical_severity_founder_review", "Critical: a person decides", "review", owner=admin,
        tier="critical", review_reason="critical_severity",
    )  # fmt: skip
    Condition.objects.create(rule=critical, field="urgency", operator="is", value="critical")
    if template == Template.TERRITORIES:
        rule("territory_owner", "The owner of the territory", "territory_owner", on_nobody="next_step", **deal)
    name = "Everything to one owner" if template == Template.ONE_OWNER else "Everybody in turn"
    rule("round_robin_pool", name, "pool", pool=pool, **deal)
    rule("manual_review", "What nobody could take", "review", owner=admin, review_reason="unresolved")
    return publish(version, None, now)


def _policy(minutes: int) -> SlaPolicy:
    return SlaPolicy.objects.get_or_create(
        key="standard",
        defaults={
            "name": "Standard", "first_touch_minutes": minutes, "no_activity_minutes": NO_ACTIVITY_MINUTES,
            "review_minutes": REVIEW_MINUTES,
        },
    )[0]  # fmt: skip


def _stage() -> Stage:
    """Where new leads begin: the first stage of a small pipeline."""
    pipeline, _ = Pipeline.objects.get_or_create(key="sales", defaults={"name": "Sales"})
    if not pipeline.stages.exists():
        Stage.objects.bulk_create(
            Stage(pipeline=pipeline, key=key, name=name, position=position)
            for position, (key, name) in enumerate(STAGES)
        )
    return pipeline.stages.order_by("position", "id").first()
