"""A number of open clocks in; what a tick costs, how many rungs a second are climbed, and how late they are, out.

The clocks stand behind the oldest stored leads, one each, which get an event and a decision. Bursts are bursts of
reminders (two messages each) and of breaches that tell the owner and the team lead (four messages and a fact each).
Beside each runs its floor: the same rows, made by three or four bare statements a batch out of the clocks themselves.
`cpu_us` is what this process itself computes for a rung, which holds on a machine that others keep busy as well; on
SQLite it is all there is, on PostgreSQL the server's share is not in it.
Moves are those of leads that were really routed, to whoever covers and to the next member of their pool.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from statistics import median, quantiles
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F
from django.utils import timezone

from leads.models import Lead
from owners.models import Owner, Team
from owners.writer import writing
from routing import escalation, pipeline
from routing.bench import company
from routing.bench.data import Say, Statements, without_checks
from routing.bench.statements import store_waiting
from routing.models import Decision, Delivery, Escalation, Fact, RuleSetVersion, SlaClock, SlaLadder, SlaPolicy, SlaRung
from routing.revision import current_revision

BUDGET = timedelta(minutes=30)
FAR = timedelta(days=300)
IDLE_TICKS = 200
STREAM_PER_SECOND, STREAM_SECONDS, TICK = 200, 60, 1.0
MOVED = 1000


class Burst(NamedTuple):
    """Clocks of a kind that are all due at the share of their budget; how many messages each rung owes."""

    kind: str
    share: float
    messages: int
    facts: int


REMINDERS = Burst("first_touch", 0.8, 2, 0)
BREACHES = Burst("accepted", 1.0, 4, 1)


def run(stored: int, clocks: int, repeats: int, seconds: float, say: Say) -> dict[str, Any]:
    """The figures; medians over the repeats. `seconds`: of the stream, 60 at most."""
    count = min(clocks, stored)
    say(f"storing what {count:,} clocks stand on")
    _make_decisions(stored, count)
    figures: dict[str, Any] = {"clocks": count, "batch": escalation.BATCH}
    say("idle ticks")
    figures |= _idle(count)
    for name, burst in (("reminders", REMINDERS), ("breaches", BREACHES)):
        rows = []
        for repeat in range(repeats):
            rows.append(_beside_floor(burst, count, bool(repeat % 2)))
            say(f"{name} {repeat + 1}: {rows[-1]}")
        figures[name] = {key: round(median(row[key] for row in rows), 3) for key in rows[0]}
        figures[name]["ratios"] = [row["ratio"] for row in rows]
    say("a stream")
    figures["stream"] = _stream(count, int(min(STREAM_SECONDS, seconds)))
    for name, move in (("moves_to_cover", "cover"), ("moves_to_members", "member")):
        figures[name] = _moves(stored, min(MOVED, count), move)
        say(f"{name}: {figures[name]}")
    _clear()
    return figures


# --- what it stands on ------------------------------------------------------------------------------------


def _make_decisions(stored: int, count: int) -> None:
    """An event and a decision for each of the oldest leads, which are open now."""
    done = Decision.objects.filter(pk__lte=count).count()
    if done >= count:
        return
    with writing():
        revision, _ = current_revision(timezone.now())
        version = RuleSetVersion.objects.order_by("-id").values_list("pk", flat=True)[0]
        made = Statements(stored, version, revision)
        last = min(count, made.first_open - 1)
        with without_checks(), connection.cursor() as cursor:
            for sql in made.decided(1, last):
                cursor.execute(sql)
        Lead.objects.filter(pk__lte=last).update(state=Lead.State.ASSIGNED)
        Team.objects.update(lead=Owner.objects.order_by("-pk")[0])
    _analyse()


def _analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _clear() -> None:
    """Take away all clocks and what came of them."""
    tables = (Escalation, Fact, SlaClock)
    with connection.cursor() as cursor:
        for model in tables:
            cursor.execute(f"DELETE FROM {model._meta.db_table}")
        cursor.execute("DELETE FROM routing_delivery WHERE kind IN ('reminder', 'escalation')")


def _lay(burst: Burst, ids: Iterable[int], due: Callable[[int], datetime]) -> None:
    """Open clocks of the decisions, and nothing else; `due`: when the rung of the number-th is."""
    _clear()
    owners = dict(Decision.objects.filter(pk__in=range(1, max(ids) + 1)).values_list("pk", "owner_id"))
    rows = []
    for number, id in enumerate(ids):
        at = due(number)
        start = at - BUDGET * burst.share
        rows.append(
            SlaClock(
                lead_id=id,
                decision_id=id,
                owner_id=owners[id],
                kind=burst.kind,
                policy_key="usual",
                budget_seconds=int(BUDGET.total_seconds()),
                started_at=start,
                due_at=start + BUDGET,
                next_rung_at=at,
            )
        )
    SlaClock.objects.bulk_create(rows, batch_size=5000)
    _analyse()


# --- idle, bursts -----------------------------------------------------------------------------------------


def _idle(count: int) -> dict[str, float]:
    now = timezone.now()
    _lay(REMINDERS, range(1, count + 1), lambda _: now + FAR)
    took = [_seconds(lambda: escalation.sweep(now)) for _ in range(IDLE_TICKS)]
    return {
        "idle_tick_ms": round(median(took) * 1000, 3),
        "idle_tick_p99_ms": round(quantiles(took, n=100)[98] * 1000, 3),
    }


def _beside_floor(burst: Burst, count: int, floor_first: bool) -> dict[str, float]:
    parts: list[Callable[[], dict[str, float]]] = [
        lambda: _climbed(burst, count), lambda: _floor(burst, count),
    ]  # fmt: skip
    row: dict[str, float] = {}
    for part in reversed(parts) if floor_first else parts:
        row |= part()
    row["ratio"] = round(row["per_s"] / row["floor_per_s"], 3)
    return {name: row[name] for name in sorted(row)}


def _climbed(burst: Burst, count: int) -> dict[str, float]:
    """Rungs a second of a burst, and the longest of its transactions."""
    now = timezone.now()
    _lay(burst, range(1, count + 1), lambda _: now)
    begun, cpu = time.perf_counter(), time.process_time()
    batches = [_seconds(lambda: escalation.sweep(now, escalation.BATCH)) for _ in range(0, count, escalation.BATCH)]
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    _expect(Escalation.objects.count(), count, "rungs")
    _expect(Delivery.objects.filter(kind__in=["reminder", "escalation"]).count(), count * burst.messages, "messages")
    return {
        "per_s": round(count / took, 1), "cpu_us": round(cpu / count * 1e6, 1),
        "longest_batch_ms": round(max(batches) * 1000, 1),
    }  # fmt: skip


def _floor(burst: Burst, count: int) -> dict[str, float]:
    """The same rows by bare statements, in batches of the same size."""
    now = timezone.now()
    _lay(burst, range(1, count + 1), lambda _: now)
    low, high = SlaClock.objects.order_by("id")[0].pk, SlaClock.objects.order_by("-id")[0].pk
    statements = _floor_statements(burst)
    begun, cpu = time.perf_counter(), time.process_time()
    for first in range(low, high + 1, escalation.BATCH):
        with writing(), connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql, [first, first + escalation.BATCH - 1])
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    _expect(Escalation.objects.count(), count, "rungs of the floor")
    return {"floor_per_s": round(count / took, 1), "floor_cpu_us": round(cpu / count * 1e6, 1)}


def _floor_statements(burst: Burst) -> list[str]:
    among = "FROM routing_slaclock c WHERE c.id BETWEEN %s AND %s"
    change = "state = 'breached', ended_at = due_at, next_rung_at = NULL" if burst.facts else "next_rung_at = due_at"
    sql = [
        f"UPDATE routing_slaclock SET {change} WHERE id BETWEEN %s AND %s",
        "INSERT INTO routing_escalation (clock_id, rung, action, due_at, fired_at, late_seconds, note)"
        f" SELECT c.id, 80, 'remind', c.started_at, c.due_at, 0, '' {among}",
        "INSERT INTO routing_delivery (decision_id, owner_id, kind, channel, state, attempts, next_try_at, created_at,"
        " error, occasion, address) SELECT c.decision_id, c.owner_id, 'reminder', m.channel, 'owed', 0, c.due_at,"
        " c.started_at, '', m.occasion, '' FROM routing_slaclock c CROSS JOIN (" + _messages(burst.messages) + ") m"
        " WHERE c.id BETWEEN %s AND %s",
    ]
    if burst.facts:
        sql.append(
            "INSERT INTO routing_fact (lead_id, kind, at, decision_id, owner_id, detail)"
            f" SELECT c.lead_id, 'breached', c.due_at, c.decision_id, c.owner_id, c.kind {among}"
        )
    return sql


def _messages(count: int) -> str:
    rows = [(channel, occasion) for occasion in range(count // 2) for channel in ("in_app", "email")]
    return " UNION ALL ".join(f"SELECT '{channel}' AS channel, 'o{occasion}' AS occasion" for channel, occasion in rows)


# --- a stream, moves --------------------------------------------------------------------------------------


def _stream(count: int, seconds: int) -> dict[str, float]:
    """How late the rungs of a steady stream are, in seconds: from their instant to the commit, with a tick of one
    second, as the worker's."""
    number = min(count, STREAM_PER_SECOND * seconds)
    begin = timezone.now() + timedelta(seconds=1 + number / 500)  # they are stored meanwhile
    _lay(REMINDERS, range(1, number + 1), lambda place: begin + timedelta(seconds=place / STREAM_PER_SECOND))
    time.sleep(max(0.0, (begin - timezone.now()).total_seconds()))
    late: list[float] = []
    busy = 0.0
    mark = 0
    while len(late) < number:
        time.sleep(TICK)
        busy += _seconds(lambda: escalation.keep_up(timezone.now))
        ended = timezone.now()
        new = list(Escalation.objects.filter(pk__gt=mark).order_by("pk").values_list("pk", "due_at"))
        late += [(ended - due).total_seconds() for _, due in new]
        mark = new[-1][0] if new else mark
    cuts = quantiles(late, n=100)
    return {
        "rungs": number, "per_s": STREAM_PER_SECOND, "late_p50_s": round(cuts[49], 2), "late_p99_s": round(cuts[98], 2),
        "late_max_s": round(max(late), 2), "busy_s": round(busy, 2),
    }  # fmt: skip


