"""What has a time, and now, in; what its timer shows out."""

from datetime import datetime, timedelta
from typing import Any

from routing.models import ReviewItem

SOON = timedelta(minutes=10)


def spent(started_at: datetime, due_at: datetime, now: datetime) -> int:
    """The percentage of the time that is gone."""
    whole = (due_at - started_at).total_seconds()
    gone = (now - started_at).total_seconds()
    return 100 if whole <= 0 else max(0, min(100, round(100 * gone / whole)))


def tone(due_at: datetime, now: datetime) -> str:
    """Empty, warn when little time is left, bad when none is."""
    return "bad" if due_at <= now else "warn" if due_at - now <= SOON else ""


def timed(item: ReviewItem, now: datetime) -> Any:
    """`item` with `tone` (empty, warn, bad), `overdue`, and `spent`: the percentage of its time that is gone."""
    shown: Any = item
    shown.spent = spent(item.opened_at, item.due_at, now)
    shown.overdue = item.due_at <= now
    shown.tone = tone(item.due_at, now)
    return shown


def lasting(seconds: float) -> str:
    """“40 s”, “9 min”, “1 h 20”, “3 days”."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d}" if minutes < 48 * 60 else f"{minutes // 1440} days"
