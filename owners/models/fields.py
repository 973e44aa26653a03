"""What a column of configuration may hold: time zones and lists of words, checked; knows no rows."""

import zoneinfo

from django.core.exceptions import ValidationError
from django.db import models

LONGEST_MINUTES = 366 * 24 * 60
"""Of a promise or a wait: a year. Longer ones would lie beyond the dates that a calendar is asked for."""


def validate_zone(value: str) -> None:
    """Refuse a time zone that the IANA data base does not know."""
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationError(
            "“%(zone)s” is not a time zone. Use a name such as Europe/Berlin.",
            code="unknown_zone",
            params={"zone": value},
        ) from error


def validate_words(value: object) -> None:
    """Refuse anything but a list of short texts."""
    if not isinstance(value, list) or not all(isinstance(word, str) and 0 < len(word) <= 80 for word in value):
        raise ValidationError("Give a list of short texts.", code="not_words")


class WordsField(models.JSONField):
    """A list of short texts, such as language codes; empty means no restriction."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("default", list)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("validators", [validate_words])
        super().__init__(*args, **kwargs)
