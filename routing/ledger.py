"""A credit, an adjustment or an edit of a pool in, its ledger row and the member's new turn out.

Rows that a lead brings (join, return, charge, claim) are written with its decision (routing.rows). All are written
under the writer lock, and a member's turn is the sum of theirs: both change together or not at all.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.db import models
from django.utils.timezone import now as clock

from leads.clean import clean_text
from owners.acting import actor, reason_given
from owners.configuration import Edits, Values, on_edit
from owners.models import Pool, PoolMember
from owners.writer import is_writing, writing
from routing.engine.rotation import Entry, Kind, Turn, fraction, moved
from routing.models import LedgerEntry, RotationState
from routing.moving import By
from routing.refused import Refused

CREDITED = {
    "spam": "spam",
    "duplicate": "a duplicate",
    "misroute": "sent to the wrong person",
}
"""What a lead may turn out to be that gives the turn back. A missed SLA is none of it."""
MOST_TURNS = 100
MAX_REASON = 200


def credit(lead: int, member: int | None, cause: str, by: By, now: datetime) -> str:
    """Give the member the turn back that the lead cost; who got it, as a sentence, or nothing where none is due.

    `member`: whose turn brought the lead to the owner it had. Exactly what was charged is given back, once for each
    charge, whatever the weight is now. Call inside the writer transaction.
    """
    if cause not in CREDITED or member is None:
        return ""
    charges = LedgerEntry.objects.filter(decision__lead=lead, member=member, kind__in=("charge", "claim"))
    charged = charges.select_related("member__owner", "member__pool").order_by("-id").first()
    if charged is None:
        return ""
    given = LedgerEntry.objects.filter(decision=charged.decision_id, member=member, kind=LedgerEntry.Kind.CREDIT)
    turn = _turn(member)
    if turn is None or given.exists():
        return ""
    amount = -fraction(charged.amount)
    _write(member, "credit", turn, amount, CREDITED[cause], by.user, now, charged.decision_id)
    return f"{charged.member.owner.name} has the turn in {charged.member.pool.name} back."


def adjust(member: int, turns: Fraction, by: By, why: str, now: datetime) -> str:
    """Move a member by whole or broken turns; what happened, as a sentence. Positive: later, as if a lead had come.

    Raises Refused: gone, why_missing, bad_amount, no_turn.
    """
    why = clean_text(" ".join(why.split()), MAX_REASON)
    if not why:
        raise Refused("why_missing", "Say why, in a few words: it stands in the ledger for everybody in the pool.")
    if not turns or abs(turns) > MOST_TURNS:
        raise Refused("bad_amount", f"Give a number of turns between -{MOST_TURNS} and {MOST_TURNS}, and not 0.")
    with writing():
        row = PoolMember.objects.select_related("owner", "pool").filter(pk=member).first()
        if row is None:
            raise Refused("gone", f"There is no member {member}.")
        turn = _turn(member)
        if turn is None:
            raise Refused(
                "no_turn",
                f"{row.owner.name} has no turn in {row.pool.name} yet and joins level with the others. Wait for the "
                "first lead.",
            )
        _write(member, "adjust", turn, turns / row.weight, why, by.user, now)
    many = f"{abs(turns)} turn{'' if abs(turns) == 1 else 's'}"
    way = "later" if turns > 0 else "earlier"
    return f"{row.owner.name} comes {many} {way} in {row.pool.name}: {why}"


@on_edit
def write_edits(model: type[models.Model], edits: Edits) -> None:
    """The rows of an edit: it moves nobody, and says where a new common period begins."""
    if model is PoolMember:
        turns = _turns(member__in=list(edits))
        edited = [line for member, (before, after) in edits.items() for line in _edited(member, before, after)]
        _enter((member, kind, turns[member], why) for member, kind, why in edited if member in turns)
    elif model is Pool:
        for pool, (before, after) in edits.items():
            _method_changed(pool, before["method"], after["method"])


def _edited(member: int, before: Values, after: Values) -> Iterator[tuple[int, Kind, str]]:
    """Another weight, or another state. Who comes back is told by the return that the next lead brings."""
    old, new = before["weight"], after["weight"]
    if old != new:
        yield member, "weight", f"weight {old} → {new}"
    if before["active"] and not after["active"]:
        yield member, "leave", reason_given() or "made inactive"


def _method_changed(pool: int, before: str, after: str) -> None:
    """What another method gave out owes nothing to the rotation: its bound begins anew for everybody."""
    names = dict(Pool.Method.choices)
    reason = f"method {names.get(before, before)} → {names.get(after, after)}"
    _enter((member, "adjust", turn, reason) for member, turn in _turns(member__pool=pool).items())


def _turns(**which: Any) -> dict[int, Turn]:
    """Turns by member, of members who ever took part."""
    rows = RotationState.objects.filter(**which).order_by("pk").values_list("pk", "v", "last", "away")
    return {member: Turn(fraction(v), last, away) for member, v, last, away in rows}


def _turn(member: int) -> Turn | None:
    return _turns(pk=member).get(member)


def _enter(edits: Iterable[tuple[int, Kind, Turn, str]]) -> None:
    """The rows of edits that move nobody, in one statement."""
    user, now = actor(), clock()
    LedgerEntry.objects.bulk_create(
        _row(moved(member, kind, turn, Fraction(0))[0], reason, user, now) for member, kind, turn, reason in edits
    )


def _row(entry: Entry, reason: str, user: int | None, now: datetime, decision: int | None = None) -> LedgerEntry:
    if not is_writing():
        raise RuntimeError("Turns change only inside the writer transaction.")
    return LedgerEntry(
        member_id=entry.member, decision_id=decision, kind=entry.kind, amount=str(entry.amount),
        v_before=str(entry.before), v_after=str(entry.after), reason=reason[:MAX_REASON], actor_id=user, at=now,
    )  # fmt: skip


def _write(
    member: int, kind: Kind, turn: Turn, amount: Fraction, reason: str, user: int | None, now: datetime,
    decision: int | None = None,
) -> None:  # fmt: skip
    entry, after = moved(member, kind, turn, amount)
    _row(entry, reason, user, now, decision).save()
    if amount:
        RotationState.objects.filter(pk=member).update(v=str(after.v))
