"""An owner and an instant in, what the card of their time off shows out: absences, pauses, the cover, the week."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from owners import week
from owners.away import absences_to_come, cover_at, next_morning
from owners.models import Absence, Owner
from routing.pages.reader import said, zone_of

HOUR = timedelta(hours=1)


def pause_ends(owner: Owner, now: datetime) -> dict[str, datetime]:
    """The ends that a pause may have, by the word in the form."""
    return {"hour": now + HOUR, "morning": next_morning(week.week_of(owner), now)}


def card(owner: Owner, user: Any, now: datetime) -> Mapping[str, Any]:
    """The context of `pages/my_away.html`."""
    absences, cover = absences_to_come(owner, now), cover_at(owner, now)
    running = [row for row in absences if row.starts_at <= now]
    last = max(running, key=lambda row: row.ends_at, default=None)
    held = week.week_of(owner)
    return {
        "absences": [(row, _entered_by(row, user)) for row in absences],
        "away": last and last.ends_at,
        "paused": last is not None and last.kind == Absence.Kind.PAUSE,
        "pausing": any(row.kind == Absence.Kind.PAUSE for row in running),
        "cover": cover,
        "morning": f"{next_morning(held, now).astimezone(zone_of(owner)):%a %-d %b, %H:%M}",
        "cover_until": said(owner.cover_until) if cover and owner.cover_until else "",
        "week": week.in_words(held, now),
        "week_now": week.now_in_words(held, [(row.starts_at, row.ends_at) for row in absences], now),
    }


def _entered_by(row: Absence, user: Any) -> str:
    """Who entered it, where it was somebody else."""
    by = row.recorded_by
    if by is None or by.pk == user.pk:
        return ""
    return by.owner.name if hasattr(by, "owner") else by.get_full_name() or by.get_username()
