"""A review item and now in; the same item with what its timer shows out."""

from datetime import datetime, timedelta
from typing import Any

from routing.models import ReviewItem

SOON = timedelta(minutes=10)


def timed(item: ReviewItem, now: datetime) -> Any:
    """`item` with `tone` (empty, warn, bad), `overdue`, and `spent`: the percentage of its time that is gone."""
    shown: Any = item
    whole = (item.due_at - item.opened_at).total_seconds()
    gone = (now - item.opened_at).total_seconds()
    shown.spent = 100 if whole <= 0 else max(0, min(100, round(100 * gone / whole)))
    shown.overdue = item.due_at <= now
    shown.tone = "bad" if shown.overdue else "warn" if item.due_at - now <= SOON else ""
    return shown
