"""Admin screens for people, calendars, territories and pools; what all apps' screens share is in `base`."""

from owners.admin import people, places, pools

__all__ = ["people", "places", "pools"]
