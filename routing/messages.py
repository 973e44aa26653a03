"""Deliveries in, subject and body of each out, from templates/messages/. Sends and changes nothing.

What a message says is looked up in the rows when it is written: the decision's reason, what is open for
review, what failed. A message that is sent late is therefore still true.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse

from routing.engine.ladder import END
from routing.follow_up import one_line
from routing.models import Decision, Delivery, PlanAction, ReviewItem, SlaClock

logger = logging.getLogger(__name__)

MAX_SUBJECT = 150
MAX_PART = 120
MAX_REASON = 2000
OVERDUE = "overdue"
"""The occasion of a second message about a review item: its time is over."""
PROMISES = {
    SlaClock.Kind.ACCEPTED: "accepting it",
    SlaClock.Kind.FIRST_TOUCH: "the first call, e-mail, message or meeting",
    SlaClock.Kind.NO_ACTIVITY: "any call, e-mail, message or meeting",
}
ANY_ID = "1234567890"
"""Stands in the place of an id where an address is looked up; no address has these digits otherwise."""

FACTS = (
    "id", "lead_id", "reason", "due_at", "high_intent", "lead__name", "lead__email", "lead__phone",
    "lead__source__name", "lead__company__name", "lead__company__domain",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours until its lease runs out.

    `decision` and `owner` are ids; `attempts` counts this one; `address`, `name` and `time_zone` are the owner's.
    """

    id: int
    decision: int
    owner: int
    kind: str
    attempts: int
    address: str
    name: str
    time_zone: str
    occasion: str = ""


def compose(rows: Sequence[Claimed]) -> dict[int, tuple[str, str]]:
    """(subject, body) by delivery id, in at most five statements; what cannot be written is left out.

    Subjects are one line of 150 characters at most. Bodies are plain text; what a buyer or a CRM wrote stays
    in its one line of it.
    """
    kinds: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        kinds[row.kind].append(row.decision)
    # The owners' names came with the rows: two joins less to plan, which takes PostgreSQL longer than the look.
    decisions = {row["id"]: row for row in Decision.objects.filter(id__in={r.decision for r in rows}).values(*FACTS)}
    reviews = _review_items([*kinds[Delivery.Kind.REVIEW], *kinds[Delivery.Kind.OPERATOR]])
    faults = _faults(kinds[Delivery.Kind.OPERATOR])
    clocks = _clocks([*kinds[Delivery.Kind.REMINDER], *kinds[Delivery.Kind.ESCALATION]])
    letters = {}
    for row in rows:
        try:
            facts = decisions[row.decision]
            kind, _, rung = row.occasion.partition(":")
            clock = clocks.get((row.decision, kind))
            clock = clock and {**clock, "over": _is_over(int(rung or 0), clock["budget"])}
            letters[row.id] = _write(row, facts, reviews.get(row.decision), faults.get(row.decision, []), clock)
        except Exception as error:  # one message's mistake must not hold up the others
            logger.warning("delivery %s cannot be written: %s", row.id, type(error).__name__)
    return letters


def local_time(at: datetime, zone: str) -> str:
    """“Mon 23 Nov 2026, 10:15 CET (Europe/Berlin)”; in UTC where the zone is unknown."""
    try:
        local = at.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        local, zone = at.astimezone(ZoneInfo("UTC")), "UTC"
    text = local.strftime("%a %d %b %Y, %H:%M %Z")
    return text if zone == "UTC" else f"{text} ({zone})"


def lead_url(lead_id: int) -> str:
    """Where the lead is read and worked on, as an absolute address."""
    return f"{settings.BASE_URL}{_lead_path().replace(ANY_ID, str(lead_id))}"


@lru_cache(maxsize=1)
def _lead_path() -> str:
    """The path with ANY_ID for the id: looked up once, because it takes as long as writing half a letter."""
    try:
        return reverse("pages:lead", args=[ANY_ID])
    except NoReverseMatch:  # a worker that serves no pages has no map of them
        return f"/leads/{ANY_ID}/"


