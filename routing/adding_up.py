"""The ledger and the turns in, every member whose v is not the sum of their entries, and each broken bound, out.

Once a night the whole ledger is added up and the entries since the last night are read one by one
(`routing.engine.ledger`); in between, a look adds only the newer entries to the sums of that night. Mends nothing:
what does not add up is for people to look at, and they are told (doctor, Today, an e-mail to operators).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Max, Q

from leads.sql import execute
from owners.models import Installation, Pool, PoolMember
from routing.engine.ledger import Reading, Row, Suspicion, exact, sums
from routing.engine.pooling import able_owners
from routing.engine.rotation import ZERO
from routing.engine.text import mapping
from routing.lease import short_transaction
from routing.models import Decision, LedgerCheck, LedgerEntry
from routing.watch import tell_operators

NIGHT = time(2)
"""In the company's zone. A worker that did not run then catches up as soon as it does."""
ABANDONED = timedelta(minutes=15)
MOST_READ = 250_000
"""Entries that one night reads one by one, the newest: the first night of a large ledger leaves out the rest, whose
sum is checked all the same."""
MOST_SUSPICIONS = 2_000
KEPT = timedelta(days=7)
"""How long a broken bound is told of: its entries are not read again."""
WHAT_TO_DO = (
    "Routing goes on. Whoever is too far ahead or behind can be adjusted by hand on the pool's page.",
    "Look at `manage.py doctor`, and whether somebody changed rows of the database by hand.",
)

SUMS = """
SELECT 'sum', member_id, amount, COUNT(*), CASE WHEN id > %s THEN 1 ELSE 0 END
  FROM routing_ledgerentry WHERE id > %s {of_pool} GROUP BY member_id, amount, 5
UNION ALL
SELECT 'state', member_id, v, 0, 0 FROM routing_rotationstate WHERE 1 = 1 {of_pool}
"""
OF_POOL = "AND member_id IN (SELECT id FROM owners_poolmember WHERE pool_id = %s)"


