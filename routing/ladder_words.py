"""A ladder in, what it does said in one plain sentence out. Reads no rows: names of people and pools come with it."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from leads.models import Lead
from routing.engine.ladder import BUILT_IN, Ladder, Rung
from routing.models import SlaLadder, SlaRung

MOVES = {
    "cover": "to the cover person", "member": "to the next member of its pool not yet tried",
    "queue": "into the queue of the team", "named": "for review to {named}", "pool": "to pool {pool}",
}  # fmt: skip
TEAM_LEAD = "the team lead, or whoever answers for the rules,"
NOBODY_NAMED = "a pool that is gone"


def in_words(ladder: Ladder, named: str = "", pools: Mapping[int, str] | None = None) -> str:
    """“At 50 % the owner is reminded; in the end Ada answers for it.” `named`: who does; `pools`: names by id."""
    parts = [_rung(rung, named or "the team lead", pools or {}) for rung in _in_order(ladder.rungs)]
    if named or ladder.moves:  # else it is never taken from its owner
        parts.append(f"in the end {named or TEAM_LEAD} answers for it")
    told = "; ".join(parts)
    return f"{told[0].upper()}{told[1:]}."


def row_in_words(row: SlaLadder) -> str:
    """The same of a row; reads its rungs, their pools and its named owner where they were not fetched before."""
    rows = list(row.rungs.all())
    ladder = Ladder(tuple(rung_of(rung) for rung in rows))
    return in_words(ladder, row.named_owner.name, {rung.pool_id: rung.pool.name for rung in rows if rung.pool})


def built_in_words(kind: str) -> str:
    """What is done about clocks of the kind where the policy names no ladder."""
    ladder = BUILT_IN[kind]
    return in_words(ladder) if ladder.rungs else "The breach is noted."


def rung_of(row: SlaRung) -> Rung:
    """A row as the engine's value."""
    return Rung(
        row.percent or 0, row.minutes or 0, row.remind, row.tell_lead, row.move, row.pool_id, row.priority or 0,
        row.webhook,
    )  # fmt: skip


def when(rung: Rung) -> str:
    """“at 50 %” or “after 20 min”."""
    return f"at {rung.percent} %" if rung.percent else f"after {rung.minutes:,} min"


def host_of(address: str) -> str:
    """Who is told, for readers of any role: the rest of an address may hold a secret."""
    return urlsplit(address).hostname or "an address"


def _in_order(rungs: Iterable[Rung]) -> list[Rung]:
    """Shares before minutes: which of the two comes first depends on the budget."""
    return sorted(rungs, key=lambda rung: (not rung.percent, rung.percent, rung.minutes))


def _rung(rung: Rung, named: str, pools: Mapping[int, str]) -> str:
    return f"{when(rung)} {done_in_words(rung, named, pools) or 'nothing is done'}"


def done_in_words(rung: Rung, named: str, pools: Mapping[int, str]) -> str:
    """What is done at it; empty where nothing is."""
    done = []
    if rung.remind:
        done.append("the owner is reminded")
    if rung.tell_lead:
        done.append("the team lead is told")
    if rung.move:
        pool = pools.get(rung.pool or 0, NOBODY_NAMED)
        done.append(f"the lead goes {MOVES[rung.move].format(named=named, pool=pool)}")
    if rung.priority:
        done.append(f"its priority is {Lead.Priority(rung.priority).label} or higher")
    if rung.webhook:
        done.append(f"{host_of(rung.webhook)} is told by webhook")
    return _joined(done) if done else ""


def _joined(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
