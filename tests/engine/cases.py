"""A few words in, pure people, rules, numbers and cases of the engine out: ids and keys are the caller's."""

from datetime import UTC, datetime
from typing import Any

from routing.engine.decide import decide
from routing.engine.people import People, compile_people
from routing.engine.rules import STEPS, RuleSet, compile_rules
from routing.engine.snapshot import read_snapshot
from routing.engine.values import NO_LOAD, Case, Decision, Load, Numbers

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday
ELENA, MARCO, SAM, RUTH = 1, 2, 3, 4
NAMES = {ELENA: "Elena", MARCO: "Marco", SAM: "Sam", RUTH: "Ruth"}
SOURCE = 50


def person(id: int, **fields: Any) -> dict[str, Any]:
    """An owner who could take anything, but for what is given."""
    name = NAMES.get(id, f"Owner {id}")
    return {
        "id": id, "key": name.lower().replace(" ", "-"), "name": name, "state": "active", "accepts": True,
        "teams": [], "cover": None, "zone": "UTC", "hours": [], "absences": [], "languages": [],
        "services": [], "sources": [], "cap_open": None, "cap_day": None, "cap_week": None,
        "booking_url": "", "channels": [],
    } | fields  # fmt: skip


def away(now: datetime = NOW) -> list[list[str]]:
    """Absences of somebody who is away at `now`, and not only then."""
    return [[now.replace(hour=0).isoformat(), now.replace(hour=23).isoformat()]]


def team(id: int, **fields: Any) -> dict[str, Any]:
    return {"id": id, "key": f"team-{id}", "name": f"Team {id}", "lead": None, "fallback": None, "pool": None} | fields


def pool(id: int, *owners: int, weights: tuple[int, ...] = (), **fields: Any) -> dict[str, Any]:
    """Members carry the id 100 times the pool's plus the owner's."""
    members = [[100 * id + owner, owner, weights[place] if weights else 1, place] for place, owner in enumerate(owners)]
    return {
        "id": id, "key": f"pool-{id}", "name": f"Pool {id}", "team": None, "keeps_hours": True, "fallback": None,
        "members": members, "former": [],
    } | fields  # fmt: skip


def territory(key: str, owner: int | None, **fields: Any) -> dict[str, Any]:
    return {"id": len(key), "key": key, "name": key.title(), "owner": owner, "team": None} | fields


def people(*owners: dict[str, Any], **parts: Any) -> People:
    """People of revision 9; `parts` as `routing.revision` names them."""
    content = {
        "owners": list(owners), "teams": [], "pools": [], "territories": [], "areas": [], "policies": [],
        "lead_types": [{"key": "demo", "high_intent": True}, {"key": "contact", "high_intent": False}],
        "pipelines": [{"id": 1, "key": "sales", "stages": [["new", 1]]}],
        "sources": [{"id": SOURCE, "key": "web", "owner": owners[0]["id"] if owners else 0}],
    } | parts  # fmt: skip
    return compile_people(9, content)


def rule(id: int, step: str, kind: str, *groups: list[tuple[str, str, Any]], **fields: Any) -> dict[str, Any]:
    """`owner`, `pool` and `team` name the target; the other fields are those of a frozen rule."""
    target = {"kind": kind, **{name: fields.pop(name, None) for name in ("owner", "pool", "team")}}
    keys = ("field", "operator", "value")
    return {
        "id": id, "step": step, "position": id, "name": f"rule {id}", "target": target,
        "groups": [[dict(zip(keys, row, strict=True)) for row in group] for group in groups],
    } | fields  # fmt: skip


def rules(*rows: dict[str, Any], order: tuple[str, ...] = STEPS, owner: int = ELENA) -> RuleSet:
    """A rule set of version 3."""
    return compile_rules({"version": 3, "owner": owner, "order": list(order), "rules": list(rows)})


def case(facts: dict[str, Any] | None = None, **fields: Any) -> Case:
    """A usable lead of the web source; `facts` beside an e-mail and the type contact."""
    given = {"email": "ada@example.com", "lead_type": "contact"} | (facts or {})
    return Case(**{"now": NOW, "source": SOURCE, "facts": given, "validity": "usable"} | fields)


def numbers(of: People, loads: dict[int, Load] | None = None) -> Numbers:
    """Numbers of a day on which nobody had anything yet, but for the loads given."""
    return Numbers(loads=dict.fromkeys(of.owners, NO_LOAD) | (loads or {}), pools_read=set(of.pools))


def decided(
    rule_set: RuleSet,
    of: People,
    facts: dict[str, Any] | None = None,
    loads: dict[int, Load] | None = None,
    **fields: Any,
) -> Decision:
    """Decide one case; what `facts` and `fields` say as in `case`."""
    return decide(case(facts, **fields), numbers(of, loads), rule_set, of)


def again(decision: Decision, rule_set: RuleSet, of: People) -> Decision:
    """Decide from the decision's snapshot text."""
    seen, read, version, revision = read_snapshot(decision.snapshot)
    assert (version, revision) == (rule_set.version, of.revision)
    return decide(seen, read, rule_set, of)


def candidates(decision: Decision) -> list[tuple[int, str, dict[str, str]]]:
    """(owner, role, failed checks) in the order of the trace."""
    return [(row["owner"], row["as"], row.get("failed", {})) for row in decision.trace["candidates"]]
