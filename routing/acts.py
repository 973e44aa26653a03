"""What a person wants of a review item or a lead in; done through the one door, or refused with a sentence, out.

Each act runs in the writer transaction and looks at the rows there, so that of two people exactly one is first
and the other is told who was faster. Whether this user may act at all is for the doors to ask (owners.roles and
the scopes); here it is only whether the lead can take it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from leads.clean import clean_text
from leads.models import Lead, Note
from owners.models import Owner
from owners.writer import writing
from routing.again import ask_again
from routing.current import in_force
from routing.ledger import credit
from routing.loads import counts, free
from routing.models import Decision, Fact, ReviewItem
from routing.moved import STAYING, end_follow_up, end_work
from routing.moving import Asked, By, Standing, ask, decide_acts, standing
from routing.refused import Refused

MAX_WHY = 200
OUTCOMES = ("converted", "lost", "unqualified")


class Done(NamedTuple):
    """What an act led to. `decision`, `lead`, `owner`: ids, None where there is none; `sentence`: for people."""

    sentence: str
    lead: int | None = None
    decision: int | None = None
    owner: int | None = None
    status: str = ""


# --- items of the review queue ----------------------------------------------------------------------------


def claim(item: int, by: By, now: datetime, seen: int | None = None) -> Done:
    """Take the item's lead, if nobody was faster and there is room; charged to the pool that it came from.

    An item without a lead, or about a lead that is not in review itself, is taken over instead: the claimer answers
    for it. `seen`: the owner who was named where this was asked; another one by now was faster.
    Raises Refused: gone, taken, no_owner, at_capacity, not_available, changed, no_change.
    """
    if by.owner is None:
        raise Refused("no_owner", "You take no leads: no owner belongs to your user. RevOps can make one.")
    if again := _mine_already(item, by, now):
        return again
    with writing():
        row = open_item(item, now)
        if row.lead is None or row.lead.state not in Lead.UNPLACED:
            return _hand_over(row, by.owner, by, now, seen)
        at = _standing(row.lead.pk)
        why = row.get_reason_display() if row.reason in ReviewItem.Reason.values else row.reason
        charged = {"pool": row.pool_id} if row.pool_id else {}
        claimed = _give(at, "claim", by, why, now, to=by.owner, cause="claimed", **charged)
        _stays_with(row, by.owner)
        return claimed


def assign(item: int, to: int, by: By, why: str, now: datetime) -> Done:
    """Give the item's lead to somebody; where that is not in review itself, name them for the item.

    `to`: an owner id. Raises Refused: gone, taken, why_missing, unknown_owner, at_capacity, not_available.
    """
    why = _why(why)
    with writing():
        row = open_item(item, now)
        _known_owner(to)
        if row.lead is None or row.lead.state not in Lead.UNPLACED:
            return _hand_over(row, to, by, now, None)
        given = _give(_standing(row.lead.pk), "assign", by, why, now, to=to, cause="by_hand")
        _stays_with(row, to)
        return given


def hand_over(item: int, to: int, by: By, now: datetime, seen: int | None = None) -> Done:
    """Name somebody else for the item; its lead stays as it is.

    `seen` as in `claim`. Raises Refused: gone, taken, unknown_owner, not_available, changed, no_change.
    """
    with writing():
        row = open_item(item, now)
        _known_owner(to)
        return _hand_over(row, to, by, now, seen)


def nurture_item(item: int, by: By, why: str, now: datetime) -> Done:
    """Send the item's lead to nurture. Raises Refused: gone, taken, why_missing, no_lead, changed."""
    why = _why(why)
    with writing():
        row = open_item(item, now)
        if row.lead is None:
            raise Refused("no_lead", "What came could not be read as a lead, so there is nobody to nurture. Reject it.")
        if row.lead.state not in Lead.UNPLACED:
            state = row.lead.get_state_display()
            raise Refused("changed", f"The lead is {state}: this item is about something else, and can be closed.")
        ended = _end(_standing(row.lead.pk), "nurture", by, why, now)
        _close_item(row, by, f"Sent to nurture by {by.name}: {why}", now)
        return ended


def reject_item(item: int, by: By, why: str, now: datetime) -> Done:
    """Reject the item's lead; close an item that has none, or whose lead is not in review. What came stays.

    Raises Refused: gone, taken, why_missing.
    """
    why = _why(why)
    with writing():
        row = open_item(item, now)
        if row.lead is None:
            return _close_item(row, by, f"Rejected by {by.name}: {why}", now)
        if row.lead.state not in Lead.UNPLACED:
            return _close_item(row, by, f"Closed by {by.name}: {why}", now)
        ended = _end(_standing(row.lead.pk), "reject", by, why, now)
        _close_item(row, by, f"Rejected by {by.name}: {why}", now)
        return ended


# --- leads ------------------------------------------------------------------------------------------------


