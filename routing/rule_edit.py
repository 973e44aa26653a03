"""What one rule of a draft shall say in, the saved rule or every fault by its field out; the order is left alone.

The rule as a value is a `Wanted`; forms and files make one. Saving is one transaction: rule, conditions, the draft's
edition and a line of its history. Whoever saves second is told what the first one changed, and nothing is half saved.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Max

from leads.models import Pipeline, Stage
from owners.cover import covers_at
from owners.models import Owner, User
from routing.compare import rule_changes
from routing.drafts import GAP, ago, editing
from routing.engine.conditions import NAMED_LISTS, check_condition, make_condition
from routing.engine.fields import FIELDS
from routing.engine.impossible import contradiction
from routing.engine.tables import check_table
from routing.lists import lists_now
from routing.models import Condition, Delivery, NamedList, Rule, RuleSetVersion, SlaPolicy
from routing.names import read_names
from routing.refused import Refused
from routing.revision import instant
from routing.rule_words import condition_words
from routing.rulebook import freeze_rule
from routing.vocabulary import comparable

Groups = list[list[dict[str, Any]]]
MOST_CONDITIONS = 200
MOST_GROUPS = 20
NAMED = ("owner", "pool", "team")
ENDS = ("owner", "pool", "team", "territory_owner", "customer_owner", "deal_owner")
"""Targets that give the lead an owner."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a rule shall say: columns of `Rule` by name, relations as ids, and its groups of conditions."""

    columns: dict[str, Any]
    groups: Groups = field(default_factory=list)


class Fault(NamedTuple):
    """`where`: a column's name, or “condition-GROUP-ROW” from 0. `sentence`: what is wrong and what to do."""

    where: str
    sentence: str


