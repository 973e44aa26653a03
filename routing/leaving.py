"""Somebody who leaves and what shall become of their work in; state, references and leads moved, out.

One writer transaction changes the state, names an heir wherever the leaver was named, and moves the first hundred
open leads; what is left follows in batches (`routing.bulk`), which the worker finishes if the request dies. From the
first commit on no decision gives the leaver a lead: each is made under the same lock, by people read after it.

A lead goes through the one door like any other, with its reason, and keeps history and facts. Nobody gets a turn back
for it: the leaver had the lead, and whoever gets it in turn is charged for it. A lead that all go to by name costs
no turn. Accounts and open deals go to the heir before the leads are decided, so that rules which follow a customer or
a deal lead to whoever has them now; a lead's own deal goes on to the lead's new owner.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F

from leads.clean import clean_text
from leads.models import Company, Contact, Deal, Lead, Note, Source, Task
from owners.acting import acting, because
from owners.cover import circle, covers_at
from owners.models import Delegation, Owner, Pool, PoolMember, Team, Territory, User
from owners.roles import Role, role_of
from owners.writer import writing
from routing import rulebook
from routing.again import ask_all_again
from routing.current import in_force
from routing.hanging import BY_KEY, Hanging, hanging, needs_heir, open_leads
from routing.models import BulkMove, ReviewItem, Rule, RuleSetVersion, SlaLadder
from routing.moving import Asked, By, Standing, ask, decide_acts, standing
from routing.pipeline import EVERYBODYS
from routing.refused import Refused

logger = logging.getLogger(__name__)

CAUSE = "owner_left"
GONE = (Owner.State.INACTIVE, Owner.State.DEPARTED)
MAX_WHY = 140
FIRST = 100
ROWS = 1000
"""Contacts and tasks that one transaction hands over."""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall become of somebody's work. `state`: inactive or departed. `leads_to`: owner of all open leads, None:
    the rules decide about each. `heir`: of everything else. `switch_off`: their user may not sign in any more."""

    state: str
    why: str
    leads_to: int | None = None
    heir: int | None = None
    switch_off: bool = False


def leave(owner: int, wish: Wish, by: By, clock: Clock) -> BulkMove:
    """Do it, as far as the first transaction goes; `routing.bulk` goes on with the move that this gives.

    Raises Refused: gone, unknown_kind, why_missing, taken, no_change, unknown_owner, not_available, heir_missing,
    rules.
    """
    why = clean_text(" ".join(wish.why.split()), MAX_WHY)
    with acting(by.user), writing():
        now = clock()
        row = Owner.objects.select_related("user").filter(pk=owner).first()
        found = _check(row, owner, wish, why)
        assert row is not None
        move = BulkMove.objects.create(
            kind=BulkMove.Kind.LEAVER, state=BulkMove.State.RUNNING, owner=row, leads_to_id=wish.leads_to,
            heir_id=wish.heir, why=_cut(BulkMove, "why", f"{said(row.name, wish.state)}: {why}"),
            actor_id=by.user, created_at=now, started_at=now,
            total=Lead.objects.filter(open_leads(owner)).count(),
        )  # fmt: skip
        with because(move.why):
            if row.state != wish.state:
                row.state = wish.state
                row.save(update_fields=["state"])
            PoolMember.objects.filter(owner=row, active=True).update(active=False)
        if wish.switch_off and row.user is not None:
            User.objects.filter(pk=row.user.pk).update(is_active=False)
        _hand_over(row, wish.heir, {one.kind.key for one in found}, move, by, now)
        _first(move, by, now)
    return move


def _first(move: BulkMove, by: By, now: datetime) -> None:
    """The first leads, in the same transaction. A bad one among them must not keep anybody from leaving: then all of
    them follow with the rest, one by one."""
    try:
        with writing():
            if ids := next_leads(move, FIRST):
                move_leads(move, ids, by, now)
    except EVERYBODYS:
        raise
    except Exception as error:
        logger.warning("The first leads of move %s follow later (%s)", move.pk, type(error).__name__)


def said(name: str, state: str) -> str:
    """“Marco left”, for the reason of everything that follows."""
    return f"{name} left" if state == Owner.State.DEPARTED else f"{name} is inactive"


