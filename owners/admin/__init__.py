"""Admin screens for people, calendars, territories, pools and users; what all apps' screens share is in `base`."""

from owners.admin import calendars, company, delegations, people, places, pools, users

__all__ = ["calendars", "company", "delegations", "people", "places", "pools", "users"]
