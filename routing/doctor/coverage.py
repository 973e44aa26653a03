"""What was seen in, territories and pools that nobody will be there for, though usually somebody is, out."""

from collections.abc import Iterator

from routing.coverage import gaps_ahead
from routing.doctor.finding import WARNING, Finding, listed
from routing.doctor.seen import Seen

SCREENS = {"territory": ("owners", "territory"), "pool": ("owners", "pool")}


def problems(seen: Seen) -> Iterator[Finding]:
    """A finding for the first gap of each; how many more follow it is said."""
    for one in gaps_ahead(seen.people, seen.now):
        gap, more = one.gaps[0], len(one.gaps) - 1
        people = seen.people.territories if one.group.kind == "territory" else {}
        row = people.get(one.group.key) or one.group.pool
        hours = f"{gap.hours} usual hour{'' if gap.hours == 1 else 's'}"
        sentence = (
            f"{one.group.words} has nobody from {gap.start:%-d %b %Y, %H:%M} to {gap.end:%-d %b, %H:%M} UTC ({hours}):"
            f" {listed(list(gap.why)) if gap.why else 'nobody is there'}."
        )
        if more:
            sentence += f" {more} more gap{'' if more == 1 else 's'} within fourteen days."
        yield Finding(WARNING, "coverage_gap", sentence, *SCREENS[one.group.kind], row.id if row else None)
