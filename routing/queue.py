"""A user in, what they may do with which review items out, and who took one lately; changes nothing itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from leads.models import Lead
from owners.roles import MACHINE, Act, may
from owners.scopes import owner_of
from routing.models import ReviewItem
from routing.moved import STAYING
from routing.scopes import told_review_items, visible_review_items

TELL = timedelta(days=1)
"""How long somebody with an old page is told who was faster; afterwards the item does not exist for them."""
LATELY = timedelta(minutes=5)
MOST_HANDS = 5


class Wish(StrEnum):
    """What somebody may want of an item."""

    CLAIM = "claim"
    ASSIGN = "assign"
    NAME = "name"
    FIX = "fix"
    AGAIN = "again"
    REPLAY = "replay"
    NURTURE = "nurture"
    REJECT = "reject"


REVIEWING = frozenset({Wish.FIX, Wish.AGAIN, Wish.REPLAY, Wish.NURTURE, Wish.REJECT})
OF_A_LEAD_IN_REVIEW = frozenset({Wish.ASSIGN, Wish.FIX, Wish.AGAIN, Wish.NURTURE})


def allowed(user: Any, item: ReviewItem) -> frozenset[Wish]:
    """What the user's role allows on an item that they see, whatever became of it."""
    if user is MACHINE:
        return frozenset(Wish)
    found = set()
    if may(user, Act.CLAIM):
        found.add(Wish.CLAIM)
    if may(user, Act.ASSIGN):
        found |= {Wish.ASSIGN, Wish.NAME}
    named = item.owner_id == owner_of(user)
    if may(user, Act.REVIEW_ANY) or (may(user, Act.REVIEW_OWN) and named):
        found |= REVIEWING
    return frozenset(found)


def offered(user: Any, item: ReviewItem) -> frozenset[Wish]:
    """What of it makes sense now: these are the buttons."""
    if item.state != ReviewItem.State.OPEN:
        return frozenset()
    senseless = set()
    in_review = item.lead is not None and item.lead.state in Lead.UNPLACED
    if not in_review:
        senseless |= OF_A_LEAD_IN_REVIEW
    if item.lead is not None and item.reason not in STAYING:
        senseless.add(Wish.REPLAY)  # nothing stopped half-way: the rules are asked again instead
    owner = owner_of(user)
    if owner is None or (not in_review and item.owner_id == owner):
        senseless.add(Wish.CLAIM)
    return allowed(user, item) - senseless


class Hand(NamedTuple):
    """Somebody's work on an item a moment ago. `seen`: whether the reader may open it."""

    item: int
    who: str
    did: str
    what: str
    seconds: int
    seen: bool


def hands(user: Any, now: datetime) -> list[Hand]:
    """What other people did in the queue lately, the newest first; two statements."""
    done = told_review_items(user, now - LATELY).filter(
        state=ReviewItem.State.CLOSED, closed_at__gte=now - LATELY, closed_by__isnull=False
    )
    rows = list(
        done.exclude(closed_by=getattr(user, "pk", None))
        .select_related("source", "closed_by__owner", "lead__owner", "decision")
        .defer("decision__snapshot", "decision__trace")
        .order_by("-closed_at")[:MOST_HANDS]
    )
    seen = _seen(user, rows)
    return [_hand(row, now, row.pk in seen) for row in rows]


def _seen(user: Any, rows: Sequence[ReviewItem]) -> set[int]:
    ids = [row.pk for row in rows]
    return set(visible_review_items(user).filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()


DID = {
    "Claimed": "claimed", "Assigned": "assigned", "Rejected": "rejected", "Sent": "sent to nurture",
    "Closed": "closed", "Replayed": "replayed",
}  # fmt: skip


def _hand(row: ReviewItem, now: datetime, seen: bool) -> Hand:
    actor = row.closed_by
    assert actor is not None
    owner = getattr(actor, "owner", None)
    who = owner.name if owner else actor.get_full_name() or actor.get_username()
    kind = row.lead.lead_type.replace("_", " ") if row.lead else "payload"
    did = DID.get(row.resolution.split(" ", 1)[0], "took care of")
    seconds = max(0, int((now - row.closed_at).total_seconds())) if row.closed_at else 0
    return Hand(row.pk, who, did, f"a {kind} from {row.source.name}", seconds, seen)
