"""Acts on leads that stand already in; decided by the same `decide`, written through the same door, out.

Claims, assignments, escalations and leads that are routed again all come through here. What an act is allowed
to do, and what it answers when it may not, is for `routing.acts` and `routing.escalation` to say.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Max

from leads.ids import new_ids
from leads.models import Lead
from owners.models import User
from routing.cases import numbers_of
from routing.current import Configuration, rules_of
from routing.engine.decide import decide
from routing.engine.people import People
from routing.engine.rules import Rule
from routing.engine.snapshot import read_case
from routing.engine.values import Act, Case, DealSeen, Former, Numbers
from routing.engine.values import Decision as DecisionValue
from routing.execute import apply
from routing.known import deals_now
from routing.models import Decision
from routing.prepare import Prepared
from routing.rows import EventRef, Settled


class By(NamedTuple):
    """Who acts: user id, owner id (None: somebody who takes no leads), name as sentences show it."""

    user: int | None
    owner: int | None
    name: str


REVROUTE = By(None, None, "RevRoute")


def by_user(user: User) -> By:
    """The signed-in user as an actor; two reads at most."""
    owner = getattr(user, "owner", None)
    name = owner.name if owner else user.get_full_name() or user.get_username()
    return By(user.pk, owner.pk if owner else None, name)


@dataclass(frozen=True, slots=True)
class Standing:
    """A lead as it stands: its row, the decision in force, who had it so far (owner ids, first to last), and the
    open deals of its buyer."""

    lead: Lead
    decision: Decision
    had: tuple[int, ...]
    deals: tuple[DealSeen, ...] = ()

    @property
    def owner(self) -> int | None:
        """Who works on it; nobody does on one that is closed, nurtured or rejected."""
        return self.lead.owner_id if self.lead.state == Lead.State.ASSIGNED else None

    @property
    def rule(self) -> Rule | None:
        """The rule that decided, of the version it was decided by."""
        if self.decision.version_id is None or self.decision.rule_id is None:
            return None
        return rules_of(self.decision.version_id).ruling(self.decision.rule_id, self.decision.rule_row)


def standing(leads: Iterable[int]) -> dict[int, Standing]:
    """Leads by id as they stand; those that do not exist are left out. Five statements, whatever the number."""
    ids = list(leads)
    rows = Lead.objects.select_related("contact").in_bulk(ids)
    ruling = Decision.objects.filter(lead__in=ids).exclude(status=Decision.Status.APPENDED)
    newest = list(ruling.values("lead").annotate(newest=Max("id")).order_by().values_list("newest", flat=True))
    in_force = {row.lead_id: row for row in Decision.objects.filter(id__in=newest).defer("trace")}
    had: dict[int, list[int]] = {id: [] for id in ids}
    for lead, owner in ruling.filter(status="assigned").order_by("id").values_list("lead_id", "owner_id"):
        had[lead].append(owner)
    deals = deals_now({lead.contact_id for lead in rows.values() if lead.contact_id is not None})
    return {
        id: Standing(lead, in_force[id], tuple(dict.fromkeys(had[id])), deals.get(lead.contact_id, ()))
        for id, lead in rows.items()
        if id in in_force
    }


def ask(at: Standing, kind: str, by: By, why: str, now: datetime, **fields: Any) -> Case:
    """The case of an act on the lead: what the decision in force saw, and what is wanted now.

    Whose contact it is and which deals are open is looked up anew: another lead of the same buyer may have opened
    one meanwhile, and a buyer has one open deal in a pipeline.

    `fields`: of `engine.values.Act` (to, cause, pool, reviewer, final).
    """
    seen = read_case(at.decision.snapshot)
    contact = at.lead.contact
    owner = contact.owner_id if contact else None
    act = _act(at, kind, by, why, fields)
    return replace(
        seen, now=now, contact=replace(seen.contact, owner=owner), act=act, open_lead=None,
        deals=tuple(deal for deal in at.deals if deal.id != act.deal), tried=at.had if kind in RETRIES else (),
    )  # fmt: skip


RETRIES = frozenset({"decline", "escalate"})
"""Acts that look for somebody who did not have the lead yet."""


def _act(at: Standing, kind: str, by: By, why: str, fields: dict[str, Any]) -> Act:
    rule, decision = at.rule, at.decision
    return Act(
        kind=kind, lead=at.lead.pk, by=by.name, by_owner=by.owner, why=why,
        state=at.lead.state, owner=at.owner, step=decision.hierarchy_step, team=decision.team_id, deal=at.lead.deal_id,
        tier=rule.tier if rule else decision.tier,
        policy=decision.sla_policy,
        pipeline=decision.pipeline_key or (rule.pipeline if rule else ""),
        stage=decision.stage_key or (rule.stage if rule else ""),
        sequence=decision.sequence or (rule.sequence if rule else ""),
        high_intent=decision.high_intent,
        **fields,
    )  # fmt: skip


class Asked(NamedTuple):
    """An act with the lead it is about; `case` as `ask` makes it."""

    at: Standing
    case: Case
    event: Prepared | None = None
    """With the facts as they are now, where a person mended them."""


class Decided(NamedTuple):
    """Acts that are decided and not written yet, with what they were decided by."""

    settled: list[Settled]
    config: Configuration
    numbers: Numbers

    def write(self, now: datetime) -> list[Settled]:
        """Through the door, in the same writer transaction."""
        if self.settled:
            apply(self.settled, self.config.people, self.numbers, now)
        return self.settled


Stays = Callable[[Asked, DecisionValue], bool]
"""Whether a lead is left as it is, now that the decision is known: then there is none about it."""


def decide_acts(asked: Sequence[Asked], by: By, config: Configuration, stays: Stays | None = None) -> Decided:
    """The acts decided one after the other, nothing written. Call inside the writer transaction."""
    decided, numbers = decide_in_turn(asked, config, stays)
    ids = new_ids(len(decided)) if decided else []
    settled = [_settled(one, decision, id, by) for (one, decision), id in zip(decided, ids, strict=True)]
    return Decided(settled, config, numbers)


def decide_in_turn(
    asked: Sequence[Asked], config: Configuration, stays: Stays | None = None
) -> tuple[list[tuple[Asked, DecisionValue]], Numbers]:
    """The acts with what is decided about them, and the numbers after them; in memory alone."""
    cases = [one.case for one in asked]
    formers = [_former(one.at, config.people) for one in asked]
    left = [former.member for former in formers if former.member is not None]
    numbers = numbers_of(cases, config.rules, config.people, cases[0].now, left)
    found = []
    for one, former in zip(asked, formers, strict=True):
        decision = decide(one.case, numbers, config.rules, config.people)
        if stays and stays(one, decision):
            continue
        numbers.take(decision, former)
        found.append((one, decision))
    return found, numbers


def _former(at: Standing, people: People) -> Former:
    """How the lead counted so far: `routing.loads` says the same of rows."""
    lead = at.lead
    opens = not (people.until_touched and lead.touched_at is not None)
    if at.owner is None or lead.is_test or not (opens and people.fills(lead.lead_type)):
        return Former(opens=opens)
    came_by = lead.member_id if people.capped.get(lead.member_id or 0) == at.owner else None
    return Former(at.owner, came_by, opens)


def with_reason(asked: Asked, why: str) -> Asked:
    """The same act with another reason, where the reason is known only once the case is."""
    assert asked.case.act is not None
    return asked._replace(case=replace(asked.case, act=replace(asked.case.act, why=why)))


def _settled(one: Asked, decision: DecisionValue, id: int, by: By) -> Settled:
    lead, case = one.at.lead, one.case
    ref = EventRef(one.at.decision.event_id, lead.source_id, lead.received_at)
    contact, company, new_contact, new_company = lead.contact_id, lead.company_id, False, False
    if one.event is not None:
        keeps = decision.outcome.status not in ("rejected", "appended")
        new_contact = keeps and case.contact.verdict == "new"
        new_company = new_contact and case.company.verdict == "new"
        contact = id if new_contact else case.contact.id
        company = id if new_company else case.company.id
    return Settled(
        one.event or ref, case, decision, contact=contact, company=company, new_contact=new_contact,
        new_company=new_company, again=id, actor=by.user,
    )  # fmt: skip
