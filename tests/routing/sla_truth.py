"""A period, an instant and a condition in, every number of the SLA report counted by SQL out: written from SPEC.md,
without a look at how the report counts."""

from datetime import UTC, datetime
from statistics import median
from typing import Any

from django.db import connection

AS_STORED = "%Y-%m-%d %H:%M:%S" if connection.vendor == "sqlite" else "%Y-%m-%d %H:%M:%S+00"
SALES = "a.detail IN ('assigned', 'review', 'held')"


def plus(instant: str, seconds: int) -> str:
    """So many seconds later, as Django stores it. Instants of whole seconds only."""
    if connection.vendor == "postgresql":
        return f"({instant} + interval '{seconds} seconds')"
    return f"strftime('%Y-%m-%d %H:%M:%S', {instant}, '+{seconds} seconds')"


def first(what: str, kind: str) -> str:
    """Of the lead's first fact of a kind."""
    return (
        f"(SELECT f.{what} FROM routing_fact f WHERE f.lead_id = a.lead_id AND f.kind = '{kind}' ORDER BY f.id LIMIT 1)"
    )


def promise(kind: str, decision: str = "") -> str:
    """When the first promise of a kind ends."""
    of = f"c.lead_id = a.lead_id AND c.kind = '{kind}'" + (f" AND c.decision_id = {decision}" if decision else "")
    return f"(SELECT c.due_at FROM routing_slaclock c WHERE {of} ORDER BY c.id LIMIT 1)"


def some(condition: str) -> str:
    """Whether the lead has a fact like that."""
    return f"EXISTS (SELECT 1 FROM routing_fact f WHERE f.lead_id = a.lead_id AND {condition})"


MOVED = "f.kind = 'reassigned' AND f.detail NOT IN ('nurture', 'reject')"
TOUCHED, OWNED = first("at", "touched"), first("at", "owned")
OWNER, BY = first("owner_id", "owned"), first("decision_id", "owned")
DUE = f"COALESCE({promise('accepted', BY)}, {promise('first_touch', BY)})"
DECLINED = some(f"f.kind = 'declined' AND f.owner_id = {OWNER} AND f.at <= {DUE}")
ACCEPTED = some(f"f.kind = 'accepted' AND f.owner_id = {OWNER} AND f.at <= {DUE}")
TAKEN = some(f"f.kind IN ('reassigned', 'closed') AND f.at <= {DUE}")
HAD = f"{SALES} AND {OWNED} IS NOT NULL"
FAULTLESS = f"{MOVED} AND f.detail NOT IN ('accepted', 'first_touch', 'no_activity')"


def untouched(seconds: int) -> str:
    """Whether nobody had been in touch so long after the arrival."""
    return f"COALESCE({TOUCHED} > {plus('a.at', seconds)}, TRUE)"


MEASURES = {
    "within": (f"{SALES} AND {promise('first_touch')} <= %(now)s", f"{TOUCHED} <= {promise('first_touch')}"),
    "unworked_60": (f"{SALES} AND {plus('a.at', 3600)} <= %(now)s", untouched(3600)),
    "owned_1": (f"{SALES} AND {plus('a.at', 60)} <= %(now)s", f"{OWNED} <= {plus('a.at', 60)}"),
    "inactive_30": (f"{SALES} AND {plus('a.at', 1800)} <= %(now)s", untouched(1800)),
    "exceptions": ("a.detail <> 'rejected'", "(d.route_flag <> 'ok' OR d.status = 'review')"),
    "duplicates": ("a.detail <> 'rejected'", "a.detail = 'appended'"),
    "accepted": (
        f"{HAD} AND {DUE} <= %(now)s AND ({DECLINED} OR {ACCEPTED} OR NOT {TAKEN})",
        f"{ACCEPTED} AND NOT {DECLINED}",
    ),
    "booked": (SALES, some("f.kind = 'booked'")),
    "reassigned": (HAD, some(MOVED)),
    "reassigned_touched": (HAD, some(f"{MOVED} AND f.at >= {TOUCHED}")),
    "first_right": (
        f"{HAD} AND {plus(OWNED, 604800)} <= %(now)s",
        "NOT " + some(f"{FAULTLESS} AND f.at <= {plus(OWNED, 604800)}"),
    ),
    "breached": (
        SALES, "EXISTS (SELECT 1 FROM routing_slaclock c WHERE c.lead_id = a.lead_id AND c.state = 'breached')",
    ),
}  # fmt: skip
"""(what is judged, what of it is counted)"""

FROM = """
  FROM routing_fact a JOIN leads_lead l ON l.id = a.lead_id JOIN routing_decision d ON d.id = a.decision_id
  JOIN leads_rawevent e ON e.id = d.event_id
 WHERE a.kind = 'arrived' AND a.at >= %(since)s AND a.at < %(until)s AND NOT l.is_test
"""


def counted(since: datetime, until: datetime, now: datetime, where: str = "TRUE") -> dict[str, tuple[int, int]]:
    """(count, base) by measure; `where` may speak of a, l, d and e."""
    parts = [
        f"SUM(CASE WHEN {among} AND {what} THEN 1 ELSE 0 END), SUM(CASE WHEN {among} THEN 1 ELSE 0 END)"
        for among, what in MEASURES.values()
    ]
    row = _ask(f"SELECT {', '.join(parts)} {FROM} AND {where}", since, until, now)[0]
    return {key: (row[2 * n] or 0, row[2 * n + 1] or 0) for n, key in enumerate(MEASURES)}


def sample(since: datetime, until: datetime, now: datetime, where: str = "TRUE") -> int:
    """New leads."""
    new = "a.detail NOT IN ('appended', 'rejected')"
    return _ask(f"SELECT COUNT(*) {FROM} AND {new} AND {where}", since, until, now)[0][0]


def middle(since: datetime, until: datetime, now: datetime, where: str = "TRUE") -> tuple[float | None, int]:
    """The median of working time to the first touch, and of how many leads; of people who work around the clock."""
    judged = f"{SALES} AND {plus('a.at', 900)} <= %(now)s"
    rows = _ask(f"SELECT {first('working_seconds', 'touched')} {FROM} AND {judged} AND {where}", since, until, now)
    waits = [float("inf") if wait is None else wait for (wait,) in rows]
    found = median(waits) if waits else float("inf")
    return (None if found == float("inf") else found), len(waits)


def late(since: datetime, until: datetime, now: datetime) -> list[tuple[Any, Any]]:
    """(due, answered) of each clock that ran out."""
    new = f"{SALES} AND c.state = 'breached'"
    clocks = FROM.replace(" WHERE", " JOIN routing_slaclock c ON c.lead_id = l.id WHERE", 1)
    return _ask(f"SELECT c.due_at, c.answered_at {clocks} AND {new}", since, until, now)


def _ask(sql: str, since: datetime, until: datetime, now: datetime) -> list[tuple]:
    for name, at in {"since": since, "until": until, "now": now}.items():
        sql = sql.replace(f"%({name})s", f"'{at.astimezone(UTC):{AS_STORED}}'")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL jit = off")  # to compile it takes longer than to count
        cursor.execute(sql)
        return cursor.fetchall()
