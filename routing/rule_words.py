"""Frozen rules in, plain English out: what they ask, when they hold, where they lead. Decides nothing, reads nothing.

One wording for the editor, the tree, the comparison and the simulator. A rule is a dict as `routing.rulebook.freeze`
gives it; names come as `routing.names.Names`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from routing.engine.fields import FIELDS, OPERATORS
from routing.engine.tables import OUTPUTS, as_condition
from routing.names import Names

FrozenRule = Mapping[str, Any]
NO_NAMES = Names()
SHOWN = 4
"""Values of a list that are named before “and 12 more”."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
FLAGS = {
    "existing_customer": ("existing customer", "no existing customer"),
    "open_deal_exists": ("there is an open deal", "there is no open deal"),
    "consent_to_contact": ("consent to contact is given", "consent to contact is refused"),
    "high_intent": ("high intent", "no high intent"),
    "is_test": ("test lead", "no test lead"),
    "company_is_customer": ("the company is a customer", "the company is no customer"),
    "named_account": ("named account", "no named account"),
    "contact_known": ("the contact is known", "the contact is new"),
    "company_known": ("the company is known", "the company is new"),
}
"""Field -> what yes and no mean."""
ON_NOBODY = {
    "review": "if nobody can take it: review",
    "next_step": "if nobody can take it: the next rule",
    "hold": "if nobody can take it: wait for the pool",
}
WITHOUT_TEAM = ("team", "review", "nurture", "reject")
"""Targets of which a team says nothing about who may take the lead."""
NAMED_BY = {"territory": "territories", "lead_type": "lead_types", "source_key": "sources"}
"""Fields whose values are keys of something with a name."""


# --- what a rule asks ------------------------------------------------------------------------------------


def condition_words(row: Mapping[str, Any], names: Names = NO_NAMES) -> str:
    """One condition: “country is DE or AT”, “lead score is at least 70”, “the company is a customer”."""
    field, operator, value = row["field"], row["operator"], row.get("value")
    label = FIELDS.get(field, field)
    if operator in ("is_true", "is_false"):
        return FLAGS.get(field, (f"{label} is yes", f"{label} is no"))[operator == "is_false"]
    if operator in ("is_blank", "is_not_blank"):
        return f"{label} {OPERATORS[operator]}"
    return f"{label} {_asked(field, operator, value, names)}"


def _asked(field: str, operator: str, value: Any, names: Names) -> str:
    if operator == "one_of":
        return f"is {several(field, value, names)}"
    if operator == "none_of":
        return f"is {several(field, value, names, neither=True)}"
    if operator == "between":
        low, high = value if isinstance(value, list) and len(value) == 2 else (value, "?")
        return f"is between {_word(field, low, names)} and {_word(field, high, names)}"
    if operator in ("in_list", "not_in_list"):
        return f"{OPERATORS[operator]} {names.lists.get(value, value)}"
    return f"{OPERATORS.get(operator, operator)} {_word(field, value, names)}"


def several(field: str, values: Any, names: Names = NO_NAMES, *, neither: bool = False) -> str:
    """“DE, AT or CH”, shortened after a few; “neither DE nor AT” where none may be."""
    words = [_word(field, value, names) for value in (values if isinstance(values, list) else [values])]
    if len(words) > SHOWN + 1:
        shown = f"{', '.join(words[:SHOWN])} or {len(words) - SHOWN:,} more"
        return f"none of {shown}" if neither else shown
    joined = f"{', '.join(words[:-1])} {'nor' if neither else 'or'} {words[-1]}" if len(words) > 1 else words[0]
    return f"neither {joined}" if neither and len(words) > 1 else f"not {joined}" if neither else joined


def _word(field: str, value: Any, names: Names) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field in NAMED_BY and isinstance(value, str):
        return str(getattr(names, NAMED_BY[field]).get(value, value))
    return str(value)


def when_words(rule: FrozenRule, names: Names = NO_NAMES) -> str:
    """What a rule asks: conditions of an alternative with “and”, alternatives with “; or”; “every lead” without any."""
    asked = "; or ".join(" and ".join(condition_words(row, names) for row in group) for group in rule["groups"])
    table = rule.get("table")
    if not table:
        return asked or "every lead"
    return f"{asked}, {table_words(table)}" if asked else table_words(table)


def table_words(table: Mapping[str, Any]) -> str:
    """“by a table of 12 rows over country and company size”."""
    columns = list(dict.fromkeys(FIELDS.get(column["field"], column["field"]) for column in table["inputs"]))
    rows = len(table["rows"])
    over = f"{', '.join(columns[:-1])} and {columns[-1]}" if len(columns) > 1 else "".join(columns)
    return f"by a table of {rows:,} row{'' if rows == 1 else 's'} over {over}"


def window_words(rule: FrozenRule, zone: str) -> str:
    """When the rule holds: “Mon–Fri 09:00–17:00, until 1 Apr 2026, 00:00 (Europe/Berlin)”; empty for always."""
    start, end = rule.get("from_minute"), rule.get("until_minute")
    days = _days(rule.get("weekdays") or [])
    hours = f"{_clock(start)}–{_clock(end)}" if start is not None and end is not None else ""
    parts = [" ".join(part for part in (days, hours) if part)]
    parts += [
        f"{word} {_at(rule[key], zone)}" for word, key in (("from", "starts_at"), ("until", "ends_at")) if rule.get(key)
    ]
    said = ", ".join(part for part in parts if part)
    return f"{said} ({zone})" if said else ""


