"""A field and now in, values that leads of the last 90 days had, most frequent first, out. Reads, decides nothing."""

import time
from collections import Counter
from datetime import datetime, timedelta

from leads.models import LeadType, Source
from owners.models import Territory
from routing.current import people_now
from routing.engine.fields import FIELD_KINDS
from routing.models import Decision
from routing.past_leads import seen_by_rules

DAYS = 90
SAMPLE = 2000
"""The latest leads, not all of three months: a million would take minutes, and what is frequent shows."""
MOST = 50
LONGEST = 80
KEPT_SECONDS = 60.0
PERSONAL = frozenset({"email", "phone", "first_name", "last_name", "company_name", "company_domain", "pain_summary"})
"""Fields whose values say who somebody is; “pain_summary” is free text."""
NEVER = frozenset({"email", "phone", "first_name", "last_name", "pain_summary", "received_at"})
"""Values that are hardly ever the same twice: nothing to choose from."""

_sample: tuple[float, dict[str, Counter[str]]] | None = None


def suggestions(field: str, now: datetime) -> list[tuple[str, int]]:
    """(value, leads that had it); for fields with a vocabulary of the company's own, all of it besides."""
    if field in NEVER or FIELD_KINDS.get(field) == "flag":
        return []
    found = Counter(_counts(now).get(field, {}))
    for key in _vocabulary(field):
        found.setdefault(key, 0)
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]


def _vocabulary(field: str) -> list[str]:
    model = {"lead_type": LeadType, "source_key": Source, "territory": Territory}.get(field)
    return list(model.objects.order_by("key").values_list("key", flat=True)[:500]) if model else []


def _counts(now: datetime) -> dict[str, Counter[str]]:
    """Values by field of the sample, kept for a minute in this process: every keystroke asks."""
    global _sample
    if _sample is None or _sample[0] < time.monotonic():
        _sample = (time.monotonic() + KEPT_SECONDS, _count(now))
    return _sample[1]


def forget() -> None:
    """Count anew at the next question."""
    global _sample
    _sample = None


def _count(now: datetime) -> dict[str, Counter[str]]:
    people = people_now()
    found: dict[str, Counter[str]] = {}
    rows = Decision.objects.filter(origin=Decision.Origin.ROUTING, decided_at__gte=now - timedelta(days=DAYS))
    snapshots = rows.order_by("-id").values_list("snapshot", flat=True)[:SAMPLE]
    for seen in seen_by_rules(snapshots, people):
        for name, fact in seen[1].items() if seen else ():
            if name in NEVER or isinstance(fact, bool):
                continue
            for value in fact if isinstance(fact, list) else [fact]:
                if (text := str(value)) and len(text) <= LONGEST:
                    found.setdefault(name, Counter())[text] += 1
    return found