def _moves(stored: int, count: int, move: str) -> dict[str, float]:
    """Leads a second that go on by escalation, through the door; and the longest of its transactions."""
    _clear()
    _give_ladder(move)
    store_waiting(count, stored, False)
    pipeline.drain()
    now = timezone.now() + timedelta(days=30)
    SlaClock.objects.exclude(kind="no_activity").delete()
    SlaClock.objects.update(next_rung_at=F("due_at"))
    Escalation.objects.bulk_create(
        Escalation(clock_id=id, rung=50, action="remind", due_at=now, fired_at=now, late_seconds=0)
        for id in SlaClock.objects.values_list("pk", flat=True)
    )
    _analyse()  # what was filled at once just now: the server's own look at it would come in the middle
    batches: list[float] = []
    moved = 0
    while swept := _timed(batches, lambda: escalation.sweep(now, escalation.MOVES)):
        moved += swept.moved
        if not swept.rungs:
            break
    if moved < count / 2:  # some are of buyers who are known already, and appended
        raise RuntimeError(f"{moved} of {count} leads moved")
    return {"moved": moved, "per_s": round(moved / sum(batches), 1), "longest_batch_ms": round(max(batches) * 1000, 1)}


def _give_ladder(move: str) -> None:
    """The built-in ladder with everybody covered by the next of their pool, or one that goes to members."""
    owners = list(Owner.objects.filter(key__startswith=company.OWNER_PREFIX).order_by("id"))
    for place, owner in enumerate(owners):
        owner.cover = owners[place - 1]
    Owner.objects.bulk_update(owners, ["cover"])
    ladder = None
    if move != "cover":
        ladder, _ = SlaLadder.objects.get_or_create(key=move, defaults={"name": move, "named_owner": owners[0]})
        SlaRung.objects.get_or_create(ladder=ladder, percent=100, defaults={"tell_lead": True, "move": move})
    for policy in SlaPolicy.objects.all():
        policy.no_activity_ladder = ladder
        policy.save()


def _timed(batches: list[float], act: Callable[[], escalation.Swept]) -> escalation.Swept:
    begun = time.perf_counter()
    swept = act()
    batches.append(time.perf_counter() - begun)
    return swept


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _expect(found: int, wanted: int, what: str) -> None:
    if found != wanted:
        raise RuntimeError(f"{found} {what} were written, and not {wanted}; something else sweeps this database")