def _cut(model: Any, field: str, text: str) -> str:
    """The text as far as the column holds it: names may be long."""
    return text[: model._meta.get_field(field).max_length].rstrip()


def may_switch_off(user: Any, other: User | None) -> bool:
    """Whether `user` may keep `other` from signing in: not oneself, and an administrator only as one."""
    if other is None or other.pk == user.pk or not other.is_active:
        return False
    return role_of(other) != Role.ADMINISTRATOR or role_of(user) == Role.ADMINISTRATOR


def _check(row: Owner | None, owner: int, wish: Wish, why: str) -> list[Hanging]:
    if row is None:
        raise Refused("gone", f"There is no owner {owner}.")
    if wish.state not in GONE:
        raise Refused("unknown_kind", f"Somebody leaves as inactive or departed, not as “{wish.state[:20]}”.")
    if not why:
        raise Refused("why_missing", "Say why, in a few words: it stands on every lead that moves.")
    if BulkMove.objects.filter(kind=BulkMove.Kind.LEAVER, owner=row, state=BulkMove.State.RUNNING).exists():
        raise Refused("taken", f"{row.name}’s leads are on their way already.")
    found = hanging(owner)
    if row.state == wish.state and not found:
        raise Refused("no_change", f"{row.name} is {row.get_state_display()} already, and nothing hangs on them.")
    for person in {wish.leads_to, wish.heir} - {None}:
        _check_heir(row, person)
    if wish.heir is None and needs_heir(found):
        needing = ", ".join(one.said for one in found if one.kind.heir)
        raise Refused("heir_missing", f"Name who takes over {needing}.")
    return found


def _check_heir(row: Owner, person: int | None) -> None:
    heir = Owner.objects.filter(pk=person).values_list("name", "state").first()
    if heir is None:
        raise Refused("unknown_owner", f"There is no owner {person}.")
    if person == row.pk:
        raise Refused("not_available", f"{row.name} leaves, and cannot take over from themselves. Name somebody else.")
    if heir[1] != Owner.State.ACTIVE:
        raise Refused("not_available", f"{heir[0]} is {heir[1]} and cannot take over. Name somebody who is active.")


# --- what names the leaver ------------------------------------------------------------------------------------


def _hand_over(row: Owner, heir: int | None, kinds: set[str], move: BulkMove, by: By, now: datetime) -> None:
    """Name the heir wherever the leaver was named."""
    _delegations(row, heir)
    if heir is None:
        return
    name = Owner.objects.values_list("name", flat=True).get(pk=heir)
    _rules(row, heir, kinds, f"{said(row.name, row.state)}: {name} takes their place.", by, now)
    for model, fields in (
        (Pool, ("fallback_owner", "named_owner")), (Team, ("lead", "fallback_owner")), (Territory, ("owner",)),
        (Source, ("owner",)), (SlaLadder, ("named_owner",)),
    ):  # fmt: skip
        for field in fields:
            model._default_manager.filter(**{field: row}).update(**{field: heir})
    _covers(row, heir, now)
    _items(row, heir, name, by, now)
    Company.objects.filter(owner=row).update(owner=heir)
    Deal.objects.filter(owner=row, state=Deal.State.OPEN).update(owner=heir)


def _rules(row: Owner, heir: int, kinds: set[str], purpose: str, by: By, now: datetime) -> None:
    """Drafts are changed in place; of the version in force a copy with the heir is published, so that decisions name
    the version that they were made by."""
    drafts = RuleSetVersion.objects.filter(state=RuleSetVersion.State.DRAFT)
    _rename(drafts.values("pk"), row, heir)
    if not kinds & {"published", "versions"}:
        return
    version = RuleSetVersion.objects.filter(state=RuleSetVersion.State.PUBLISHED).first()
    if version is None or not (version.owner_id == row.pk or BY_KEY["published"].rows(row.pk).exists()):
        return
    draft = rulebook.copy_to_draft(version)
    RuleSetVersion.objects.filter(pk=draft.pk).update(
        purpose=_cut(RuleSetVersion, "purpose", f"{purpose} A copy of version {version.pk}.")
    )
    _rename([draft.pk], row, heir)
    user = User.objects.filter(pk=by.user).first() if by.user else None
    try:
        rulebook.publish(draft, user, now)
    except rulebook.RulebookError as error:
        sentence = "Nothing was done: the rules in force name them, and cannot be published again as they are."
        raise Refused("rules", " ".join((sentence, *error.problems))) from error


