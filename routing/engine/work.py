"""One decision while it is being made: its inputs, what it read, and its growing trace. Decides nothing itself."""

from typing import Any

from routing.engine.eligibility import Seat
from routing.engine.facts import derive, unconfirmed_claims
from routing.engine.people import People, Person, PoolOf
from routing.engine.rotation import Rotation, Turn
from routing.engine.rules import Rule, RuleSet
from routing.engine.values import Case, Load, Numbers, Waiting


class Work:
    """Inputs and notes. Every number is read through `load` and `rotation`, so that the snapshot holds it."""

    def __init__(self, case: Case, numbers: Numbers, rules: RuleSet, people: People) -> None:
        self.case = case
        self.rules = rules
        self.people = people
        self.facts = derive(case, people)
        self.notes = unconfirmed_claims(case, people)
        self.steps: list[dict[str, Any]] = []
        self.candidates: list[dict[str, Any]] = []
        self.loads_read: dict[int, Load] = {}
        self.member_loads_read: dict[int, Load] = {}
        self.turns_read: dict[int, Turn] = {}
        self.pools_read: set[int] = set()
        self.waiting_read: dict[int, Waiting] = {}
        self._numbers = numbers

    def load(self, owner: int) -> Load:
        """What the owner carries; remembered as read. KeyError when it was not read for this case: see `needs`."""
        load = self._numbers.loads[owner]
        self.loads_read[owner] = load
        return load

    def seat(self, pool: PoolOf, member: int) -> Seat | None:
        """The member's caps in the pool and what came to them by it, remembered as read; None where there are none."""
        if member not in self.people.capped:
            return None
        load = self._numbers.member_loads[member]
        self.member_loads_read[member] = load
        return Seat(pool.name, pool.terms[member], load)

    def rotation(self, pool: PoolOf) -> Rotation:
        """The pool's rotation; the turns of its members are remembered as read."""
        rotation = self._numbers.rotation(pool)
        self.turns_read.update(rotation.turns)
        self.pools_read.add(pool.id)
        return rotation

    def waiting_before(self, pool: PoolOf) -> int:
        """How many leads on hold for the pool this one must not overtake: high intent waits for its like only. What is
        on hold itself stands in that line already, and a test lead stands in none. Remembered as read."""
        waiting = self._numbers.waiting.get(pool.id)
        if waiting is None or self.case.is_test or (self.case.act and self.case.act.state == "held"):
            return 0
        self.waiting_read[pool.id] = waiting
        return waiting.high if self.facts.get("high_intent") else waiting.all

    def person(self, owner: int | None) -> Person | None:
        return None if owner is None else self.people.owners.get(owner)

    def name(self, owner: int) -> str:
        person = self.people.owners.get(owner)
        return person.name if person else f"owner {owner}"

    def enter(self, step: str) -> dict[str, Any]:
        """Begin a step's entry in the trace."""
        entry: dict[str, Any] = {"step": step, "considered": self.rules.count(step), "rules": []}
        self.steps.append(entry)
        return entry

    def seen(self, entry: dict[str, Any], rule: Rule) -> dict[str, Any]:
        """Note a rule whose conditions hold, with the values it saw."""
        row: dict[str, Any] = {
            "rule": rule.id,
            "name": rule.name,
            "conditions": self.rules.explain(rule, self.facts),
        }
        if rule.row:
            row["row"] = rule.row
        entry["rules"].append(row)
        return row