class Difference(NamedTuple):
    """A member whose turn is not what their entries add up to. `v`: None: entries without a turn."""

    member: int
    v: Fraction | None
    entries: Fraction


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that cannot be with a sound ledger. `code`: ledger_sum, ledger_row, ledger_price or ledger_bound."""

    code: str
    sentence: str
    pool: int
    found: str


def differences(pool: int | None = None) -> list[Difference]:
    """Every member, of one pool or all, whose v is not the exact sum of their entries, by id; two queries."""
    seen = LedgerCheck.objects.filter(pk=1).values_list("mark", "sums").first() or (0, {})
    mark, kept = seen
    _, newer, states = _add_up(mark, mark, pool)
    known = {int(id): exact(v) for id, v in kept.items()}
    ids = newer.keys() | states.keys() | (known.keys() if pool is None else set())
    return _compare({id: known.get(id, ZERO) + newer.get(id, ZERO) for id in ids}, states)


def problems_now(now: datetime) -> list[Problem]:
    """What the last night found, and what does not add up at this moment; four queries at most."""
    kept = LedgerCheck.objects.filter(pk=1).values_list("problems", flat=True).first() or []
    known = [Problem(**row) for row in kept if row["code"] != "ledger_sum"]
    return [*_sentences_of(differences(), now), *known]


def check_nightly(clock: Callable[[], datetime]) -> int:
    """Check if a night has passed since the last check, and tell operators once what is wrong; how often it checked.

    One process does it: whoever claims the row. A claim that was left behind is taken over, so that a restart in the
    middle loses nothing.
    """
    now = clock()
    row = LedgerCheck.objects.filter(pk=1).values_list("checked_at", "claimed_at", "problems", "told_at").first()
    if row is None:
        with short_transaction():
            LedgerCheck.objects.bulk_create([LedgerCheck(pk=1)], ignore_conflicts=True)
        row = (None, None, [], None)
    checked, _, problems, told = row
    done = 0
    if is_due(checked, now) and _claim(now):
        check(now)
        done = 1
        problems, told = LedgerCheck.objects.values_list("problems", "told_at").get(pk=1)
    if problems and told is None:
        _tell([problem["sentence"] for problem in problems], now)
    return done


def is_due(checked: datetime | None, now: datetime) -> bool:
    """Whether 02:00 where the company is has passed since."""
    if checked is None or checked > now + ABANDONED:  # the clock was set back
        return True
    if now - checked < timedelta(hours=1):
        return False
    zone = ZoneInfo(Installation.objects.values_list("time_zone", flat=True).first() or "UTC")
    night = datetime.combine(checked.astimezone(zone).date(), NIGHT, zone)
    return (night if night > checked else night + timedelta(days=1)) <= now


def check(now: datetime) -> list[Problem]:
    """Add up the whole ledger, read the entries since the last check, keep and return what is wrong."""
    last = LedgerCheck.objects.get_or_create(pk=1)[0]
    top = LedgerEntry.objects.aggregate(top=Max("id"))["top"] or 0
    upto, beyond, states = _add_up(0, top)
    total = {id: upto.get(id, ZERO) + beyond.get(id, ZERO) for id in upto.keys() | beyond.keys() | states.keys()}
    found = [*_sentences_of(_compare(total, states), now), *_read(last, top, upto, now)]
    new = {problem.sentence for problem in found}
    since = (now - KEPT).isoformat()
    found += [
        Problem(**row)
        for row in last.problems
        if row["code"] != "ledger_sum" and row["found"] > since and row["sentence"] not in new
    ]
    told = last.told_at if new <= {row["sentence"] for row in last.problems} and found else None
    with short_transaction():
        LedgerCheck.objects.filter(pk=1).update(
            checked_at=now, claimed_at=None, mark=top, sums={str(id): str(v) for id, v in upto.items()},
            problems=[_stored(problem) for problem in found], told_at=told,
        )  # fmt: skip
    return found


def sums_up_to(mark: int) -> dict[int, Fraction]:
    """v by member, of the entries up to `mark` (an id)."""
    return _add_up(0, mark)[0]


def _claim(now: datetime) -> bool:
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - ABANDONED) | Q(claimed_at__gt=now + ABANDONED)
    with short_transaction():
        return bool(LedgerCheck.objects.filter(free, pk=1).update(claimed_at=now))


def _tell(sentences: list[str], now: datetime) -> None:
    """One mail by one process; a mail server that refuses is asked again with the next tick."""
    untold = LedgerCheck.objects.filter(pk=1, told_at=None)
    with short_transaction():
        if not untold.update(told_at=now):
            return
    if not tell_operators("RevRoute: a ledger does not add up", [*sentences[:20], *WHAT_TO_DO]):
        with short_transaction():
            LedgerCheck.objects.filter(pk=1, told_at=now).update(told_at=None)


def _add_up(mark: int, top: int, pool: int | None = None) -> tuple[dict, dict, dict[int, Fraction]]:
    """Sums by member of the entries after `mark` up to `top`, of those beyond, and every v: of one instant, because it
    is one statement."""
    where = "" if pool is None else OF_POOL
    values = [top, mark] if pool is None else [top, mark, pool, pool]
    rows = list(execute(SUMS.format(of_pool=where), values))
    upto = sums((id, text, many) for kind, id, text, many, late in rows if kind == "sum" and not late)
    beyond = sums((id, text, many) for kind, id, text, many, late in rows if kind == "sum" and late)
    return upto, beyond, {id: exact(text) for kind, id, text, *_ in rows if kind == "state"}


def _compare(entries: Mapping[int, Fraction], states: Mapping[int, Fraction]) -> list[Difference]:
    found = (Difference(id, states.get(id), total) for id, total in sorted(entries.items()))
    return [one for one in found if one.v != one.entries]


def _read(last: LedgerCheck, top: int, upto: Mapping[int, Fraction], now: datetime) -> list[Problem]:
    """Read the new entries, a reading for each pool, and judge what looks wrong."""
    start = max(last.mark, top - MOST_READ)
    rows = LedgerEntry.objects.filter(id__gt=start, id__lte=top)
    moved = set(rows.order_by().values_list("member", flat=True).distinct())
    pools = dict(PoolMember.objects.filter(_of_pools_of(moved)).values_list("pk", "pool_id"))
    starts: dict[int, dict[int, Fraction]] = defaultdict(dict)
    for member, pool in pools.items():
        if member not in moved and member in upto:
            starts[pool][member] = upto[member]
        elif start == last.mark and str(member) in last.sums:
            starts[pool][member] = exact(last.sums[str(member)])
    readings: dict[int, Reading] = {}
    columns = ("id", "member_id", "kind", "amount", "v_before", "v_after", "decision_id")
    for values in rows.order_by("id").values_list(*columns).iterator(chunk_size=5_000):
        row = Row(*values)
        pool = pools[row.member]
        if pool not in readings:
            readings[pool] = Reading(starts[pool])
        readings[pool].read(row)
    return list(_judge(readings, priced=last.mark > 0, now=now))


def _of_pools_of(moved: set[int]) -> Q:
    """Members of the pools in which somebody moved."""
    return Q(pool__in=PoolMember.objects.filter(pk__in=moved).values("pool")) if moved else Q(pk__in=())


def _judge(readings: Mapping[int, Reading], *, priced: bool, now: datetime) -> Iterator[Problem]:
    """`priced`: whether edits of weights are sure to be in the ledger, which they are since the first check."""
    pools = Pool.objects.in_bulk(readings)
    members = PoolMember.objects.filter(pool__in=pools).select_related("owner")
    by_id = {member.pk: member for member in members}
    at = now.isoformat()
    suspicions: list[tuple[int, Suspicion]] = []
    for id, reading in readings.items():
        name = pools[id].name
        if reading.wrong:
            yield Problem(
                "ledger_row", f"{_entries(reading.wrong)} of {name} does not follow from the one before.", id, at
            )
        if pools[id].method != Pool.Method.ROTATION:
            continue  # another method owes the rotation nothing
        weights = {pk: member.weight for pk, member in by_id.items() if member.pool_id == id}
        if priced and (odd := reading.mispriced(weights)):
            yield Problem("ledger_price", f"{_entries(odd)} of {name} cost another turn than the weight says.", id, at)
        suspicions += [(id, one) for one in reading.suspicions]
    for id, one in _proven(suspicions[:MOST_SUSPICIONS], by_id):
        ahead, behind = by_id[one.member].owner.name, by_id[one.other].owner.name
        yield Problem(
            "ledger_bound",
            f"{ahead} got a lead in {pools[id].name} out of line: v was {one.ahead} ahead of {behind}, who could have "
            f"taken it; {one.allowed} is allowed (entry {one.row}).",
            id, at,
        )  # fmt: skip


def _entries(ids: list[int]) -> str:
    return f"Entry {ids[0]}" if len(ids) == 1 else f"Entry {ids[0]}, like {len(ids) - 1} more,"


def _proven(
    suspicions: list[tuple[int, Suspicion]], members: Mapping[int, PoolMember]
) -> Iterator[tuple[int, Suspicion]]:
    """Those where the decision says that whoever stood behind could have taken the lead."""
    wanted = sorted({one.decision for _, one in suspicions if one.decision})
    traces: dict[int, Any] = {}
    for begin in range(0, len(wanted), 200):
        rows = Decision.objects.filter(pk__in=wanted[begin : begin + 200]).values_list("pk", "trace")
        traces |= {pk: able_owners(mapping(trace)) for pk, trace in rows}
    for pool, one in suspicions:
        if one.member in members and one.other in members:
            able = traces.get(one.decision)
            if able and able(members[one.other].owner_id):
                yield pool, one


def _sentences_of(found: Iterable[Difference], now: datetime) -> list[Problem]:
    found = list(found)
    rows = PoolMember.objects.filter(pk__in=[one.member for one in found]).select_related("owner", "pool")
    members = {row.pk: row for row in rows} if found else {}
    told = []
    for one in found:
        member = members[one.member]
        v = "none" if one.v is None else one.v
        sentence = (
            f"The v of {member.owner.name} in {member.pool.name} is {v}, but their ledger adds up to {one.entries}."
        )
        told.append(Problem("ledger_sum", sentence, member.pool_id, now.isoformat()))
    return told


def _stored(problem: Problem) -> dict[str, Any]:
    return {"code": problem.code, "sentence": problem.sentence, "pool": problem.pool, "found": problem.found}
