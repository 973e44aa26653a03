"""Rules as a file names them in, a new draft version out; nothing is put in force.

Reading takes seconds of ten thousand rules and needs no lock; storing is the statements alone.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import models

from leads.models import Stage
from routing.models import Condition, Rule, RuleSetVersion
from routing.models.rules import company_zone, new_key
from routing.transfer.shape import RULE

POINTING = [field.name for field in Rule._meta.fields if isinstance(field, models.ForeignKey)]
STEP = 10
"""Between two positions, so that a rule can be put between."""
DAY = 1440


class Read(NamedTuple):
    """A draft that is not stored yet, its rules in their order, and the groups of each rule as the file gives them."""

    version: RuleSetVersion
    rows: list[Rule]
    groups: list[list[list[dict[str, Any]]]]


def make_draft(rules: Mapping[str, Any], ids: Mapping[str, Mapping[str, int]], problems: list[str]) -> RuleSetVersion:
    """A draft with these rules, unless the models refuse something. As `read_draft`, and inside a transaction."""
    read = read_draft(rules, ids, problems)
    if not problems:
        store(read)
    return read.version


def read_draft(rules: Mapping[str, Any], ids: Mapping[str, Mapping[str, int]], problems: list[str]) -> Read:
    """The rows of a draft. `ids`: by section and key. What the models refuse is added to `problems`."""
    version = RuleSetVersion(
        owner_id=ids["owners"][rules["owner"]], purpose=rules["purpose"], step_order=rules["step_order"],
        time_zone=rules.get("time_zone") or company_zone(), review_days=rules.get("review_days", 30),
    )  # fmt: skip
    _check(version, [], "rules", problems)
    stages = {f"{pipeline}/{key}": pk for pk, key, pipeline in Stage.objects.values_list("pk", "key", "pipeline__key")}
    rows = [_rule(given, number * STEP, ids, stages) for number, given in enumerate(rules["rules"])]
    for row in rows:
        _check(row, POINTING, f"rules “{row.name[:60]}”", problems)
        problems += (f"rules “{row.name[:60]}”.{sentence}" for sentence in _window_problems(row))
    _keys(rows, problems)
    return Read(version, rows, [given["groups"] for given in rules["rules"]])


def _window_problems(row: Rule) -> Iterator[str]:
    """What the database would refuse about hours and dates."""
    first, last = row.from_minute, row.until_minute
    if (first is None) != (last is None) or first == last is not None:
        yield "until_minute: hours need a beginning and another end."
    elif first is not None and not (first < DAY and 1 <= last <= DAY):
        yield f"until_minute: hours are minutes of a day, from 0 to {DAY - 1} and until 1 to {DAY}."
    if row.starts_at and row.ends_at and row.ends_at <= row.starts_at:
        yield "ends_at: a rule ends after it starts."


def store(read: Read) -> None:
    """Write the draft, its rules and their conditions."""
    read.version.save()
    for row in read.rows:
        row.version = read.version
    Rule.objects.bulk_create(read.rows, batch_size=1000)
    Condition.objects.bulk_create(
        (
            Condition(rule=row, group=number, **condition)
            for row, groups in zip(read.rows, read.groups, strict=True)
            for number, group in enumerate(groups, start=1)
            for condition in group
        ),
        batch_size=1000,
    )


def _keys(rows: list[Rule], problems: list[str]) -> None:
    """Each rule its own key; those that the file gives stay."""
    seen: set[str] = set()
    for row in rows:
        row.key = row.key or new_key()
        if row.key in seen:
            problems.append(f"rules “{row.name[:60]}”.key: another rule has the key “{row.key}”, too.")
        seen.add(row.key)


def _rule(
    given: Mapping[str, Any], position: int, ids: Mapping[str, Mapping[str, int]], stages: Mapping[str, int]
) -> Rule:
    row = Rule(position=position)
    for field in RULE:
        value = given.get(field.name)
        if field.name == "stage":
            row.stage_id = value and stages[f"{given['pipeline']}/{value}"]
        elif field.kind == "ref":
            setattr(row, f"{field.name}_id", value and ids[field.to][value])
        elif field.kind == "instant":
            setattr(row, field.name, value and datetime.fromisoformat(value))
        else:
            setattr(row, field.name, value)
    return row


def _check(row: models.Model, exclude: list[str], path: str, problems: list[str]) -> None:
    try:
        row.clean_fields(exclude=exclude)
    except ValidationError as error:
        for name, messages in error.message_dict.items():
            problems += [f"{path}.{name}: {message}" for message in messages]