def _rename(versions: Any, row: Owner, heir: int) -> None:
    RuleSetVersion.objects.filter(pk__in=versions, owner=row).update(owner=heir)
    for field in ("owner", "fallback_owner"):
        Rule.objects.filter(version__in=versions, **{field: row}).update(**{field: heir})


def _covers(row: Owner, heir: int, now: datetime) -> None:
    """The heir covers instead; nobody does where that would go round in a circle, which covers nobody."""
    covered = set(Owner.objects.filter(cover=row).values_list("pk", flat=True))
    covers = {owner: by for owner, by in covers_at(now).items() if owner not in covered and owner != row.pk}
    alone = [owner for owner in covered if owner == heir or circle(owner, heir, covers)]
    Owner.objects.filter(pk__in=alone).update(cover=None, cover_until=None)
    Owner.objects.filter(cover=row).update(cover=heir)


def _delegations(row: Owner, heir: int | None) -> None:
    """Teams that the leaver managed besides their leads: the heir does; without one, nobody does any more."""
    if heir is None:
        Delegation.objects.filter(to=row).delete()
        return
    has = Delegation.objects.filter(to=heir).values("team")
    Delegation.objects.filter(to=row, team__in=list(has.values_list("team", flat=True))).delete()
    Delegation.objects.filter(to=row).update(to=heir)


def _items(row: Owner, heir: int, name: str, by: By, now: datetime) -> None:
    """Open review items get the heir; the lead's history says so."""
    items = list(ReviewItem.objects.filter(owner=row, state=ReviewItem.State.OPEN).only("lead", "reason"))
    ReviewItem.objects.filter(pk__in=[item.pk for item in items]).update(owner=heir)
    Note.objects.bulk_create(
        Note(
            lead_id=item.lead_id, created_at=now,
            text=f"{by.name} named {name} for the review item “{item.get_reason_display()}”; before it was {row.name}.",
        )
        for item in items if item.lead_id is not None
    )  # fmt: skip


# --- open leads, and what follows them ------------------------------------------------------------------------


def next_leads(move: BulkMove, size: int) -> list[int]:
    """The next open leads of the leaver, by id; none any more when they came back meanwhile."""
    if move.owner is None or move.owner.state == Owner.State.ACTIVE:
        return []
    rows = Lead.objects.filter(open_leads(move.owner_id or 0), pk__gt=move.after)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:size])


def move_leads(move: BulkMove, ids: Sequence[int], by: By, now: datetime) -> None:
    """Move these leads, and note how far the move is. Inside the writer transaction."""
    config = in_force()
    people = config.people.owners
    to = move.leads_to_id if move.leads_to_id in people and people[move.leads_to_id].state == "active" else None
    found = [at for at in standing(ids).values() if at.owner == move.owner_id]
    if found:
        asked = _given(found, to, move.why, by, now) if to else ask_all_again(found, by, move.why, now, CAUSE)
        decide_acts(asked, by, config).write(now)
    BulkMove.objects.filter(pk=move.pk).update(after=max(ids), done=F("done") + len(ids), moved=F("moved") + len(found))


def _given(found: Sequence[Standing], to: int, why: str, by: By, now: datetime) -> list[Asked]:
    return [Asked(at, ask(at, "reassign", by, why, now, to=to, cause=CAUSE)) for at in found]


def hand_over_rest(move: BulkMove) -> bool:
    """Once the leads are gone: some of the contacts and tasks to the heir; whether there were any."""
    if move.heir_id is None or move.owner is None or move.owner.state == Owner.State.ACTIVE:
        return False
    for rows in (
        Task.objects.filter(owner=move.owner_id, done_at=None, dropped_at=None),
        Contact.objects.filter(owner=move.owner_id),
    ):
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS])
        if ids:
            rows.model._default_manager.filter(pk__in=ids).update(owner=move.heir_id)
            return True
    return False
