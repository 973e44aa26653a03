"""A number of ledger entries in; how long a night's check, a look in between and a pool's page take, out.

The entries are those of a real rotation over the benchmark's pools, with absences; all cite one stored decision.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from statistics import median
from typing import Any

from django.utils import timezone

from owners.models import Pool
from routing import adding_up
from routing.bench.data import Say
from routing.engine.rotation import Member, Rotation, Turn, fraction
from routing.line_up import line_ups
from routing.models import Decision, LedgerCheck, LedgerEntry, RotationState

AT_ONCE = 5_000
SHIFT = 50
"""So many leads pass between one change of who is there and the next."""
A_NIGHT = 10_000


def run(entries: int, repeats: int, say: Say) -> dict[str, Any]:
    """Seconds unless named. The first night reads the newest entries one by one, a usual one `A_NIGHT` of them."""
    now = timezone.now()
    missing = entries - LedgerEntry.objects.count()
    if missing > 0:
        say(f"writing {missing:,} entries")
        _fill(missing, now)
    figures: dict[str, Any] = {"entries": LedgerEntry.objects.count(), "members": RotationState.objects.count()}
    LedgerCheck.objects.all().delete()
    say("adding up")
    before = _memory()
    _timed(figures, "first_night", 1, lambda: _sound(adding_up.check(now)))
    figures["memory_mb"] = round(_memory() - before)
    newest = LedgerEntry.objects.order_by("-id").values_list("id", flat=True)[0]
    _set_back(newest - A_NIGHT)
    _timed(figures, "look_at_all", repeats, lambda: _sound(adding_up.differences()))
    pool = Pool.objects.order_by("id")[0].pk
    _timed(figures, "look_at_a_pool", repeats, lambda: _sound(adding_up.differences(pool)))
    _timed(figures, "line_up", repeats, lambda: line_ups([pool], now))
    _timed(figures, "line_up_with_shares", repeats, lambda: line_ups([pool], now, now - timedelta(days=30)))
    _timed(figures, "usual_night", 1, lambda: _sound(adding_up.check(now)))
    return figures


def _fill(entries: int, now: datetime) -> None:
    decision = Decision.objects.order_by("id").values_list("id", flat=True)[0]
    pools = list(Pool.objects.order_by("id"))
    for number, pool in enumerate(pools, start=1):
        members = [Member(row.pk, row.owner_id, row.weight, row.position) for row in pool.members.all()]
        known = RotationState.objects.filter(member__pool=pool).values_list("member", "v", "last", "away")
        rotation = Rotation(members, {id: Turn(fraction(v), last, away) for id, v, last, away in known})
        rows = []
        for row in _entries(rotation, members, entries // len(pools) + (number <= entries % len(pools))):
            rows.append(
                LedgerEntry(
                    member_id=row.member, decision_id=decision, kind=row.kind, amount=str(row.amount),
                    v_before=str(row.before), v_after=str(row.after), at=now,
                )
            )  # fmt: skip
        LedgerEntry.objects.bulk_create(rows, batch_size=AT_ONCE)
        RotationState.objects.bulk_create(
            [RotationState(member_id=id, v=str(t.v), last=t.last, away=t.away) for id, t in rotation.turns.items()],
            update_conflicts=True, unique_fields=["member"], update_fields=["v", "last", "away"],
        )  # fmt: skip


def _entries(rotation: Rotation, members: list[Member], count: int) -> Iterator[Any]:
    dice, ids, given, lead = Random(1), [member.id for member in members], 0, 0
    here = set(ids)
    while given < count:
        if lead % SHIFT == 0:
            here = set(dice.sample(ids, max(1, len(ids) * 4 // 5)))
        lead += 1
        selection = rotation.select(here, here)
        assert selection is not None
        rotation.apply(selection)
        given += len(selection.entries)
        yield from selection.entries


def _set_back(mark: int) -> None:
    """As if the last night had ended at that entry."""
    sums = adding_up.sums_up_to(mark)
    LedgerCheck.objects.update(mark=mark, sums={str(id): str(v) for id, v in sums.items()})


def _sound(found: list[Any]) -> None:
    if found:
        raise RuntimeError(f"The ledger of the benchmark does not add up: {found[0]}")


def _timed(figures: dict[str, Any], name: str, repeats: int, act: Callable[[], Any]) -> None:
    """The median of so many runs."""
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    figures[name] = round(median(took), 3)


def _memory() -> float:
    """The most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
