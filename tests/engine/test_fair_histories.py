"""Section 8 over a thousand random histories; and each way to break the rotation is caught by the law it breaks."""

import os
import random
from collections import Counter
from fractions import Fraction

import pytest

from routing.engine.ledger import Reading, Row, sums
from routing.engine.rotation import Entry, Selection, Turn
from tests.engine.histories import Fair, History

HISTORIES = range(1_000 if os.environ.get("REVROUTE_FULL") == "1" else 40)


def test_the_laws_hold_over_joins_leaves_absences_caps_weights_skills_credits_and_claims() -> None:
    kinds, checked = Counter[str](), 0
    for seed in HISTORIES:
        history = History(seed, Fair()).play()
        kinds.update(row.kind for row in history.rows)
        checked += history.laws.checked
        reading = read(history)
        assert (reading.wrong, proven(reading, history)) == ([], 0)
        assert reading.v == {id: turn.v for id, turn in history.turns.items()}
        counted = Counter((row.member, str(row.amount)) for row in history.rows)
        assert sums((member, amount, count) for (member, amount), count in counted.items()) == reading.v
    assert min(kinds[kind] for kind in ("join", "return", "charge", "claim", "credit", "weight")) >= len(HISTORIES)
    assert checked > 50 * len(HISTORIES)


def read(history: History) -> Reading:
    """As the nightly check reads the stored rows."""
    reading = Reading()
    for n, row in enumerate(history.rows):
        reading.read(Row(n, row.member, row.kind, str(row.amount), str(row.before), str(row.after), n))
    return reading


def proven(reading: Reading, history: History) -> int:
    """Wrong prices, and suspicions about somebody who could have taken the lead."""
    weights = {id: member.weight for id, member in history.pool.items()}
    ahead = sum(found.other in history.able_at[found.row] for found in reading.suspicions)
    return ahead + len(reading.mispriced(weights))


# --- cheats


def recharged(selection: Selection | None, amount: Fraction) -> Selection | None:
    """The same choice at another price."""
    if selection is None:
        return None
    *before, charge = selection.entries
    paid = charge._replace(amount=amount, after=charge.before + amount)
    turn = selection.turns[charge.member]._replace(v=paid.after)
    return Selection(selection.member, (*before, paid), selection.turns | {charge.member: turn})


class WholeTurns(Fair):
    """Charges 1 whatever the weight."""

    def select(self, members, turns, able, here):
        return recharged(super().select(members, turns, able, here), Fraction(1))


class WeightForPrice(Fair):
    """Charges the weight instead of its inverse."""

    def select(self, members, turns, able, here):
        selection = super().select(members, turns, able, here)
        return selection and recharged(selection, Fraction(selection.member.weight))


class Rounded(Fair):
    """Charges 0.3333 for a third."""

    def select(self, members, turns, able, here):
        selection = super().select(members, turns, able, here)
        return selection and recharged(
            selection, Fraction(round(1 / selection.member.weight, 4)).limit_denominator(10_000)
        )


class ToAnother(Fair):
    """Gives the lead to whom `other` names, at the right price."""

    def other(self, line: list[tuple]) -> int:
        raise NotImplementedError

    def select(self, members, turns, able, here):
        fair = super().select(members, turns, able, here)
        if fair is None:
            return None
        *arrivals, charge = fair.entries
        v = {id: turn.v for id, turn in turns.items()} | {row.member: row.after for row in arrivals}
        known = {member.id: member for member in members if member.id in able}
        last = {id: turns[id].last if id in turns else 0 for id in known}
        line = sorted((v[id], last[id], member.position, id) for id, member in known.items())
        chosen = known[self.other(line)]
        after = v[chosen.id] + Fraction(1, chosen.weight)
        changed = {id: turn for id, turn in fair.turns.items() if id != charge.member}
        changed[charge.member] = Turn(v[charge.member], last[charge.member], False)
        changed[chosen.id] = Turn(after, fair.turns[charge.member].last, False)
        paid = Entry(chosen.id, "charge", Fraction(1, chosen.weight), v[chosen.id], after)
        return Selection(chosen, (*arrivals, paid), changed)


class SecondInLine(ToAnother):
    def other(self, line):
        return line[min(1, len(line) - 1)][-1]


