"""A decision's findings in, one sentence that sales understands out; leaves alone what was found."""

from collections.abc import Mapping, Set
from typing import Any

from routing.engine.found import TO_CLAIM, Placed
from routing.engine.placing import room_of
from routing.engine.work import Work

ACRONYMS = {"ai", "api", "b2b", "crm", "eu", "erp", "hr", "it", "saas", "seo", "uk", "us"}
ROLES = {
    "cover": "who covers for them",
    "rule_fallback": "the rule’s fallback",
    "pool_fallback": "the pool’s fallback",
    "team_fallback": "the team’s fallback",
}
NOT_REPEATED = {"lead_score", "urgency", "service_requested", "budget_range", "territory", "open_deal_exists"}
"""Fields that have their own clause, or would only repeat one."""

LONGEST_VALUE = 60


def words(key: str) -> str:
    """A key as words: crm_workflow_repair is CRM workflow repair."""
    return " ".join(word.upper() if word in ACRONYMS else word for word in key.replace("-", "_").split("_") if word)


def assigned(work: Work, placed: Placed, conditions: list[Any]) -> str:
    """“Assigned to Elena because … and there is no open deal.”"""
    name = work.name(placed.owner)
    clauses = [*_about_buyer(work.facts), *_from_conditions(conditions), placed.because]
    clauses += _standing(work, placed)
    sentence = f"Assigned to {name} because {_and(clauses)}"
    if placed.instead_of:
        sentence += f"; {placed.instead_of}, so {name}, {ROLES[placed.role]}, takes it"
    return sentence + "."


def appended(work: Work, lead: int, owner: int | None, reviewer: int | None) -> str:
    """A known person's new inquiry."""
    whose = ", which is in review"
    if owner is not None:
        whose = f", which {work.name(owner)} owns"
    elif reviewer is not None:
        whose += f" with {work.name(reviewer)}"
    return f"Appended to lead {lead}{whose}, because the buyer is known and that lead is open."


def reviewed(why: str, reviewer: str) -> str:
    return f"Sent to manual review with {reviewer} because {why}."


def held(why: str, detail: str, pool: str, named: str, because: str = "") -> str:
    """A lead that waits for a pool; `why`: a review reason. `because`: why it came there, where an act sent it."""
    if why == TO_CLAIM:
        came = f", because {because.rstrip('.')}" if because else ""
        return f"Waits to be claimed by somebody of {pool}{came}; {named} answers for it."
    return f"Held for {pool} because {detail}; {named} answers for it."


def closed(status: str, why: str) -> str:
    return f"{'Rejected' if status == 'rejected' else 'Sent to nurture'} because {why}."


def _about_buyer(facts: Mapping[str, Any]) -> list[str]:
    clauses = []
    if "lead_score" in facts:
        clauses.append(f"lead score is {facts['lead_score']}")
    if facts.get("urgency") in ("high", "critical"):
        clauses.append(f"urgency is {facts['urgency']}")
    if service := facts.get("service_requested"):
        clauses.append(f"the buyer asked for {words(service)}")
    if budget := facts.get("budget_range"):
        clauses.append(f"budget is {budget.replace('_', ' to ')}")
    return clauses


def by_rule(name: str, conditions: list[Any]) -> str:
    """Why a rule without an owner decided: what it saw, and its name."""
    clauses = _from_conditions(conditions, frozenset())
    return f"{_and(clauses)} (rule “{name}”)" if clauses else f"rule “{name}” says so"


def _from_conditions(conditions: list[Any], said: Set[str] = NOT_REPEATED) -> list[str]:
    """The values that the first group of conditions that held saw, where no other clause says them."""
    held: list[Any] = next((group for group in conditions if all(row["result"] == "yes" for row in group)), [])
    return [
        f"{words(row['field'])} is {_short(row['saw'])}"
        for row in held
        if row["field"] not in said and isinstance(row["saw"], (str, int)) and not isinstance(row["saw"], bool)
    ]


def _short(value: object) -> str:
    """A value in a sentence: on one line, and not all of a buyer's message."""
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE].rstrip()}…"


def _standing(work: Work, placed: Placed) -> list[str]:
    """Whether a deal stands in the way, and the owner's room."""
    clauses = []
    if not work.case.deals:
        clauses.append("there is no open deal")
    if found := room_of(work, placed):
        clauses.append(f"{work.name(placed.owner)} has room ({found})")
    return clauses


def _and(clauses: list[str]) -> str:
    unique = list(dict.fromkeys(clauses))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} and {unique[-1]}"
