"""An ISO 8601 date or instant in; the microseconds since 1970 that comparisons of time use, out.

A date in a rule means the whole day in the version's zone, from its first instant on and before the next day's.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Microseconds from 1970 to an aware instant; exact, unlike a timestamp as a float."""
    return (instant - _EPOCH) // _MICROSECOND


def known_moment(fact: object) -> int | None:
    """What a fact says as a moment; None, unknown, for what is no text of an aware instant."""
    if not isinstance(fact, str):
        return None
    try:
        instant = datetime.fromisoformat(fact)
        return None if instant.tzinfo is None else micros(instant)
    except (ValueError, OverflowError):
        return None


def span(text: str, zone: tzinfo) -> tuple[int, int]:
    """The half-open span [first, after) that a date or an instant of a rule covers.

    A date covers its whole day in `zone`; an instant with an offset from UTC, or a local one of `zone`, covers
    itself alone. Raises ValueError for anything else.
    """
    try:
        return _day(text, zone) if len(text) == len("2026-01-31") else _instant(text, zone)
    except OverflowError:
        raise ValueError(text) from None


def _day(text: str, zone: tzinfo) -> tuple[int, int]:
    day = date.fromisoformat(text)
    first, following = (datetime.combine(at, time(), zone) for at in (day, day + timedelta(days=1)))
    return micros(first), micros(following)


def _instant(text: str, zone: tzinfo) -> tuple[int, int]:
    instant = datetime.fromisoformat(text)
    at = micros(instant if instant.tzinfo else instant.replace(tzinfo=zone))
    return at, at + 1
