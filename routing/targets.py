"""The hot tables that a decided batch writes, in the order in which they are written; writes nothing itself."""

from leads.models import Company, Contact, Deal, Lead, Note, RawEvent
from routing.models import (
    Decision,
    Delivery,
    Fact,
    LedgerEntry,
    MemberLoad,
    OwnerLoad,
    PlanAction,
    ReviewItem,
    RotationState,
    SlaClock,
)
from routing.write import Target, all_fields

COMPANIES = Target(Company, all_fields(Company, auto_id=False))
CONTACTS = Target(Contact, all_fields(Contact, auto_id=False))
DEALS = Target(Deal, all_fields(Deal, auto_id=False))
LEADS = Target(Lead, tuple(name for name in all_fields(Lead, auto_id=False) if name != "priority"))
"""Without what routing leaves as the column begins."""
DECISIONS = Target(Decision, all_fields(Decision, auto_id=False))
NOTES = Target(Note, ("lead", "created_at", "deal", "text"))
CLOCKS = Target(
    SlaClock,
    (
        "lead", "decision", "owner", "kind", "policy_key", "budget_seconds", "real_time", "calendar", "terms",
        "started_at", "due_at", "next_rung_at", "state",
    ),
)  # fmt: skip
ACTIONS = Target(PlanAction, all_fields(PlanAction, auto_id=True))
DELIVERIES = Target(Delivery, all_fields(Delivery, auto_id=True))
REVIEWS = Target(ReviewItem, all_fields(ReviewItem, auto_id=True), skip=True)
FACTS = Target(Fact, ("lead", "kind", "at", "decision", "owner", "actor", "detail"))
LEDGER = Target(LedgerEntry, all_fields(LedgerEntry, auto_id=True))
TURNS = Target(RotationState, ("member", "v", "last", "away"), upsert="member")
COUNTS = ("open_leads", "day", "day_count", "week", "week_count")
LOADS = Target(OwnerLoad, ("owner", *COUNTS), upsert="owner")
MEMBER_LOADS = Target(MemberLoad, ("member", *COUNTS), upsert="member")
CONTACT_OWNERS = Target(Contact, ("id", "owner"), update=True)
DEAL_OWNERS = Target(Deal, ("id", "owner"), update=True)
EVENTS = Target(RawEvent, ("id", "state", "error"), update=True)

MOVED_FIELDS = ("id", "state", "owner", "member", "owned_at", "accepted_at", "deal", "reason")
LEAD_MOVES = Target(Lead, MOVED_FIELDS, update=True)
LEAD_AGAIN = Target(
    Lead,
    (
        *MOVED_FIELDS, "contact", "company", "lead_type", "high_intent", "lead_score", "email", "phone", "name",
        "country", "consent_to_contact",
    ),
    update=True,
)  # fmt: skip
"""One target for all of it: one statement changes a row once only, and PostgreSQL has one for the whole batch."""

_FIRST = (COMPANIES, CONTACTS, DEALS)
_AFTER = (
    DECISIONS, NOTES, CLOCKS, ACTIONS, DELIVERIES, REVIEWS, LEDGER, TURNS, LOADS, MEMBER_LOADS, CONTACT_OWNERS,
    DEAL_OWNERS, FACTS,
)  # fmt: skip
TARGETS = (*_FIRST, LEADS, *_AFTER, EVENTS)
"""Of events that become leads. Whatever a row names is written before it: while a name waits for its row, SQLite looks
for whoever may name each new one, which where no index helps is a scan of all clocks."""
ACT_TARGETS = (*_FIRST, *_AFTER, LEAD_MOVES)
"""Of acts on leads that stand already."""
AGAIN_TARGETS = (*_FIRST, *_AFTER, LEAD_AGAIN)
"""Of leads that are decided again with other facts."""
