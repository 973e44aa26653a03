"""Rules as a file names them in, a new draft version out; nothing is put in force. Call inside `writing()`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from leads.models import Stage
from routing.models import Condition, Rule, RuleSetVersion
from routing.models.rules import company_zone, new_key
from routing.transfer.shape import RULE

POINTING = [field.name for field in Rule._meta.fields if isinstance(field, models.ForeignKey)]
STEP = 10
"""Between two positions, so that a rule can be put between."""


def make_draft(rules: Mapping[str, Any], ids: Mapping[str, Mapping[str, int]], problems: list[str]) -> RuleSetVersion:
    """A draft with these rules. `ids`: by section and key. What the models refuse is added to `problems`."""
    version = RuleSetVersion(
        owner_id=ids["owners"][rules["owner"]], purpose=rules["purpose"], step_order=rules["step_order"],
        time_zone=rules.get("time_zone") or company_zone(), review_days=rules.get("review_days", 30),
    )  # fmt: skip
    _check(version, [], "rules", problems)
    stages = {f"{pipeline}/{key}": pk for pk, key, pipeline in Stage.objects.values_list("pk", "key", "pipeline__key")}
    rows = [_rule(given, number * STEP, ids, stages) for number, given in enumerate(rules["rules"])]
    for row in rows:
        _check(row, POINTING, f"rules “{row.name}”", problems)
        if (row.from_minute is None) != (row.until_minute is None) or row.from_minute == row.until_minute is not None:
            problems.append(f"rules “{row.name}”.until_minute: hours need a beginning and another end.")
        if row.starts_at and row.ends_at and row.ends_at <= row.starts_at:
            problems.append(f"rules “{row.name}”.ends_at: a rule ends after it starts.")
    _keys(rows, problems)
    if problems:
        return version
    version.save()
    for row in rows:
        row.version = version
    Rule.objects.bulk_create(rows, batch_size=1000)
    Condition.objects.bulk_create(
        (
            Condition(rule=row, group=number, **condition)
            for row, given in zip(rows, rules["rules"], strict=True)
            for number, group in enumerate(given["groups"], start=1)
            for condition in group
        ),
        batch_size=1000,
    )
    return version


def _keys(rows: list[Rule], problems: list[str]) -> None:
    """Each rule its own key; those that the file gives stay."""
    seen: set[str] = set()
    for row in rows:
        row.key = row.key or new_key()
        if row.key in seen:
            problems.append(f"rules “{row.name}”.key: another rule has the key “{row.key}”, too.")
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
