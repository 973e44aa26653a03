"""The columns of a clock in; the working time by which it was promised, as it was then, out. Writes nothing.

Calendars that are changed later do not change what was promised: the revision that the clock cites says what they were.
"""

from owners.business_time import Hours
from routing.current import people_now, people_of
from routing.engine.people import People
from routing.models import ConfigRevision


def hours_promised(revision: int | None, owner: int, calendar: int | None, real_time: bool) -> Hours | None:
    """The working time that a clock counts; None where nights count too.

    `revision`: of the configuration that promised it; without one, what is in force. `calendar`: by whose working time
    it counts, None for the owner's own, which also stand in for a calendar without an open hour.
    """
    if real_time:
        return None
    people = people_promised(revision)
    person = people.owners.get(owner)
    own = person.hours if person else None
    return people.calendars.get(calendar, own) if calendar is not None else own


def people_promised(revision: int | None) -> People:
    """Everybody as the revision says; as they are now where there is none."""
    if revision is None:
        return people_now()
    try:
        return people_of(revision)
    except ConfigRevision.DoesNotExist:
        return people_now()
