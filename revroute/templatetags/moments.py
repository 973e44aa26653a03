"""An instant comes in; how people say it goes out, with the exact time and zone in the title."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


DAY = timedelta(days=1)


@register.simple_tag
def stamp(at: datetime, now: datetime) -> SafeString:
    """Like `moment` within a day of now; beyond it “4 Nov, 14:05”, because a row of “20 days ago” tells no order."""
    local = timezone.localtime(at)
    exact = f"{date_format(local, 'j M Y, H:i:s')} {local:%Z}"
    words = relative(at - now) if abs(at - now) < DAY else date_format(local, "j M, H:i")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, words)


@register.simple_tag
def moment(at: datetime | None, now: datetime | None = None) -> SafeString | str:
    """With `now`: “in 4 min”, “9 min ago”; without: “at 14:05 CET”. A dash for None."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    exact = f"{date_format(local, 'j M Y, H:i:s')} {local:%Z}"
    words = f"at {local:%H:%M %Z}" if now is None else relative(at - now)
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, words)


def relative(length: timedelta) -> str:
    """“in 4 min”, “9 min ago”, “now”."""
    seconds = length.total_seconds()
    if abs(seconds) < 60:
        return "now" if seconds < 0 else "in under 1 min"
    return f"in {span(abs(seconds))}" if seconds > 0 else f"{span(abs(seconds))} ago"


@register.filter
def length_of(span: timedelta) -> str:
    """A length of time to the second, for sums: “15 h 30 min”, “6 min 19 s”, “3 days 2 h”."""
    seconds = round(abs(span).total_seconds())
    parts = [(seconds // 86400, "day" if seconds < 172800 else "days"), (seconds // 3600 % 24, "h")]
    parts += [(seconds // 60 % 60, "min"), (seconds % 60, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


@register.filter
def span(seconds: float) -> str:
    """A length of time: “9 min”, “1 h 20”, “3 days”."""
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d}"
    return f"{minutes // 1440} days"
