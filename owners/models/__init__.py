"""Who can take work and when, as rows: users, teams, owners, hours, absences, territories, pools."""

from owners.configuration import ConfigStamp
from owners.models.calendars import Absence, Calendar, SpecialDay, WeeklyHours
from owners.models.fields import LONGEST_MINUTES, WordsField, validate_words, validate_zone
from owners.models.people import Delegation, Installation, Membership, Owner, Team, User
from owners.models.places import AreaImport, Territory, TerritoryArea
from owners.models.pools import Pool, PoolMember

__all__ = [
    "LONGEST_MINUTES",
    "Absence",
    "AreaImport",
    "Calendar",
    "ConfigStamp",
    "Delegation",
    "Installation",
    "Membership",
    "Owner",
    "Pool",
    "PoolMember",
    "SpecialDay",
    "Team",
    "Territory",
    "TerritoryArea",
    "User",
    "WeeklyHours",
    "WordsField",
    "validate_words",
    "validate_zone",
]
