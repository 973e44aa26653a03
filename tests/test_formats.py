"""Times on screens name their zone."""

from datetime import UTC, datetime

from django.utils.formats import localize


def test_a_time_is_written_with_its_zone():
    assert localize(datetime(2026, 11, 22, 15, 0, tzinfo=UTC)) == "22 Nov 2026, 15:00 UTC"
