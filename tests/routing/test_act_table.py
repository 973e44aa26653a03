"""The table of act × clock, every cell: each act on a lead with a clock of every kind, in time, late, and late after
the breach was noted; and what the help page says of it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from leads.models import Activity, Lead, Note
from owners.models import User
from routing import acts, item_clocks, pausing, touch
from routing.engine.clock import ACTS, CLOCKS, OWNERS_CLOCKS
from routing.escalation import sweep
from routing.models import ClockState, Fact, PlanAction, ReviewItem, SlaClock, SlaPolicy
from routing.moving import By
from routing.rulebook import publish
from tests.builders import NOW, make_rule, make_version
from tests.routing.ladders import MINUTE, by, change, facts, make_company, owned

pytestmark = pytest.mark.django_db
PROGRAM = By(None, None, "CRM sync")
DAY = timedelta(days=1)
ITEMS = {"review": "crm_error", "held": "webhook_retry_conflict", "claim": "pipeline_stage_mismatch"}
"""Items about something else than who owns the lead: they stay open while somebody has it."""


@pytest.fixture
def people():
    SlaPolicy.objects.create(key="all", name="All", accept_minutes=5)  # first touch 15, no activity 30
    found = make_company()
    for owner in (found.elena, found.lena):
        by(owner)
    return found


def logs(kind: str, who: By | None = None) -> Callable:
    return lambda lead, elena, at: touch.record(lead.pk, kind, who or elena, at)


DO: dict[str, Callable] = {
    **{kind: logs(kind) for kind in Activity.Kind.values},
    "accept": lambda lead, elena, at: touch.accept(lead.pk, elena, at),
    "note": lambda lead, elena, at: Note.objects.create(lead=lead, text="Called them.", created_at=at),
    "program": lambda lead, elena, at: [logs(kind, PROGRAM)(lead, elena, at) for kind in ("call", "email", "meeting")],
    "pause": lambda lead, elena, at: pausing.pause(lead.pk, elena, at + DAY, "on holiday", at),
    "confirm": lambda lead, elena, at: PlanAction.objects.filter(decision__lead=lead, clocks__isnull=False).update(
        state="confirmed", confirmed_at=at
    ),
    "reassign": lambda lead, elena, at: acts.reassign(lead.pk, lead.marco, elena, "his language", at),
    "close": lambda lead, elena, at: acts.close(lead.pk, "lost", elena, at),
}


WAITING: dict[str, Callable] = {
    "assign": lambda item, lena, at: acts.assign(item.pk, lena.owner, lena, "hers", at),
    "claim": lambda item, lena, at: acts.claim(item.pk, lena, at),
    "nurture": lambda item, lena, at: acts.nurture_item(item.pk, lena, "later", at),
}
"""Of leads that nobody owns."""


def every_clock(people, lead: Lead, items: dict[str, str] = ITEMS) -> dict[str, int]:
    """The ids of the lead's clocks by kind; those that its owner does not have are made."""
    decision = lead.decisions.get()
    common = {"lead": lead, "owner": people.lena, "policy_key": "all", "budget_seconds": 900, "started_at": NOW}
    common |= {"due_at": NOW + 15 * MINUTE}
    SlaClock.objects.create(**common, kind="assigned", decision=decision)
    for kind, reason in items.items():
        item = ReviewItem.objects.create(
            reason=reason, owner=people.lena, source=people.source, event_id=lead.pk, lead=lead, opened_at=NOW,
            last_at=NOW, due_at=NOW + 15 * MINUTE, clock=ClockState.KEPT,
        )  # fmt: skip
        SlaClock.objects.create(**common, kind=kind, item=item)
    action = PlanAction.objects.create(
        decision=decision, position=90, action="create_deal", connector="crm", state="pending", next_try_at=NOW,
        clock=ClockState.KEPT,
    )  # fmt: skip
    SlaClock.objects.create(**common, kind="crm", action=action)
    return dict(SlaClock.objects.filter(lead=lead).values_list("kind", "id"))


def stands(ids: dict[str, int]) -> dict[str, tuple]:
    rows = SlaClock.objects.in_bulk(ids.values())
    return {kind: (rows[id].state, rows[id].ended_at, rows[id].answered_at) for kind, id in ids.items()}


def expected(effect, kind: str, before: tuple, due_at, at) -> tuple:
    late = due_at < at
    if kind in effect.stops:
        return ("breached", due_at, at) if late else ("met", at, None)
    if kind in effect.cancels:
        return ("breached", due_at, None) if late else ("cancelled", at, None)
    return before