def _days(weekdays: Sequence[int]) -> str:
    days = sorted(weekdays)
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return f"{WEEKDAYS[days[0]]}–{WEEKDAYS[days[-1]]}"
    return ", ".join(WEEKDAYS[day] for day in days)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _at(text: str, zone: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(zone or 'UTC')):%-d %b %Y, %H:%M}"


# --- where it leads --------------------------------------------------------------------------------------


def target_words(rule: FrozenRule, names: Names) -> str:
    """Where it sends leads, by name: “EMEA Enterprise”, “the owner of the territory”, “review by Elena”."""
    target = rule["target"]
    return _target(target["kind"], target, names)


def _target(kind: str, target: Mapping[str, Any], names: Names) -> str:
    match kind:
        case "owner":
            return _name(names.owners, target.get("owner"), "owner")
        case "pool":
            return _name(names.pools, target.get("pool"), "pool")
        case "team":
            return f"the pool of team {_name(names.teams, target.get('team'), 'team')}"
        case "territory_owner":
            return "the owner of the territory"
        case "customer_owner":
            return "the owner of the customer or named account"
        case "deal_owner":
            return "the owner of the open deal"
        case "review":
            who = target.get("owner")
            return f"review by {_name(names.owners, who, 'owner')}" if who else "manual review"
        case "reject":
            return "rejected"
    return kind


def _name(known: Mapping[int, str], id: Any, what: str) -> str:
    return f"no {what}" if id is None else known.get(id, f"{what} {id}")


def extras_words(rule: FrozenRule, names: Names) -> list[str]:
    """What goes with it, each in a few words."""
    stage = names.stages.get(f"{rule['pipeline']}/{rule['stage']}", rule["stage"])
    pipeline = names.pipelines.get(rule["pipeline"], rule["pipeline"])
    intent = {True: "high intent", False: "no high intent", None: ""}[rule.get("high_intent")]
    target = rule["target"]
    said = (
        rule["tier"],
        intent,
        rule["sla_policy"] and f"SLA {names.policies.get(rule['sla_policy'], rule['sla_policy'])}",
        rule["pipeline"] and (f"{pipeline}: {stage}" if stage else str(pipeline)),
        rule["sequence"] and f"sequence {rule['sequence']}",
        rule["alert_channels"] and f"alerts by {' and '.join(rule['alert_channels'])}",
        rule["review_reason"] and f"as {rule['review_reason'].replace('_', ' ')}",
        target["team"]
        and target["kind"] not in WITHOUT_TEAM
        and f"who is in team {_name(names.teams, target['team'], 'team')}",
        rule.get("require_language") and "who speaks the lead’s language",
        rule.get("require_service") and "who covers the service",
        rule.get("require_skills") and f"with {', '.join(rule['require_skills'])}",
        rule["fallback_owner"] and f"else {_name(names.owners, rule['fallback_owner'], 'owner')}",
        ON_NOBODY.get(rule["on_nobody"], ""),
    )
    return [str(words) for words in said if words]


def sentence(rule: FrozenRule, names: Names, zone: str = "UTC") -> str:
    """The whole rule: “country is UK or IE and lead type is Demo → EMEA Enterprise, priority, SLA Fast”."""
    when, window = when_words(rule, names), window_words(rule, zone)
    asked = f"{when}, {window}" if window else when
    leads_to = ", ".join((where_words(rule, names), *extras_words(rule, names)))
    return f"{asked[:1].upper()}{asked[1:]} → {leads_to}"


def where_words(rule: FrozenRule, names: Names) -> str:
    """Of a table whose rows say where: what its rows leave open goes where the rule itself leads."""
    own = target_words(rule, names)
    said = {"target", "owner", "pool", "team"} & set((rule.get("table") or {}).get("outputs", ()))
    return f"as its row says, else {own}" if said else own


# --- rows of a table -------------------------------------------------------------------------------------


def row_words(table: Mapping[str, Any], number: int, names: Names) -> str:
    """Row `number`, from 1: “country is DE and company size is at least 500 → Large, priority”."""
    row = table["rows"][number - 1]
    asked = [
        condition_words(_cell(column, cell), names)
        for column, cell in zip(table["inputs"], row["in"], strict=False)
        if cell is not None
    ]
    said = dict(zip(table["outputs"], row["out"], strict=False))
    where = [output_words(name, cell, names) for name, cell in said.items() if cell is not None]
    when = " and ".join(asked) or "every lead"
    return f"{when[:1].upper()}{when[1:]} → {', '.join(where) or 'as the rule says'}"


def _cell(column: Mapping[str, Any], cell: Any) -> dict[str, Any]:
    field, operator, value = as_condition(column, cell)
    return {"field": field, "operator": operator, "value": value}


def output_words(name: str, cell: Any, names: Names) -> str:
    """One output of a row in words, people by their names."""
    match name:
        case "owner" | "pool" | "team":
            return _target(name, {name: cell}, names)
        case "target":
            return _target(cell, {}, names)
        case "fallback_owner":
            return f"else {_name(names.owners, cell, 'owner')}"
        case "high_intent":
            return "high intent" if cell else "no high intent"
        case "sla_policy":
            return f"SLA {names.policies.get(cell, cell)}"
        case "tier":
            return str(cell)
    return f"{OUTPUTS.get(name, name)} {cell}"
