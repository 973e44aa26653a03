"""A policy and whom its clock is of in; the calendar by which it counts out."""

from routing.engine.people import People, Person, Policy


def calendar_of(people: People, policy: Policy, person: Person | None, team: int | None) -> int | None:
    """The calendar by which clocks of the policy count; None for the owner's own hours, which also stand in for a
    calendar that is missing or has no open hour. `team`: of the lead; without one, the owner's first that has one."""
    if policy.hours_of == "policy":
        found = policy.calendar
    elif policy.hours_of == "team":
        teams = [team] if team is not None else list(person.teams if person else ())
        calendars = (people.teams[id].calendar for id in teams if id in people.teams)
        found = next((calendar for calendar in calendars if calendar is not None), None)
    else:
        found = None
    return found if found in people.calendars else None
