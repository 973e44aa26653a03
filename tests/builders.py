"""Names and numbers in, saved rows out: people, sources, rules. Plain and unsurprising."""

from datetime import UTC, datetime, timedelta
from typing import Any

from leads.contract import HIGH_INTENT_LEAD_TYPES
from leads.models import Company, Contact, Deal, LeadType, Pipeline, Source, Stage
from leads.tokens import hash_token
from owners.models import (
    Membership,
    Owner,
    Pool,
    PoolMember,
    Team,
    Territory,
    TerritoryArea,
)
from routing.models import Condition, Rule, RuleSetVersion
from routing.rulebook import publish

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday
TOKEN = "a-token-for-tests"


def make_team(key: str = "sales", **fields: Any) -> Team:
    return Team.objects.create(key=key, name=fields.pop("name", key.replace("_", " ").title()), **fields)


def make_owner(key: str, team: Team | None = None, **fields: Any) -> Owner:
    owner = Owner.objects.create(
        key=key, name=fields.pop("name", key.title()), email=fields.pop("email", f"{key}@revroute.example"), **fields
    )
    if team:
        Membership.objects.create(owner=owner, team=team)
    return owner


def make_pool(key: str, owners: list[Owner], weights: list[int] | None = None, **fields: Any) -> Pool:
    pool = Pool.objects.create(key=key, name=fields.pop("name", key.title()), **fields)
    for position, owner in enumerate(owners):
        weight = weights[position] if weights else 1
        PoolMember.objects.create(pool=pool, owner=owner, weight=weight, position=position)
    return pool


def make_territory(key: str, owner: Owner | None, countries: list[str], **fields: Any) -> Territory:
    territory = Territory.objects.create(key=key, name=fields.pop("name", key.title()), owner=owner, **fields)
    for country in countries:
        TerritoryArea.objects.create(territory=territory, country=country)
    return territory


def make_lead_type(key: str) -> LeadType:
    """The type as the migration brings it; a test that commits empties the tables, this one too."""
    intent = key in HIGH_INTENT_LEAD_TYPES
    return LeadType.objects.get_or_create(key=key, defaults={"name": key.title(), "high_intent": intent})[0]


def make_source(key: str, owner: Owner, lead_type: str = "contact", **fields: Any) -> Source:
    return Source.objects.create(
        key=key,
        name=fields.pop("name", key.title()),
        owner=owner,
        lead_type=make_lead_type(lead_type),
        token_hash=fields.pop("token_hash", hash_token(TOKEN)),
        **fields,
    )


def make_pipeline(key: str, *stages: str) -> Pipeline:
    pipeline = Pipeline.objects.create(key=key, name=key.replace("_", " ").title())
    for position, stage in enumerate(stages):
        Stage.objects.create(pipeline=pipeline, key=stage, name=stage, position=position)
    return pipeline


def make_rule(
    version: RuleSetVersion, step: str, target: str, *conditions: tuple[str, str, Any], **fields: Any
) -> Rule:
    """A rule whose conditions are all required."""
    rule = Rule.objects.create(
        version=version,
        step=step,
        target=target,
        name=fields.pop("name", f"{step} to {target}"),
        position=fields.pop("position", version.rules.count()),
        **fields,
    )
    for field, operator, value in conditions:
        Condition.objects.create(rule=rule, field=field, operator=operator, value=value)
    return rule


def make_version(owner: Owner, **fields: Any) -> RuleSetVersion:
    return RuleSetVersion.objects.create(owner=owner, purpose=fields.pop("purpose", "for a test"), **fields)


def publish_pool_rule(owner: Owner, pool: Pool, **fields: Any) -> RuleSetVersion:
    """The smallest rule set: everybody goes to one pool."""
    version = make_version(owner)
    make_rule(version, "round_robin_pool", "pool", pool=pool, **fields)
    return publish(version, None, NOW)


def make_company(domain: str, **fields: Any) -> Company:
    return Company.objects.create(domain=domain, created_at=NOW - timedelta(days=90), **fields)


def make_contact(email: str = "", **fields: Any) -> Contact:
    return Contact.objects.create(email=email, created_at=NOW - timedelta(days=90), **fields)


def make_deal(pipeline: Pipeline, **fields: Any) -> Deal:
    stage = fields.pop("stage", None) or pipeline.stages.first()
    return Deal.objects.create(pipeline=pipeline, stage=stage, created_at=NOW - timedelta(days=30), **fields)
