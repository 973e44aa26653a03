"""Examples of what rules mean in, the engine's own answer to each out. Reads no rows and decides nothing itself.

The help shows the examples with the answers, and the tests hold every answer against what is expected here, so that
page and engine cannot differ. What becomes of leads that nobody can take is in `routing.giving_way`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from routing.engine.conditions import NO, UNKNOWN, YES, make_condition
from routing.engine.fields import FIELD_KINDS, FIELDS, OPERATORS, OPERATORS_BY_KIND
from routing.engine.rules import DEFAULT_ORDER, compile_rules
from routing.names import Names
from routing.rule_words import FLAGS, condition_words, row_words, when_words
from routing.window_examples import ZONE, windows

LISTS = {"partners": frozenset({"example.com", "acme.example"})}
NAMES = Names(lists={"partners": "Partners"})
AT = datetime(2026, 3, 2, 10, 0, tzinfo=ZoneInfo(ZONE))
KINDS = {
    "text": "one text",
    "words": "several values",
    "number": "number",
    "flag": "yes or no",
    "moment": "time",
}


# --- conditions ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Example:
    """A condition, the value that the lead brought (None for nothing), the answer expected, and why."""

    field: str
    operator: str
    value: Any
    saw: Any
    expected: str
    why: str = ""

    @property
    def row(self) -> dict[str, Any]:
        """The condition as a frozen rule holds it."""
        return {"field": self.field, "operator": self.operator, "value": self.value}


@dataclass(frozen=True, slots=True)
class Section:
    slug: str
    title: str
    text: str
    examples: tuple[Example, ...]


SECTIONS = (
    Section(
        "kinds",
        "Numbers are compared as numbers",
        "What cannot be read as the field’s kind is unknown. Postal codes are texts: their zeros stay.",
        (
            Example("company_size", "at_least", 9, 10, YES, "as texts, 10 would come before 9"),
            Example("company_size", "is", 250, "250", YES, "the text of a number is that number"),
            Example("company_size", "between", [50, 250], 250, YES, "both ends belong to it"),
            Example("company_size", "at_least", 50, "about 80", UNKNOWN, "not a number"),
            Example("postal_code", "starts_with", "0", "01067", YES),
        ),
    ),
    Section(
        "folding",
        "Case, accents and outer spaces make no difference",
        "Texts are folded on both sides before they are compared. Another spelling is another text.",
        (
            Example("city", "is", "Zürich", "ZURICH", YES),
            Example("city", "is", "Zürich", "Zuerich", NO, "“ue” is another spelling"),
            Example("company_name", "contains", "straße", "Hauptstrasse 4 AG", YES, "“ß” folds to “ss”"),
            Example("job_title", "starts_with", "vp", "  VP of Sales", YES),
        ),
    ),
    Section(
        "sets",
        "A field may have several values",
        "One of them is enough, but “is not” and “is none of” ask it of all.",
        (
            Example("service_requested", "is", "audit", ["Repair", "Audit"], YES),
            Example("service_requested", "is_not", "audit", ["Repair", "Audit"], NO, "one of them is"),
            Example("service_requested", "one_of", ["audit", "training"], ["Repair", "Audit"], YES),
            Example("service_requested", "none_of", ["training"], ["Repair", "Audit"], YES),
            Example("service_requested", "is_not_blank", None, [], NO, "no values: blank"),
        ),
    ),
    Section(
        "unknown",
        "Blank is unknown, and unknown is not no",
        "Every condition answers yes, no or unknown. Only “is blank” holds for what a lead did not bring; an"
        " alternative holds when all its conditions answer yes.",
        (
            Example("country", "is", "DE", None, UNKNOWN),
            Example("country", "is_not", "DE", None, UNKNOWN, "nobody knows that it is not"),
            Example("country", "none_of", ["DE", "AT"], "", UNKNOWN),
            Example("lead_score", "at_most", 10, None, UNKNOWN, "a missing score is not a low one"),
            Example("consent_to_contact", "is_false", None, None, UNKNOWN, "nobody was asked"),
            Example("consent_to_contact", "is_false", None, False, YES),
            Example("country", "is_blank", None, "  ", YES, "only spaces: blank"),
            Example("country", "is_not_blank", None, None, NO),
        ),
    ),
    Section(
        "lists",
        "Named lists",
        "A list is edited beside the rules and counts at once, in the version in force too. Here “Partners” holds"
        " example.com and acme.example. A list that was deleted holds nothing.",
        (
            Example("company_domain", "in_list", "partners", "ACME.example", YES, "folded like any text"),
            Example("company_domain", "in_list", "partners", "mail.acme.example", NO, "whole values, not parts"),
            Example("company_domain", "not_in_list", "partners", "example.org", YES),
            Example("company_domain", "not_in_list", "partners", None, UNKNOWN),
            Example("company_domain", "in_list", "deleted", "example.com", NO, "the list is gone"),
        ),
    ),
    Section(
        "dates",
        "Before and after",
        f"A date is the whole day in the version’s zone, here {ZONE}: before it ends when the day begins, after it"
        " begins when the day is over.",
        (
            Example("received_at", "before", "2026-04-01", "2026-03-31T23:59:59+02:00", YES),
            Example("received_at", "before", "2026-04-01", "2026-03-31T22:00:00Z", NO, "midnight in Berlin"),
            Example("received_at", "after", "2026-04-01", "2026-04-01T18:00:00+02:00", NO, "still that day"),
            Example("received_at", "after", "2026-04-01", "2026-04-02T00:00:00+02:00", YES),
            Example(
                "received_at",
                "between",
                ["2026-04-01", "2026-04-03"],
                "2026-04-03T23:59:59+02:00",
                YES,
                "the last day belongs to it",
            ),
        ),
    ),
)


def answer(example: Example) -> str:
    """What the engine says: yes, no or unknown."""
    condition = make_condition(example.field, example.operator, example.value, ZoneInfo(ZONE), LISTS)
    return condition.evaluate({example.field: example.saw})


def saw_words(saw: Any) -> str:
    """What a lead brought, in quotation marks where it is a text, so that spaces are seen."""
    if saw is None or saw == []:
        return "nothing"
    if isinstance(saw, bool):
        return "yes" if saw else "no"
    if isinstance(saw, list):
        return " and ".join(map(saw_words, saw))
    return f"“{saw}”" if isinstance(saw, str) else f"{saw:,}"


# --- which rule decides ----------------------------------------------------------------------------------


def _rule(id: int, name: str, step: str, *groups: list[tuple[str, str, Any]], **fields: Any) -> dict[str, Any]:
    keys = ("field", "operator", "value")
    return {
        "id": id, "name": name, "step": step, "position": 10 * id, "target": {"kind": "nurture"},
        "groups": [[dict(zip(keys, row, strict=True)) for row in group] for group in groups],
    } | fields  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """Rules and a lead; `expected`: the name of the rule that decides, with the row of its table; empty for none."""

    title: str
    rules: tuple[dict[str, Any], ...]
    facts: Mapping[str, Any]
    expected: str
    why: str


_GERMANY = _rule(1, "Germany", "territory_owner", [("country", "is", "DE")])
_LARGE = _rule(2, "Large", "territory_owner", [("company_size", "at_least", 500)])
_AUDITS = _rule(3, "Audits", "service_line_owner", [("service_requested", "is", "audit")])
_BY_SIZE = _rule(
    4,
    "By size",
    "territory_owner",
    [("country", "is", "DE")],
    table={
        "inputs": [
            {"field": "company_size", "operator": "at_least"},
            {"field": "consent_to_contact", "operator": "is_true"},
        ],
        "outputs": ["tier"],
        "rows": [
            {"in": [500, None], "out": ["priority"]},
            {"in": [50, False], "out": ["middle"]},
            {"in": [None, None], "out": [None]},
        ],
    },
)
_ABROAD = _rule(5, "Abroad", "territory_owner", [("country", "is_not", "DE")], [("country", "is_blank", None)])

CHOICES = (
    Choice(
        "Two rules of a step hold",
        (_GERMANY, _LARGE),
        {"country": "DE", "company_size": 900},
        "Germany",
        "first by position",
    ),
    Choice(
        "Only the second holds",
        (_GERMANY, _LARGE),
        {"country": "FR", "company_size": 900},
        "Large",
        "the first answers no",
    ),
    Choice(
        "Rules of two steps hold",
        (_LARGE, _AUDITS),
        {"company_size": 900, "service_requested": ["audit"]},
        "Large",
        "its step comes first, whatever the positions are",
    ),
    Choice(
        "The first answers unknown",
        (_LARGE, _AUDITS),
        {"service_requested": ["audit"]},
        "Audits",
        "unknown does not hold",
    ),
    Choice("None holds", (_GERMANY, _LARGE), {"country": "FR"}, "", "the last step catches the lead"),
    Choice("An alternative for blank", (_ABROAD,), {}, "Abroad", "one alternative is enough"),
    Choice(
        "Two rows of a table hold",
        (_BY_SIZE,),
        {"country": "DE", "company_size": 900, "consent_to_contact": False},
        "By size, row 1",
        "first matching row",
    ),
    Choice(
        "A cell is no",
        (_BY_SIZE,),
        {"country": "DE", "company_size": 60, "consent_to_contact": False},
        "By size, row 2",
        "row 1 asks for 500",
    ),
    Choice(
        "A cell asks what is unknown",
        (_BY_SIZE,),
        {"country": "DE", "company_size": 60},
        "By size, row 3",
        "empty cells hold for every lead",
    ),
    Choice(
        "The rule of a table does not hold",
        (_BY_SIZE, _LARGE),
        {"country": "FR", "company_size": 900},
        "Large",
        "rows are asked only when the rule’s own conditions hold",
    ),
)


def content_of(rules: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """A frozen content of these rules alone."""
    return {"version": 1, "owner": 1, "zone": ZONE, "order": list(DEFAULT_ORDER), "rules": list(rules)}


def winner(choice: Choice) -> str:
    """The name of the rule that the engine finds first, with its row; empty for none."""
    found = compile_rules(content_of(choice.rules), LISTS)
    return next((rule.name for step in found.order for rule in found.matching(step, choice.facts, AT)), "")


# --- as the page shows it --------------------------------------------------------------------------------


@cache
def shown() -> dict[str, Any]:
    """Every example with the engine's answer, in words. The same for as long as the program runs."""
    return {
        "sections": [
            {"slug": section.slug, "title": section.title, "text": section.text, "rows": [*_examples(section)]}
            for section in SECTIONS
        ],
        "choices": [*_choices()],
        "table": [
            row_words(_BY_SIZE["table"], number, NAMES) for number in range(1, len(_BY_SIZE["table"]["rows"]) + 1)
        ],
        "windows": [*windows()],
        "kinds": [*_kinds()],
    }


def _examples(section: Section) -> Iterator[dict[str, str]]:
    for example in section.examples:
        asked = condition_words(example.row, NAMES)
        yield {"asked": asked, "saw": saw_words(example.saw), "answer": answer(example), "why": example.why}


def _choices() -> Iterator[dict[str, Any]]:
    for choice in CHOICES:
        rules = [f"{rule['name']}: {when_words(rule, NAMES)}" for rule in choice.rules]
        lead = ", ".join(_fact_words(field, saw) for field, saw in choice.facts.items()) or "nothing known"
        yield {
            "title": choice.title, "rules": rules, "lead": lead,
            "winner": winner(choice) or "no rule", "why": choice.why,
        }  # fmt: skip


def _fact_words(field: str, saw: Any) -> str:
    if isinstance(saw, bool):
        return FLAGS[field][not saw]
    return f"{FIELDS[field]} {saw_words(saw)}"


def _kinds() -> Iterator[dict[str, str]]:
    for kind, label in KINDS.items():
        fields = ", ".join(FIELDS[name] for name, of in FIELD_KINDS.items() if of == kind)
        operators = ", ".join(OPERATORS[name] for name in OPERATORS_BY_KIND[kind])
        yield {"label": label, "fields": fields, "operators": operators}