@pytest.mark.parametrize(("minutes", "swept"), [(3, None), (60, None), (20, 16)], ids=["in time", "late", "noted"])
def test_every_cell(people, minutes, swept):
    at, elena = NOW + minutes * MINUTE, by(people.elena)
    leads = dict(zip(DO, owned(len(DO)), strict=True))
    clocks = {act: every_clock(people, lead) for act, lead in leads.items()}
    assert {tuple(sorted(ids)) for ids in clocks.values()} == {tuple(sorted(CLOCKS))}
    if swept:
        sweep(NOW + swept * MINUTE)
    due = dict(SlaClock.objects.values_list("id", "due_at"))
    seen, wanted = {}, {}
    for act, lead in leads.items():
        lead.marco = people.marco.pk
        before = stands(clocks[act])
        DO[act](lead, elena, at)
        item_clocks.keep(at)
        seen[act] = stands(clocks[act])
        wanted[act] = {
            kind: expected(ACTS[act], kind, before[kind], due[clocks[act][kind]], at) for kind in clocks[act]
        }
    assert seen == wanted
    ended = SlaClock.objects.exclude(answered_at=None) | SlaClock.objects.filter(state__in=["met", "cancelled"])
    assert set(ended.values_list("next_rung_at", flat=True)) == {None}


@pytest.mark.parametrize("minutes", [3, 60], ids=["in time", "late"])
def test_every_cell_of_leads_that_nobody_owns(people, minutes):
    """They have no clock of an owner yet; those that begin with the act run on."""
    at, lena = NOW + minutes * MINUTE, by(people.lena)
    version = make_version(people.rita)
    make_rule(version, "manual_review", "review", owner=people.rita, review_reason="unclear_product_fit")
    publish(version, None, NOW)
    leads = dict(zip(WAITING, owned(len(WAITING)), strict=True))
    own = {lead.review_items.get().pk: lead for lead in leads.values()}
    waits = {"review": "unresolved", "held": "on_hold", "claim": "waiting_to_be_claimed"}
    clocks = {act: every_clock(people, lead, waits) for act, lead in leads.items()}
    due = NOW + 15 * MINUTE
    seen, wanted = {}, {}
    for act, lead in leads.items():
        before = stands(clocks[act])
        assert set(before) == set(CLOCKS) - OWNERS_CLOCKS
        WAITING[act](ReviewItem.objects.get(pk__in=own, lead=lead), lena, at)
        item_clocks.keep(at)
        seen[act] = stands(clocks[act])
        wanted[act] = {kind: expected(ACTS[act], kind, before[kind], due, at) for kind in before}
        fresh = SlaClock.objects.filter(lead=lead, kind__in=OWNERS_CLOCKS).values_list("state", flat=True)
        assert list(fresh) == ([] if act == "nurture" else ["running"] * 3)
    assert seen == wanted


def test_table_has_every_act_and_every_clock():
    assert set(Activity.Kind.values) <= set(ACTS)
    assert set(CLOCKS) == set(SlaClock.Kind.values)
    assert set(ACTS) == {*DO, *WAITING}


def test_booking_needs_nobody_of_ours_and_is_a_first_touch(people):
    [lead] = owned()
    touch.record(lead.pk, "booking", PROGRAM, NOW + 3 * MINUTE, at=NOW + 2 * MINUTE)
    lead.refresh_from_db()
    assert (lead.touched_at, lead.accepted_at) == (NOW + 3 * MINUTE, None)
    assert facts(lead)[-5:] == [
        ("touched", "booking"), ("booked", ""), ("met", "accepted"), ("met", "first_touch"), ("met", "no_activity"),
    ]  # fmt: skip


def test_back_dated_act_erases_no_breach_and_is_answered_late(people):
    noted, unnoted = owned(2)
    change(SlaClock.objects.get(lead=unnoted, kind="first_touch"), next_rung_at=None)  # as if the worker were down
    sweep(NOW + 16 * MINUTE)
    late = NOW + 20 * MINUTE
    for lead in (noted, unnoted):
        touch.record(lead.pk, "call", by(people.elena), late, at=NOW + MINUTE)
        clock = SlaClock.objects.get(lead=lead, kind="first_touch")
        assert (clock.state, clock.ended_at, clock.answered_at, clock.next_rung_at) == (
            "breached", NOW + 15 * MINUTE, late, None,
        )  # fmt: skip
        told = Fact.objects.filter(lead=lead, detail="first_touch").order_by("at")
        assert list(told.values_list("kind", "at")) == [("breached", NOW + 15 * MINUTE), ("answered", late)]


def test_help_shows_the_table_itself(people):
    client = Client()
    client.force_login(User.objects.get(username="elena"))
    page = client.get("/help/slas/")
    assert [row["act"] for row in page.context["stops"]] == [effect.label for effect in ACTS.values()]
    shown = {row["act"]: row["cells"] for row in page.context["stops"]}
    for effect in ACTS.values():
        assert shown[effect.label] == [
            "stops" if clock in effect.stops else "ends" if clock in effect.cancels else "" for clock in CLOCKS
        ]
        assert effect.label in page.content.decode()