def reassign(
    lead: int, to: int, by: By, why: str, now: datetime, seen_owner: int | None = None, cause: str = ""
) -> Done:
    """Give a lead to somebody else, whatever became of it before.

    `seen_owner`: whose it was on the page where this was asked, 0 for nobody; the act is refused when that changed
    meanwhile. `cause`: misroute, where it should never have come to whom it came: their turn is given back.
    Raises Refused: gone, why_missing, unknown_owner, no_change, changed, at_capacity, not_available.
    """
    why = _why(why)
    with writing():
        at = _standing(lead)
        _known_owner(to)
        _unchanged(at, seen_owner)
        if at.owner == to:
            raise Refused("no_change", f"{at.lead.owner} has this lead already.")
        kind = "reassign" if at.owner is not None else "assign"
        misrouted = cause == "misroute" and at.owner is not None
        given = _give(at, kind, by, why, now, to=to, cause=cause if misrouted else "by_hand")
        return _credited(given, at, cause, by, now) if misrouted else given


def decline(lead: int, by: By, why: str, now: datetime) -> Done:
    """The owner gives the lead back: the rules decide again, without those who had it. Raises Refused: gone,
    why_missing, not_yours."""
    why = _why(why)
    with writing():
        at = _standing(lead)
        if at.owner is None or at.owner != by.owner:
            raise Refused("not_yours", "Only the owner of a lead can decline it, and it is not yours any more.")
        if not at.lead.is_test:
            Fact.objects.create(
                lead=at.lead, kind=Fact.Kind.DECLINED, at=now, owner_id=by.owner, actor_id=by.user, detail="declined"
            )
        asked = ask_again(at, "decline", by, f"{by.name} declined it: {why}", now, "declined")
        return done_of(decide_acts([asked], by, in_force()).write(now)[0])


def nurture(lead: int, by: By, why: str, now: datetime, seen_owner: int | None = None) -> Done:
    """Send a lead to nurture. Raises Refused: gone, why_missing, no_change, changed."""
    return _end_lead(lead, "nurture", by, why, now, seen_owner)


def reject(lead: int, by: By, why: str, now: datetime, seen_owner: int | None = None, cause: str = "") -> Done:
    """Reject a lead, visibly and restorably. `cause`: spam, duplicate or misroute give the turn back that it cost.

    Raises Refused: gone, why_missing, no_change, changed.
    """
    return _end_lead(lead, "reject", by, why, now, seen_owner, cause)


def close(lead: int, outcome: str, by: By, now: datetime) -> Done:
    """End the work on a lead: `outcome` is converted, lost or unqualified. It keeps its owner and frees their room.

    Raises Refused: gone, unknown_kind, no_change.
    """
    if outcome not in OUTCOMES:
        raise Refused("unknown_kind", f"A lead ends as one of {', '.join(OUTCOMES)}, not as “{outcome[:40]}”.")
    with writing():
        row = Lead.objects.filter(pk=lead).first()
        if row is None:
            raise Refused("gone", f"There is no lead {lead}.")
        if row.state != Lead.State.ASSIGNED:
            raise Refused("no_change", f"Only a lead with an owner is closed; this one is {row.get_state_display()}.")
        end_follow_up([lead])
        end_work([lead], now)
        if counts(lead):
            free(row)
        Lead.objects.filter(pk=lead).update(state=Lead.State.CLOSED)
        if not row.is_test:
            Fact.objects.create(
                lead=row, kind=Fact.Kind.CLOSED, at=now, owner_id=row.owner_id, actor_id=by.user, detail=outcome
            )
    return Done(f"Closed by {by.name} as {outcome}.", lead, None, row.owner_id, Lead.State.CLOSED)


def _end_lead(lead: int, kind: str, by: By, why: str, now: datetime, seen_owner: int | None, cause: str = "") -> Done:
    why = _why(why)
    with writing():
        at = _standing(lead)
        _unchanged(at, seen_owner)
        return _credited(_end(at, kind, by, why, now), at, cause, by, now)


def _credited(done: Done, at: Standing, cause: str, by: By, now: datetime) -> Done:
    """After the act: whoever's turn had brought the lead has it back, where the lead should not have cost one."""
    told = credit(at.lead.pk, at.lead.member_id, cause, by, now)
    return done._replace(sentence=f"{done.sentence} {told}") if told else done


# --- what they share --------------------------------------------------------------------------------------


def open_item(id: int, now: datetime) -> ReviewItem:
    """The item, if it is open still. Raises Refused: gone, taken."""
    row = ReviewItem.objects.select_related("lead", "source", "owner").filter(pk=id).first()
    if row is None:
        raise Refused("gone", f"There is no review item {id}.")
    if row.state != ReviewItem.State.OPEN:
        raise _taken(row, now)
    return row


def _taken(row: ReviewItem, now: datetime) -> Refused:
    seconds = max(0, int((now - row.closed_at).total_seconds())) if row.closed_at else 0
    ago = f"{seconds} s ago" if seconds < 120 else f"{seconds // 60} min ago"
    return Refused("taken", f"Somebody was faster: {row.resolution.rstrip('.')} ({ago}).")


