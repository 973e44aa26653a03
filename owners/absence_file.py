"""The entries of a calendar file and an owner in; what importing them would do, and the absences that it made, out.

An entry is known by its calendar's own id, so that the same file twice changes nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from owners.ical import Entry
from owners.models import Absence, Owner
from owners.writer import writing


@dataclass(frozen=True, slots=True)
class Step:
    """One entry: `add` it, `move` the absence that came from it earlier, or `there`: nothing is to be done."""

    what: Literal["add", "move", "there"]
    entry: Entry
    absence: int | None = None


def plan(owner: Owner, entries: Iterable[Entry]) -> list[Step]:
    """What importing would do, by beginning; an entry twice counts once. One query."""
    fresh = {(entry.uid, entry.starts_at): entry for entry in entries}
    often = Counter(uid for uid, _ in fresh)
    held: dict[str, list[Absence]] = defaultdict(list)
    for row in Absence.objects.filter(owner=owner).exclude(uid=""):
        held[row.uid].append(row)
    steps = []
    for (uid, starts_at), entry in sorted(fresh.items(), key=lambda item: (item[0][1], item[0][0])):
        rows = held[uid]
        same = next((row for row in rows if row.starts_at == starts_at), None)
        if same is None and len(rows) == often[uid] == 1:  # the one time of it went elsewhere
            same = rows[0]
        if same is None:
            steps.append(Step("add", entry))
        else:
            stays = (same.starts_at, same.ends_at) == (entry.starts_at, entry.ends_at)
            steps.append(Step("there" if stays else "move", entry, same.pk))
    return steps


def bring_in(owner: Owner, entries: Iterable[Entry], by: Any) -> Counter[str]:
    """Do it, as entered by the user `by`; how many were added, moved and there already."""
    done: Counter[str] = Counter()
    with writing():
        rows = []
        for step in plan(owner, entries):
            done[step.what] += 1
            entry = step.entry
            if step.what == "add":
                rows.append(
                    Absence(
                        owner=owner, uid=entry.uid, starts_at=entry.starts_at, ends_at=entry.ends_at,
                        reason=entry.title, recorded_by=by,
                    )
                )  # fmt: skip
            elif step.what == "move":
                Absence.objects.filter(pk=step.absence).update(
                    starts_at=entry.starts_at, ends_at=entry.ends_at, recorded_by=by
                )
        Absence.objects.bulk_create(rows)
    return done