def _write(
    row: Claimed, facts: Mapping[str, Any], review: Mapping[str, Any] | None, faults: list[str],
    clock: Mapping[str, Any] | None,
) -> tuple[str, str]:  # fmt: skip
    due_at = (review and review["due_at"]) or facts["due_at"]
    company = facts["lead__company__name"] or facts["lead__company__domain"] or ""
    name = facts["lead__name"] or facts["lead__email"] or facts["lead__phone"]
    context = {
        "owner": one_line(row.name, MAX_PART),
        "name": one_line(name, MAX_PART) or "a buyer",
        "buyer": _joined([facts["lead__name"], company, facts["lead__email"], facts["lead__phone"]]),
        "company": one_line(company, MAX_PART) if company != name else "",
        "source": one_line(facts["lead__source__name"], MAX_PART),
        "high_intent": facts["high_intent"],
        "reason": one_line(facts["reason"], MAX_REASON),
        "due": local_time(due_at, row.time_zone) if due_at else "",
        "review": review["label"] if review else "",
        "waits": bool(review and review["waits"]),
        "answers": review["named"] if review and review["of"] != row.owner else "",
        "review_detail": one_line(review["detail"], MAX_REASON) if review else "",
        "faults": faults,
        "overdue": row.occasion.startswith(OVERDUE),
        "clock": clock
        and {**clock, "due": local_time(clock["due_at"], row.time_zone), "mine": row.owner == clock["of"]},
        "url": lead_url(facts["lead_id"]),
    }
    subject = render_to_string(f"messages/{row.kind}.subject.txt", context)
    body = render_to_string(f"messages/{row.kind}.body.txt", context)
    return one_line(subject, MAX_SUBJECT), body.strip() + "\n"


def _is_over(rung: int, budget: int) -> bool:
    """Whether the rung, in percent or minutes below zero, is due when the time has run out."""
    return rung >= END if rung > 0 else -rung * 60 >= budget


def _joined(parts: Iterable[str]) -> str:
    lines = dict.fromkeys(line for part in parts if (line := one_line(part, MAX_PART)))
    return ", ".join(lines) or "a buyer without a name"


def _review_items(decisions: list[int]) -> dict[int, dict[str, Any]]:
    """The newest open item of each decision: label of its reason, detail, due time."""
    if not decisions:
        return {}
    labels = dict(ReviewItem.Reason.choices)  # a rule may give a reason of its own
    items = ReviewItem.objects.filter(decision__in=decisions, state=ReviewItem.State.OPEN).order_by("id")
    return {
        decision: {
            "label": labels.get(reason, reason), "detail": detail, "due_at": due_at,
            "waits": reason in ReviewItem.WAITS, "of": owner, "named": one_line(name, MAX_PART),
        }
        for decision, reason, detail, due_at, owner, name in items.values_list(
            "decision_id", "reason", "detail", "due_at", "owner_id", "owner__name"
        )
    }  # fmt: skip


def _clocks(decisions: list[int]) -> dict[tuple[int, str], dict[str, Any]]:
    """The clocks that the decisions started, by decision and kind: what was promised, how long, whose it is."""
    if not decisions:
        return {}
    told_of = SlaClock.objects.filter(decision__in=decisions, kind__in=[*PROMISES, SlaClock.Kind.CRM])
    rows = list(told_of.order_by("id").values_list(
        "decision_id", "kind", "budget_seconds", "real_time", "due_at", "owner_id", "owner__name", "state",
        "action__action",
    ))  # fmt: skip
    writes: dict[int, list[str]] = defaultdict(list)
    for decision, *_, state, action in rows:
        if action and state in (SlaClock.State.RUNNING, SlaClock.State.BREACHED):
            writes[decision].append(action)
    return {
        (decision, kind): {
            "what": PROMISES.get(kind, f"the CRM's confirmation of {', '.join(writes[decision])}"),
            "time": f"{seconds // 60} minutes{'' if real_time else ' of working time'}",
            "due_at": due_at, "budget": seconds, "of": owner, "owner": one_line(name, MAX_PART),
            "moves": kind == SlaClock.Kind.NO_ACTIVITY, "writes": writes[decision] if kind == SlaClock.Kind.CRM else [],
        }
        for decision, kind, seconds, real_time, due_at, owner, name, _, _ in rows
    }  # fmt: skip


def _faults(decisions: list[int]) -> dict[int, list[str]]:
    """What was given up for each decision, a line each: plan actions first, then messages."""
    found: dict[int, list[str]] = defaultdict(list)
    if not decisions:
        return found
    actions = PlanAction.objects.filter(
        decision__in=decisions, state__in=[PlanAction.State.STOPPED, PlanAction.State.DEAD]
    )
    for decision, action, error in actions.order_by("position").values_list("decision_id", "action", "error"):
        found[decision].append(one_line(f"{action}: {error}", MAX_REASON))
    dead = Delivery.objects.filter(decision__in=decisions, state=Delivery.State.DEAD)
    for decision, owner, channel, error in dead.order_by("id").values_list(
        "decision_id", "owner__name", "channel", "error"
    ):
        what = "Webhook about a rung" if channel == Delivery.Channel.WEBHOOK else f"E-mail to {owner}"
        found[decision].append(one_line(f"{what}: {error}", MAX_REASON))
    return found
