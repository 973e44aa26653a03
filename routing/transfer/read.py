"""The rows of the configuration in, one document of plain values out; changes nothing.

Sorted by keys where order means nothing, so that equal configuration is one text, whatever the rows' ids are.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from leads.models import Stage
from owners.areas import Area
from owners.models import Absence, Installation, Membership, PoolMember, SpecialDay, TerritoryArea, WeeklyHours
from routing.models import Condition, ListEntry, Rule, RuleSetVersion
from routing.revision import instant
from routing.transfer.pools import IN_A_FILE, MEMBER_TERMS
from routing.transfer.shape import FORMAT, RULE, SECTIONS, VERSION, Section, clock
from routing.transfer.slas import rungs


def text_of(document: dict[str, Any]) -> str:
    """The one text of a document: keys sorted, two spaces, a line end last."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read(version: RuleSetVersion | None) -> dict[str, Any]:
    """Everything, with the rules of that version; a fixed number of queries."""
    times = _times()
    lists = {
        "calendars": times["calendar"],
        "owners": {"teams": _teams(), **times["owner"], "absences": _absences()},
        "pools": {"members": _members()},
        "territories": {"areas": _areas()},
        "sla_ladders": {"rungs": rungs()},
        "named_lists": {"values": _values()},
        "pipelines": {"stages": _stages()},
    }
    document: dict[str, Any] = {"format": FORMAT, "version": VERSION, "company": _company()}
    for name, section in SECTIONS.items():
        document[name] = list(_rows(section, lists.get(name, {})))
    document["rules"] = rules_of(version) if version else None
    return document


def _rows(section: Section, lists: dict[str, dict[str, list[Any]]]) -> Iterable[dict[str, Any]]:
    order = ("position", "id") if section.ordered else ("key",)
    columns = ("key", *(field.column for field in section.fields))
    for values in section.model.objects.order_by(*order).values_list(*columns):
        row = dict(zip(("key", *(field.name for field in section.fields)), values, strict=True))
        for field in section.fields:
            row[field.name] = _plain(row[field.name])
        yield row | {name: by_key.get(row["key"], []) for name, by_key in lists.items()}


def _company() -> dict[str, str]:
    installation = Installation.objects.filter(id=1).first() or Installation()
    return {
        "name": installation.company_name,
        "time_zone": installation.time_zone,
        "open_until": installation.open_until,
    }


def _grouped(rows: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    groups = defaultdict(list)
    for key, value in rows:
        groups[key].append(value)
    return groups


def _teams() -> dict[str, list[str]]:
    return _grouped(Membership.objects.order_by("team__key").values_list("owner__key", "team__key"))


def _times() -> dict[str, dict[str, dict[str, list[Any]]]]:
    """Hours, breaks and special days by key, of owners and of calendars; two queries."""
    found: dict[str, dict[str, dict[str, list[Any]]]] = {
        of: {"hours": defaultdict(list), "breaks": defaultdict(list), "special_days": defaultdict(list)}
        for of in ("owner", "calendar")
    }
    blocks = WeeklyHours.objects.order_by("weekday", "start_minute").values_list(
        "owner__key", "calendar__key", "kind", "weekday", "start_minute", "end_minute"
    )
    for owner, calendar, kind, weekday, start, end in blocks:
        of, what = ("owner" if owner else "calendar"), ("breaks" if kind == WeeklyHours.Kind.BREAK else "hours")
        found[of][what][owner or calendar].append({"weekday": weekday, "from": clock(start), "to": clock(end)})
    days = SpecialDay.objects.order_by("day", "start_minute").values_list(
        "owner__key", "calendar__key", "day", "start_minute", "end_minute", "name", "proposed"
    )
    for owner, calendar, day, start, end, name, proposed in days:
        times = (None, None) if start is None else (clock(start), clock(end))
        found["owner" if owner else "calendar"]["special_days"][owner or calendar].append(
            {"day": day.isoformat(), "from": times[0], "to": times[1], "name": name, "proposed": proposed}
        )
    return found


def _absences() -> dict[str, list[Any]]:
    rows = Absence.objects.order_by("starts_at", "ends_at", "reason", "kind").values_list(
        "owner__key", "starts_at", "ends_at", "reason", "kind"
    )
    return _grouped(
        (key, {"from": instant(start), "to": instant(end), "reason": reason, "kind": kind})
        for key, start, end, reason, kind in rows
    )


def _members() -> dict[str, list[Any]]:
    """Those in it now, in their order; who left is history. Whom a query finds stands here only with a weight or caps
    of their own, and whom it does not bring in because a person took them out is said."""
    rows = PoolMember.objects.filter(IN_A_FILE).order_by("position", "id")
    columns = ("pool__key", "owner__key", "weight", "active", "by_query", *MEMBER_TERMS)
    return _grouped((pool, _member(*columns)) for pool, *columns in rows.values_list(*columns))


def _member(owner: str, weight: int, active: bool, by_query: bool, *terms: Any) -> dict[str, Any]:
    row = {"owner": owner, "weight": weight}
    row |= {name: _plain(term) for name, term in zip(MEMBER_TERMS, terms, strict=True) if term is not None}
    if by_query:  # its dates are the query's
        row = {name: value for name, value in row.items() if name not in ("starts_at", "ends_at")} | {"by_query": True}
    return row if active else row | {"kept_out": True}


def _areas() -> dict[str, list[Any]]:
    names = Area._fields
    rows = TerritoryArea.objects.order_by(*names).values_list("territory__key", *names)
    return _grouped((key, dict(zip(names, area, strict=True))) for key, *area in rows)


def _values() -> dict[str, list[str]]:
    return _grouped(ListEntry.objects.order_by("list__key", "value").values_list("list__key", "value"))


def _stages() -> dict[str, list[Any]]:
    rows = Stage.objects.order_by("position", "id").values_list("pipeline__key", "key", "name")
    return _grouped((pipeline, {"key": key, "name": name}) for pipeline, key, name in rows)


def rules_of(version: RuleSetVersion) -> dict[str, Any]:
    """The rules of one version in the order in which they are asked, switched-off ones too."""
    rank = {step: place for place, step in enumerate(version.step_order)}
    groups = _groups(version)
    rows = Rule.objects.filter(version=version).order_by("position", "id")
    rules = [
        {field.name: _plain(row[field.column]) for field in RULE if not (field.sparse and row[field.column] is None)}
        | {"groups": groups.get(row["id"], [])}
        for row in rows.values("id", *(field.column for field in RULE))
    ]
    rules.sort(key=lambda rule: rank.get(rule["step"], len(rank)))
    return {
        "owner": version.owner.key,
        "purpose": version.purpose,
        "step_order": list(version.step_order),
        "time_zone": version.time_zone,
        "review_days": version.review_days,
        "rules": rules,
    }


def _plain(value: Any) -> Any:
    return instant(value) if hasattr(value, "astimezone") else value


def _groups(version: RuleSetVersion) -> dict[int, list[list[dict[str, Any]]]]:
    found: dict[int, dict[int, list[dict[str, Any]]]] = defaultdict(dict)
    rows = Condition.objects.filter(rule__version=version).order_by("rule_id", "group", "id")
    for rule, group, field, operator, value in rows.values_list("rule_id", "group", "field", "operator", "value"):
        found[rule].setdefault(group, []).append({"field": field, "operator": operator, "value": value})
    return {rule: list(numbered.values()) for rule, numbered in found.items()}
