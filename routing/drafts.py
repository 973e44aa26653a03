"""A draft in; its steps and rules in another order, copied, switched or removed, out. What a rule says is not changed
here.

Each act names the edition of the draft that its page showed. Whoever is second is told what the first one did, and
nothing of theirs is half done. Each act raises the edition by one and leaves one line in the draft's history.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F

from owners.models import User
from owners.writer import writing
from routing.engine.rules import STEPS
from routing.models import Condition, Rule, RuleSetVersion
from routing.refused import Refused
from routing.step_words import title

GAP = 10
"""Between the positions of two rules, so that another fits in between."""
LONGEST_NAME = 160
TOLD = 3
"""Changes of others that are told one by one."""


class Editing:
    """A draft while it is being changed; `said` becomes the line of its history."""

    def __init__(self, draft: RuleSetVersion) -> None:
        self.draft = draft
        self.said = ""


@contextmanager
def editing(version: int, seen: int | None, by: User, now: datetime) -> Iterator[Editing]:
    """Change a draft in one transaction: locked, checked against the edition that was `seen`, logged at the end.

    Raises Refused: gone, not_a_draft, changed. What is raised within undoes everything.
    """
    with writing():
        draft = RuleSetVersion.objects.filter(pk=version).first()
        if draft is None:
            raise Refused("gone", f"Version {version} was deleted meanwhile.")
        if draft.state != RuleSetVersion.State.DRAFT:
            sentence = f"Version {version} is {draft.get_state_display()} by now and does not change any more."
            raise Refused("not_a_draft", f"{sentence} Copy it to a new draft.")
        if seen is not None and seen != draft.edition:
            raise Refused("changed", told_since(draft, seen, now))
        act = Editing(draft)
        yield act
        RuleSetVersion.objects.filter(pk=version).update(edition=F("edition") + 1)
        log(draft, by, now, act.said)


def log(draft: RuleSetVersion, by: User, now: datetime, said: str, flag: int = CHANGE) -> None:
    """A line in the history of a version: who, when, what, as a sentence."""
    LogEntry.objects.create(
        user_id=by.pk, action_time=now, content_type=ContentType.objects.get_for_model(RuleSetVersion),
        object_id=str(draft.pk), object_repr=str(draft)[:200], action_flag=flag, change_message=said,
    )  # fmt: skip


def told_since(draft: RuleSetVersion, seen: int, now: datetime) -> str:
    """Who changed the draft how since its edition `seen`, as sentences."""
    missed = max(draft.edition - seen, 1)
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(RuleSetVersion), object_id=str(draft.pk), action_flag=CHANGE
    )
    rows = list(entries.select_related("user").order_by("-action_time", "-id")[: min(missed, TOLD)])
    lines = [
        f"{row.user.get_full_name() or row.user.username}, {ago(now - row.action_time)}: {row.change_message}"
        for row in rows
    ]
    more = f" And {missed - len(rows):,} more." if missed > len(rows) else ""
    return f"Nothing was done, because the draft changed since you opened it. {' '.join(lines)}{more} Look again."


def ago(gone: timedelta) -> str:
    """“just now”, “12 min ago”, “3 h ago”."""
    minutes = int(gone.total_seconds() // 60)
    return "just now" if minutes < 1 else f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"


# --- the order -------------------------------------------------------------------------------------------


def place_step(version: int, step: str, place: int, seen: int | None, by: User, now: datetime) -> str:
    """Try a step as number `place`, from 1. The sentence that says so. Raises Refused: unknown_step, last_step,
    no_change, and as `editing`."""
    if step not in STEPS or not 1 <= place <= len(STEPS):
        raise Refused("unknown_step", f"There is no step “{step}” or no place {place}: steps have places 1 to 9.")
    with editing(version, seen, by, now) as act:
        order = list(act.draft.step_order)
        if step == order[-1] or place == len(order):
            raise Refused("last_step", f"{title(order[-1])} catches what no other step took, so it stays last.")
        if order.index(step) == place - 1:
            raise Refused("no_change", f"{title(step)} has place {place} already.")
        order.remove(step)
        order.insert(place - 1, step)
        RuleSetVersion.objects.filter(pk=version).update(step_order=order)
        act.said = f"Moved the step “{title(step)}” to place {place}."
    return act.said


def place_rule(
    version: int, rule: int, step: str, before: int | None, seen: int | None, by: User, now: datetime
) -> str:
    """Put a rule before another of that step, or at its end. Raises Refused: gone, unknown_step, and as `editing`."""
    if step not in STEPS:
        raise Refused("unknown_step", f"There is no step “{step}”.")
    with editing(version, seen, by, now) as act:
        row = _rule(version, rule)
        ids = [id for id in _ids(version, step) if id != rule]
        if before is not None and before not in ids:
            raise Refused("gone", "The rule that it should come before is not in this step any more. Look again.")
        at = ids.index(before) if before is not None else len(ids)
        ids.insert(at, rule)
        _number(version, step, ids, rule)
        where = f"to place {at + 1} of “{title(step)}”"
        act.said = f"Moved the rule “{row.name}” {where}."
    return act.said


def nudge_rule(version: int, rule: int, by_places: int, seen: int | None, by: User, now: datetime) -> str:
    """Move a rule up (negative) or down within its step. Raises Refused: gone, no_change, and as `editing`."""
    row = _rule(version, rule)
    ids = _ids(version, row.step)
    at = ids.index(rule)
    to = min(max(at + by_places, 0), len(ids) - 1)
    if to == at:
        where = "first" if at == 0 else "last"
        raise Refused("no_change", f"The rule “{row.name}” is the {where} of its step already.")
    rest = [id for id in ids if id != rule]
    before = rest[to] if to < len(rest) else None
    return place_rule(version, rule, row.step, before, seen, by, now)


def _rule(version: int, rule: int) -> Rule:
    row = Rule.objects.filter(version=version, pk=rule).first()
    if row is None:
        raise Refused("gone", "This rule was deleted meanwhile. Look again.")
    return row


def _ids(version: int, step: str) -> list[int]:
    """The rules of a step in the order in which they are asked."""
    rows = Rule.objects.filter(version=version, step=step).order_by("position", "id")
    return list(rows.values_list("id", flat=True))


def _number(version: int, step: str, ids: Sequence[int], moved: int) -> None:
    """Give the moved rule a position between its neighbours; all of the step new ones where there is no room."""
    at = ids.index(moved)
    known = dict(Rule.objects.filter(pk__in=ids[max(at - 1, 0) : at + 2]).values_list("id", "position"))
    low = known[ids[at - 1]] if at else -1
    high = known[ids[at + 1]] if at + 1 < len(ids) else low + 2 * GAP
    rows = Rule.objects.filter(version=version)
    if high - low > 1:
        rows.filter(pk=moved).update(step=step, position=(low + high) // 2 if at + 1 < len(ids) else low + GAP)
        return
    rows.filter(pk=moved).update(step=step)
    numbered = [Rule(pk=id, position=place * GAP) for place, id in enumerate(ids, start=1)]
    Rule.objects.bulk_update(numbered, ["position"], batch_size=500)


# --- copies, switches, ends ------------------------------------------------------------------------------


def duplicate_rule(version: int, rule: int, seen: int | None, by: User, now: datetime) -> Rule:
    """A copy right after the rule, with another key and a name that says so. Raises Refused: gone, and as `editing`."""
    with editing(version, seen, by, now) as act:
        row = _rule(version, rule)
        name = row.name
        conditions = list(Condition.objects.filter(rule=rule).order_by("group", "id"))
        ids = _ids(version, row.step)
        row.pk, row.key, row.edition = None, Rule._meta.get_field("key").get_default(), 1
        row.name = f"{name[: LONGEST_NAME - 7]} (copy)"
        row.edited_at, row.edited_by = now, by
        row._state.adding = True
        row.save()
        for condition in conditions:
            condition.pk, condition.rule = None, row
            condition._state.adding = True
        Condition.objects.bulk_create(conditions)
        ids.insert(ids.index(rule) + 1, row.pk)
        _number(version, row.step, ids, row.pk)
        act.said = f"Copied the rule “{name}” to “{row.name}”."
    return row


def switch_rule(version: int, rule: int, on: bool, seen: int | None, by: User, now: datetime) -> str:
    """Switch a rule on or off. Raises Refused: gone, no_change, and as `editing`."""
    with editing(version, seen, by, now) as act:
        row = _rule(version, rule)
        word = "on" if on else "off"
        changed = Rule.objects.filter(pk=rule, enabled=not on).update(
            enabled=on, edition=F("edition") + 1, edited_at=now, edited_by=by
        )
        if not changed:
            raise Refused("no_change", f"The rule “{row.name}” is switched {word} already.")
        act.said = f"Switched the rule “{row.name}” {word}."
    return act.said


def delete_rule(version: int, rule: int, seen: int | None, by: User, now: datetime) -> str:
    """Remove a rule from a draft. Raises Refused: gone, and as `editing`."""
    with editing(version, seen, by, now) as act:
        row = _rule(version, rule)
        row.delete()
        act.said = f"Deleted the rule “{row.name}” of “{title(row.step)}”."
    return act.said