class Faulty(Exception):
    """The rule cannot be saved: `faults` says why, by field."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(" ".join(fault.sentence for fault in faults))
        self.faults = faults


# --- what is wrong with a rule ---------------------------------------------------------------------------


def faults(wanted: Wanted, zone: str, now: datetime) -> list[Fault]:
    """Everything that is wrong with a rule as a person wants it; nothing when it may be saved.

    `zone`: of the version, where a date is a day. `now`: covers that have ended by then lead nowhere.
    """
    found = [*_of_columns(wanted.columns, now), *_of_conditions(wanted.groups)]
    if not any(fault.where.startswith("condition") for fault in found):
        found += _of_groups(wanted.groups, ZoneInfo(zone))
    return found


def _of_columns(columns: dict[str, Any], now: datetime) -> Iterator[Fault]:
    target = columns["target"]
    if target in NAMED and not columns.get(target):
        yield Fault(target, f"Name the {target} that the rule sends leads to.")
    yield from _of_people(columns)
    yield from _of_covers(columns, now)
    if columns.get("fallback_owner") and columns.get("fallback_owner") == columns.get("owner") and target == "owner":
        yield Fault("fallback_owner", "The fallback owner is the target itself, who has just given way. Name another.")
    if target not in ENDS and columns.get("fallback_owner"):
        yield Fault("fallback_owner", "Nobody gives way where no owner is chosen. Leave the fallback owner empty.")
    yield from _of_stage(columns)
    start, end = columns.get("starts_at"), columns.get("ends_at")
    if start and end and end <= start:
        yield Fault("ends_at", "The rule has to end after it starts.")
    first, last = columns.get("from_minute"), columns.get("until_minute")
    if (first is None) != (last is None):
        yield Fault("until_minute" if last is None else "from_minute", "Hours need a beginning and an end.")
    elif first is not None and first == last:
        yield Fault("until_minute", "The hours have to end at another time than they begin.")
    unknown = [channel for channel in columns.get("alert_channels") or () if channel not in Delivery.PERSONAL]
    if unknown:
        yield Fault(
            "alert_channels", f"There is no channel “{unknown[0]}”; there are {' and '.join(Delivery.PERSONAL)}."
        )


def _of_people(columns: dict[str, Any]) -> Iterator[Fault]:
    """Who left takes no leads any more."""
    for name in ("owner", "fallback_owner"):
        if not (id := columns.get(name)):
            continue
        person = Owner.objects.filter(pk=id).values_list("name", "state").first()
        if person is None:
            yield Fault(name, "This person does not exist any more. Choose another.")
        elif person[1] == Owner.State.DEPARTED:
            yield Fault(name, f"{person[0]} left and takes no leads any more. Choose somebody else.")


def _of_covers(columns: dict[str, Any], now: datetime) -> Iterator[Fault]:
    """Who stands in for the fallback owner must not be the target, who has just given way."""
    target, fallback = columns.get("owner"), columns.get("fallback_owner")
    if columns["target"] != "owner" or not target or not fallback or target == fallback:
        return
    line, covers = [fallback], covers_at(now)
    while (following := covers.get(line[-1])) is not None and following not in line:
        line.append(following)
        if following == target:
            names = dict(Owner.objects.filter(pk__in=line).values_list("pk", "name"))
            back = " → ".join(names[pk] for pk in line)
            yield Fault(
                "fallback_owner",
                f"{names[fallback]} as fallback leads back to {names[target]}, who has just given way: who covers for"
                f" whom goes {back}. Name another fallback owner, or change the cover.",
            )
            return


def _of_stage(columns: dict[str, Any]) -> Iterator[Fault]:
    stage, pipeline = columns.get("stage"), columns.get("pipeline")
    if not stage:
        return
    row = Stage.objects.select_related("pipeline").filter(pk=stage).first()
    if row is None:
        yield Fault("stage", "This stage does not exist any more. Choose another.")
    elif not pipeline:
        yield Fault("pipeline", f"Name the pipeline that the stage belongs to: {row.pipeline.name}.")
    elif row.pipeline_id != pipeline:
        yield Fault("stage", f"{row.name} is a stage of {row.pipeline.name}, not of the pipeline chosen.")


def _of_conditions(groups: Groups) -> Iterator[Fault]:
    if len(groups) > MOST_GROUPS or sum(map(len, groups)) > MOST_CONDITIONS:
        yield Fault("conditions", _too_many(sum(map(len, groups)), len(groups)))
        return
    lists = dict(NamedList.objects.order_by("key").values_list("key", "field"))
    for number, group in enumerate(groups):
        for place, row in enumerate(group):
            problem = check_condition(row["field"], row["operator"], row["value"])
            if not problem and row["operator"] in NAMED_LISTS:
                problem = _of_list(row["field"], row["value"], lists)
            if problem:
                yield Fault(f"condition-{number}-{place}", problem)


def _too_many(conditions: int, alternatives: int) -> str:
    return (
        f"These are {conditions:,} conditions in {alternatives:,} alternative{'' if alternatives == 1 else 's'};"
        f" {MOST_CONDITIONS} in {MOST_GROUPS} are the most. Keep many values of one field in a named list, or make the"
        " rule a decision table."
    )


def _of_list(field: str, key: str, lists: dict[str, str]) -> str:
    """What is wrong with asking whether a field is in a list; `lists`: the field of each, by key."""
    fitting = [name for name, of in lists.items() if comparable(of, field)]
    offered = f"Lists that fit: {', '.join(fitting[:8]) or 'none yet'}."
    if key not in lists:
        return f"There is no list “{key}”. {offered}"
    if key not in fitting:
        return f"The list “{key}” holds values of “{FIELDS[lists[key]]}”, which no “{FIELDS[field]}” can be. {offered}"
    return ""


def _of_groups(groups: Groups, zone: ZoneInfo) -> Iterator[Fault]:
    """Conditions that no lead can satisfy together."""
    known = lists_now()
    for number, group in enumerate(groups):
        if any(row["operator"] == "in_list" and not known.get(row["value"]) for row in group):
            continue  # nothing is in the list yet; publishing warns of it
        typed = [make_condition(row["field"], row["operator"], row["value"], zone, known) for row in group]
        if clash := contradiction(typed):
            said = " and ".join(condition_words(_row(one)) for one in clash)
            place = typed.index(clash[-1])
            yield Fault(f"condition-{number}-{place}", f"No lead can satisfy this: {said}.")


def _row(condition: Any) -> dict[str, Any]:
    return {"field": condition.field, "operator": condition.operator, "value": condition.value}


# --- saving ----------------------------------------------------------------------------------------------


def save_rule(
    version: int, rule: int | None, wanted: Wanted, seen: int | None, by: User, now: datetime
) -> tuple[Rule, str]:
    """Save what a rule shall say, or add one to the end of its step; the rule and what was done, in a sentence.

    `seen`: the edition of the rule that the form showed, None for a form that shows none. Raises Faulty, Refused (gone,
    not_a_draft, changed).
    """
    zone = RuleSetVersion.objects.filter(pk=version).values_list("time_zone", flat=True).first()
    if found := faults(wanted, zone or "UTC", now):  # before the lock, which routing waits for
        raise Faulty(found)
    with editing(version, None, by, now) as act:
        if rule is None:
            row = Rule(version_id=version, position=_end(version, wanted.columns["step"]))
            before = None
        else:
            row = _present(version, rule, seen, now)
            before = freeze_rule(row)
        _write(row, wanted, by, now)
        act.said = _said(row, before)
        _keep(row, by, now, act.said, added=before is None)
    return row, act.said


def _present(version: int, rule: int, seen: int | None, now: datetime) -> Rule:
    row = Rule.objects.filter(version=version, pk=rule).first()
    if row is None:
        raise Refused("gone", "This rule was deleted meanwhile. Nothing of yours was saved; add it as a new rule.")
    if seen != row.edition:
        raise Refused("changed", changed_since(row, seen or 0, now))
    return row


def changed_since(row: Rule, seen: int, now: datetime) -> str:
    """Who changed the rule how since its edition `seen`, as sentences."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Rule), object_id=str(row.pk), action_flag=CHANGE
    )
    missed = max(row.edition - seen, 1)
    rows = list(entries.select_related("user").order_by("-action_time", "-id")[:missed])
    lines = [
        f"{entry.user.get_full_name() or entry.user.username}, {ago(now - entry.action_time)}: {entry.change_message}"
        for entry in rows[:3]
    ]
    told = " ".join(lines) or "Somebody saved it meanwhile."
    return f"Not saved, because this rule changed since you opened it. {told}"