def _mine_already(item: int, by: By, now: datetime) -> Done | None:
    """A double click: the one who claimed it asks again. Read without the lock, so that losers hold nobody up."""
    row = ReviewItem.objects.select_related("lead", "closed_by__owner").filter(pk=item).first()
    if row is None or row.state == ReviewItem.State.OPEN:
        return None
    if row.closed_by_id is not None and row.closed_by_id == by.user and row.lead and row.lead.owner_id == by.owner:
        newest = Decision.objects.filter(lead=row.lead).order_by("-id").values_list("id", flat=True).first()
        return Done("This lead is yours already.", row.lead.pk, newest, by.owner, "assigned")
    raise _taken(row, now)


def _standing(lead: int) -> Standing:
    at = standing([lead]).get(lead)
    if at is None:
        raise Refused("gone", f"There is no lead {lead}.")
    return at


def _known_owner(owner: int) -> None:
    if not Owner.objects.filter(pk=owner).exists():
        raise Refused("unknown_owner", f"There is no owner {owner}.")


def _unchanged(at: Standing, seen_owner: int | None) -> None:
    if seen_owner is not None and (at.lead.owner_id or 0) != seen_owner:
        now_with = at.lead.owner.name if at.lead.owner else "nobody"
        raise Refused(
            "changed", f"Nothing was done: the lead moved on meanwhile and is now with {now_with}. Look again."
        )


def _why(text: str) -> str:
    why = clean_text(" ".join(text.split()), MAX_WHY)
    if not why:
        raise Refused("why_missing", "Say why, in a few words: it stands on the lead for everybody who reads it.")
    return why


def _give(at: Standing, kind: str, by: By, why: str, now: datetime, **fields: Any) -> Done:
    """To a named person, unless a check that binds here forbids it."""
    return _asked(at, kind, by, why, now, check=_forbidden, **fields)


def _end(at: Standing, kind: str, by: By, why: str, now: datetime) -> Done:
    wanted = {"nurture": Lead.State.NURTURE, "reject": Lead.State.REJECTED}[kind]
    if at.lead.state == wanted:
        raise Refused("no_change", f"The lead is {at.lead.get_state_display()} already.")
    return _asked(at, kind, by, why, now, cause=kind)


def _asked(
    at: Standing, kind: str, by: By, why: str, now: datetime, check: Callable[[Any], None] | None = None, **fields: Any
) -> Done:
    config = in_force()
    fields.setdefault("pool", _pool_of(at, config.people) if "to" in fields else None)
    decided = decide_acts([Asked(at, ask(at, kind, by, why, now, **fields))], by, config)
    if check:
        check(decided.settled[0].decision)
    return done_of(decided.write(now)[0])


def done_of(settled: Any) -> Done:
    """What a written act led to."""
    outcome = settled.decision.outcome
    owner = outcome.owner if outcome.status == "assigned" else None
    return Done(outcome.reason, settled.lead, settled.id, owner, outcome.status)


def _forbidden(decision: Any) -> None:
    candidate = decision.trace["candidates"][-1]
    if failed := candidate.get("failed"):
        code = "at_capacity" if "within_caps" in failed else "not_available"
        raise Refused(code, f"{candidate['name']} cannot take it: {_and(list(failed.values()))}. Nothing was changed.")


def _and(parts: list[str]) -> str:
    return " and ".join(parts)


def _pool_of(at: Standing, people: Any) -> int | None:
    """The pool that would have given the lead out: a lead taken out of turn is charged to it."""
    rule = at.rule
    if rule is None:
        return None
    team = people.teams.get(rule.target_team or 0)
    return rule.target_pool if rule.target_kind == "pool" else team.pool if team else None


def _hand_over(row: ReviewItem, to: int, by: By, now: datetime, seen: int | None) -> Done:
    named = row.owner
    if named.pk == to:
        raise Refused("no_change", f"{named.name} answers for this item already.")
    if seen is not None and named.pk != seen:
        raise Refused("changed", f"Somebody was faster: {named.name} answers for this item now. Look again.")
    name, state = Owner.objects.values_list("name", "state").get(pk=to)
    if state != Owner.State.ACTIVE:
        raise Refused("not_available", f"{name} is not active and cannot answer for an item. Nothing was changed.")
    ReviewItem.objects.filter(pk=row.pk, state=ReviewItem.State.OPEN).update(owner_id=to)
    if row.lead_id:
        about = row.get_reason_display()
        told = f"{by.name} named {name} for the review item “{about}”; before it was {named.name}."
        Note.objects.create(lead_id=row.lead_id, text=told, created_at=now)
    return Done(f"{name} answers for this item now.", row.lead_id, None, None, "")


def _stays_with(row: ReviewItem, owner: int) -> None:
    """Items about something else than who owns the lead stay open when it moves: its owner answers for them."""
    if row.reason in STAYING:
        ReviewItem.objects.filter(pk=row.pk, state=ReviewItem.State.OPEN).update(owner_id=owner)


def _close_item(row: ReviewItem, by: By, resolution: str, now: datetime) -> Done:
    ReviewItem.objects.filter(pk=row.pk, state=ReviewItem.State.OPEN).update(
        state=ReviewItem.State.CLOSED, closed_at=now, closed_by=by.user, resolution=resolution[:200]
    )
    return Done(f"{resolution}.", row.lead_id, None, None, "")
