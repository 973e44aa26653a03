"""Rows for the tests of publishing and of the admin: builders, and a story with a row of every model."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

from leads.models import (
    Activity,
    Company,
    Contact,
    Deal,
    IdempotencyKey,
    Lead,
    LeadType,
    Note,
    Pipeline,
    RawEvent,
    Source,
    Stage,
    Task,
)
from owners.models import (
    Absence,
    Calendar,
    Delegation,
    Installation,
    Membership,
    Owner,
    Pool,
    PoolMember,
    Team,
    Territory,
    TerritoryArea,
    User,
    WeeklyHours,
)
from routing.models import (
    ApiToken,
    Condition,
    ConfigRevision,
    Decision,
    Delivery,
    Escalation,
    Fact,
    LedgerEntry,
    MemberLoad,
    NamedList,
    OwnerLoad,
    PlanAction,
    ReviewItem,
    RotationState,
    Rule,
    RuleSetVersion,
    SlaClock,
    SlaLadder,
    SlaPolicy,
    SlaRung,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def make_owner(key: str, **fields) -> Owner:
    return Owner.objects.create(key=key, **{"name": key.capitalize(), **fields})


def make_pool(key: str, *owners: Owner, **fields) -> Pool:
    pool = Pool.objects.create(key=key, **{"name": key.capitalize(), **fields})
    for position, owner in enumerate(owners):
        PoolMember.objects.create(pool=pool, owner=owner, position=position)
    return pool


def make_draft(owner: Owner, **fields) -> RuleSetVersion:
    return RuleSetVersion.objects.create(owner=owner, **{"purpose": "More demos for Elena.", **fields})


def make_rule(version: RuleSetVersion, step: str, *conditions: tuple, **fields) -> Rule:
    """`conditions`: (group, field, operator, value)."""
    rule = Rule.objects.create(version=version, step=step, **{"name": step, "target": "nurture", **fields})
    for group, field, operator, value in conditions:
        Condition.objects.create(rule=rule, group=group, field=field, operator=operator, value=value)
    return rule


def make_people(tag: str = "", country: str = "DE") -> SimpleNamespace:
    """Elena and Marco in team Europe with their hours, a pool, a territory, a source. `tag` ends all keys."""
    elena = make_owner(f"elena{tag}", time_zone="Europe/Berlin", languages=["en", "de"], cap_open=5)
    marco = make_owner(f"marco{tag}", cover=elena)
    team = Team.objects.create(key=f"europe{tag}", name="Europe", lead=elena, fallback_owner=marco)
    for owner in (elena, marco):
        Membership.objects.create(owner=owner, team=team)
    WeeklyHours.objects.create(owner=elena, weekday=0, start_minute=540, end_minute=1020)
    absence = Absence.objects.create(owner=marco, starts_at=NOW, ends_at=NOW + timedelta(days=2), reason="holiday")
    calendar = Calendar.objects.create(key=f"berlin{tag}", name="Berlin office", holiday_country="DE")
    WeeklyHours.objects.create(calendar=calendar, weekday=0, start_minute=540, end_minute=1020)
    delegation = Delegation.objects.create(team=team, to=marco)
    pool = make_pool(f"emea{tag}", elena, marco, team=team)
    territory = Territory.objects.create(key=f"dach{tag}", name="DACH", owner=elena, team=team)
    area = TerritoryArea.objects.create(territory=territory, country=country)
    Installation.objects.get_or_create(id=1)
    demo = LeadType.objects.get_or_create(key="demo", defaults={"name": "Demo", "high_intent": True})[0]
    source = Source.objects.create(key=f"web{tag}", name="Web", owner=elena, lead_type=demo, token_hash="a" * 64)
    return SimpleNamespace(
        elena=elena, marco=marco, team=team, absence=absence, delegation=delegation, pool=pool, territory=territory,
        area=area, lead_type=demo, source=source, calendar=calendar,
    )  # fmt: skip


def make_crm(people: SimpleNamespace, tag: str = "") -> SimpleNamespace:
    company = Company.objects.create(name="Acme", domain="acme.example", owner=people.elena, created_at=NOW)
    contact = Contact.objects.create(email="ada@acme.example", company=company, created_at=NOW)
    pipeline = Pipeline.objects.create(key=f"sales{tag}", name="Sales")
    stage = Stage.objects.create(pipeline=pipeline, key="new", name="New")
    deal = Deal.objects.create(
        name="Acme demo", contact=contact, company=company, pipeline=pipeline, stage=stage, created_at=NOW
    )
    return SimpleNamespace(company=company, contact=contact, pipeline=pipeline, stage=stage, deal=deal)


def make_event(source: Source, body: bytes = b'{"email": "ada@acme.example"}', **fields) -> RawEvent:
    given = {
        "received_at": NOW,
        "body_digest": "d" * 64,
        "correlation_id": "c1",
        "headers": '{"Content-Type": "application/json"}',
    }
    return RawEvent.objects.create(source=source, body=body, **{**given, **fields})


def make_story(tag: str = "", country: str = "DE") -> SimpleNamespace:
    """One lead, from its event to the alert, with a row of every model. Two need two tags and countries."""
    people = make_people(tag, country)
    crm = make_crm(people, tag)
    version = make_draft(people.elena)
    rule = make_rule(
        version, "territory_owner", (1, "country", "one_of", ["DE", "AT"]), target="owner", owner=people.elena
    )
    ladder = SlaLadder.objects.create(key=f"usual{tag}", name="Usual", named_owner=people.elena)
    SlaRung.objects.create(ladder=ladder, percent=50, remind=True)
    policy = SlaPolicy.objects.create(key=f"fast{tag}", name="Fast", lead_types=["demo"], no_activity_ladder=ladder)
    records = make_records(people, crm, version, tag)
    named = NamedList.objects.create(key=f"partners{tag}", name="Partners", field="company_domain")
    user = User.objects.create(username=f"sam{tag}")
    token = ApiToken.objects.create(name="Reports", token_hash=f"b{tag}", user=user)
    return SimpleNamespace(
        **vars(people),
        **vars(crm),
        **vars(records),
        version=version,
        named=named,
        rule=rule,
        policy=policy,
        ladder=ladder,
        user=user,
        token=token,
    )


def make_records(people: SimpleNamespace, crm: SimpleNamespace, version: RuleSetVersion, tag: str) -> SimpleNamespace:
    event = make_event(people.source)
    key = IdempotencyKey.objects.create(source=people.source, key="sub:1", event=event)
    lead = Lead.objects.create(
        id=event.pk, source=people.source, contact=crm.contact, state="assigned", owner=people.elena,
        lead_type="demo", received_at=NOW, owned_at=NOW, reason="Assigned to Elena.",
        email="ada@acme.example",
    )  # fmt: skip
    revision = ConfigRevision.objects.create(digest=f"e{tag}", content='{"owners": []}', created_at=NOW)
    decision = Decision.objects.create(
        id=event.pk, event=event, lead=lead, version=version, revision=revision, status="assigned",
        owner=people.elena, hierarchy_step="territory_owner", reason="Assigned to Elena.", route_flag="ok",
        lead_type="demo", high_intent=True, decided_at=NOW, digest="f" * 64, snapshot='{"score":91}',
        trace='{"steps":["<script>alert(1)</script>"]}',
    )  # fmt: skip
    member = people.pool.members.get(owner=people.elena)
    rows = {
        "activity": Activity(lead=lead, kind="call", actor=people.elena, happened_at=NOW, created_at=NOW),
        "note": Note(lead=lead, text="Assigned to Elena.", created_at=NOW),
        "task": Task(
            lead=lead, owner=people.elena, decision_id=decision.pk, text="Call", due_at=NOW,
            created_at=NOW,
        ),
        "action": PlanAction(decision=decision, position=1, action="send_owner_alert", next_try_at=NOW),
        "delivery": Delivery(
            decision=decision, owner=people.elena, kind="assignment", channel="email", state="owed",
            next_try_at=NOW, created_at=NOW,
        ),
        "clock": SlaClock(
            lead=lead, decision=decision, owner=people.elena, kind="first_touch", policy_key="fast", budget_seconds=900,
            started_at=NOW, due_at=NOW + timedelta(minutes=15),
        ),
        "rotation": RotationState(member=member, v="1/1", last=1),
        "entry": LedgerEntry(
            member=member, decision=decision, kind="charge", amount="1/1", v_before="0/1", v_after="1/1",
            at=NOW,
        ),
        "load": OwnerLoad(owner=people.elena, open_leads=1, day=date(2026, 3, 2), week=date(2026, 3, 2)),
        "seat_load": MemberLoad(member=member, open_leads=1, day=date(2026, 3, 2), week=date(2026, 3, 2)),
        "item": ReviewItem(
            reason="unresolved", owner=people.elena, source=people.source, event=event, lead=lead,
            opened_at=NOW, last_at=NOW, due_at=NOW,
        ),
    }  # fmt: skip
    for row in rows.values():
        row.save()
    rows["fact"] = Fact.objects.create(lead=lead, kind="decided", at=NOW, decision=decision, detail="assigned")
    rows["escalation"] = Escalation.objects.create(
        clock=rows["clock"], rung=80, action="remind", due_at=NOW, fired_at=NOW, late_seconds=0
    )
    return SimpleNamespace(event=event, key=key, lead=lead, revision=revision, decision=decision, **rows)