def _end(version: int, step: str) -> int:
    return (Rule.objects.filter(version=version, step=step).aggregate(last=Max("position"))["last"] or 0) + GAP


def _write(row: Rule, wanted: Wanted, by: User, now: datetime) -> None:
    if row.pk and row.step != wanted.columns["step"]:
        row.position = _end(row.version_id, wanted.columns["step"])
    for name, value in wanted.columns.items():
        setattr(row, f"{name}_id" if Rule._meta.get_field(name).is_relation else name, value)
    row.edited_at, row.edited_by = now, by
    row.edition = row.edition + 1 if row.pk else 1
    try:
        row.clean_fields(exclude=["version"])
    except ValidationError as error:
        raise Faulty([Fault(name, said[0]) for name, said in error.message_dict.items()]) from error
    row.save()
    Condition.objects.filter(rule=row).delete()
    Condition.objects.bulk_create(
        Condition(rule=row, group=number, **condition)
        for number, group in enumerate(wanted.groups, start=1)
        for condition in group
    )


def _said(row: Rule, before: dict[str, Any] | None) -> str:
    if before is None:
        return f"Added the rule “{row.name}”."
    told = rule_changes(before, freeze_rule(row), read_names())
    return f"Changed the rule “{row.name}”. {' '.join(told) or 'Nothing is different.'}"


def _keep(row: Rule, by: User, now: datetime, said: str, *, added: bool) -> None:
    """A line in the rule's own history, too."""
    LogEntry.objects.create(
        user_id=by.pk, action_time=now, content_type=ContentType.objects.get_for_model(Rule), object_id=str(row.pk),
        object_repr=row.name[:200], action_flag=ADDITION if added else CHANGE, change_message=said,
    )  # fmt: skip


def save_table(
    version: int, rule: int, table: dict[str, Any] | None, seen: int | None, by: User, now: datetime
) -> tuple[Rule, str]:
    """Give a rule a table, another one, or none. Raises Faulty, Refused (gone, not_a_draft, changed)."""
    if table is not None and (found := [Fault("table", fault.sentence) for fault in check_table(table)]):
        raise Faulty(found)
    with editing(version, None, by, now) as act:
        row = _present(version, rule, seen, now)
        before = freeze_rule(row)
        row.table = table
        row.edited_at, row.edited_by, row.edition = now, by, row.edition + 1
        row.save(update_fields=["table", "edited_at", "edited_by", "edition"])
        act.said = _said(row, before)
        _keep(row, by, now, act.said, added=False)
    return row, act.said


# --- from rows -------------------------------------------------------------------------------------------

COLUMNS = (
    "step", "name", "enabled", "target", "owner", "pool", "team", "fallback_owner", "on_nobody", "tier", "sla_policy",
    "pipeline", "stage", "sequence", "alert_channels", "review_reason", "high_intent", "require_language",
    "require_service", "require_skills", "starts_at", "ends_at", "weekdays", "from_minute", "until_minute",
)  # fmt: skip


def wanted_of(row: Rule) -> Wanted:
    """What a rule says now."""
    columns = {name: getattr(row, f"{name}_id" if Rule._meta.get_field(name).is_relation else name) for name in COLUMNS}
    groups: dict[int, list[dict[str, Any]]] = {}
    for group, name, operator, value in row.conditions.order_by("group", "id").values_list(
        "group", "field", "operator", "value"
    ):
        groups.setdefault(group, []).append({"field": name, "operator": operator, "value": value})
    return Wanted(columns, list(groups.values()))


def frozen_of(wanted: Wanted, key: str = "", table: dict[str, Any] | None = None) -> dict[str, Any]:
    """The rule that is wanted as frozen content, without being saved: for its sentence and for trying it."""
    columns = wanted.columns
    stage = Stage.objects.select_related("pipeline").filter(pk=columns["stage"]).first() if columns["stage"] else None
    pipeline = Pipeline.objects.filter(pk=columns["pipeline"]).first() if columns["pipeline"] else None
    policy = SlaPolicy.objects.filter(pk=columns["sla_policy"]).first() if columns["sla_policy"] else None
    kept = {
        name: columns[name] for name in COLUMNS if name not in ("target", *NAMED, "sla_policy", "pipeline", "stage")
    }
    return {
        **kept, "id": 1, "key": key, "position": 1, "groups": wanted.groups, "table": table,
        "target": {"kind": columns["target"], **{name: columns[name] for name in NAMED}},
        "sla_policy": policy.key if policy else "", "pipeline": pipeline.key if pipeline else "",
        "stage": stage.key if stage else "", "starts_at": columns["starts_at"] and instant(columns["starts_at"]),
        "ends_at": columns["ends_at"] and instant(columns["ends_at"]),
    }  # fmt: skip