class Lots(ToAnother):
    lots = random.Random(1)

    def other(self, line):
        return self.lots.choice(line)[-1]


class FirstByPosition(ToAnother):
    """Breaks ties by the list alone, not by who waited longest."""

    def other(self, line):
        return min((v, position, id) for v, _, position, id in line)[-1]


class LatestWinsTies(ToAnother):
    def other(self, line):
        return min((v, -last, position, id) for v, last, position, id in line)[-1]


def arriving(selection: Selection | None, to) -> Selection | None:
    """The same arrivals at another v: `to` takes a row. The choice stays as it was."""
    if selection is None:
        return None
    *arrivals, charge = selection.entries
    rows, changed = [], dict(selection.turns)
    for row in arrivals:
        after = to(row)
        rows.append(row._replace(amount=after - row.before, after=after))
        changed[row.member] = changed[row.member]._replace(v=after)
    before = {row.member: row.after for row in rows}.get(charge.member, charge.before)
    paid = charge._replace(before=before, after=before + charge.amount)
    changed[charge.member] = changed[charge.member]._replace(v=paid.after)
    return Selection(selection.member, (*rows, paid), changed)


class NoLift(Fair):
    """Who was away keeps the turns saved up meanwhile."""

    def select(self, members, turns, able, here):
        selection = super().select(members, turns, able, here)
        return arriving(selection, lambda row: row.before if row.kind == "return" else row.after)


class NeverAway(Fair):
    """Forgets that anybody was away."""

    def select(self, members, turns, able, here):
        return super().select(members, {id: turn._replace(away=False) for id, turn in turns.items()}, able, here)


class JoinsAtNought(Fair):
    def select(self, members, turns, able, here):
        selection = super().select(members, turns, able, here)
        return arriving(selection, lambda row: Fraction(0) if row.kind == "join" else row.after)


class BackOfTheLine(Fair):
    """Whoever returns starts behind everybody."""

    def select(self, members, turns, able, here):
        highest = max((turn.v for turn in turns.values()), default=Fraction(0)) + 1
        selection = super().select(members, turns, able, here)
        return arriving(selection, lambda row: max(row.before, highest) if row.kind == "return" else row.after)


class ResetOnEdit(Fair):
    def edit(self, id, turn):
        row, _ = super().edit(id, turn)
        return row, turn._replace(v=Fraction(0))


class ResetOnEditWithARow(Fair):
    def edit(self, id, turn):
        return Entry(id, "weight", -turn.v, turn.v, Fraction(0)), turn._replace(v=Fraction(0))


class FreeClaims(Fair):
    def claim(self, members, turns, id):
        return recharged(super().claim(members, turns, id), Fraction(0))


class CreditOfAWholeTurn(Fair):
    def credit(self, id, turn, charged):
        return super().credit(id, turn, Fraction(1))


class CreditWithoutARow(Fair):
    """Gives it back twice and enters it once."""

    def credit(self, id, turn, charged):
        row, after = super().credit(id, turn, charged)
        return row, after._replace(v=after.v - charged)


CHEATS = {
    WholeTurns: "bound", WeightForPrice: "bound", Rounded: "price", SecondInLine: "bound", Lots: "bound",
    FirstByPosition: "tie", LatestWinsTies: "tie", NoLift: "arrival", NeverAway: "arrival", JoinsAtNought: "arrival",
    BackOfTheLine: "arrival", ResetOnEdit: "sum", ResetOnEditWithARow: "edit", FreeClaims: "price",
    CreditOfAWholeTurn: "price", CreditWithoutARow: "sum",
}  # fmt: skip
"""Each with a law that catches it in some of forty histories, when no other law is held against them."""


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.__name__)
def test_every_cheat_is_caught_by_the_law_it_breaks_alone(cheat: type[Fair]) -> None:
    law = CHEATS[cheat]
    caught = 0
    for seed in range(40):
        try:
            History(seed, cheat(), only=law).play()
        except AssertionError as error:
            caught += str(error).startswith(f"{law}: ")
    assert caught >= 4, f"{cheat.__name__} got through {40 - caught} of 40 histories"
    if law == "bound":
        histories = [History(seed, cheat(), only="none").play() for seed in range(10)]
        assert any(proven(read(history), history) for history in histories)
