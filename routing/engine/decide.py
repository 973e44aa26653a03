"""A case, numbers, rules and people in; one decision out. Touches nothing: no rows, no clock, no chance.

The hierarchy is walked in the order of the rule-set version. In each step the rules whose conditions hold are
asked by position; the first that leads somewhere decides. Before any step that gives an owner, identity is
settled: an ambiguous person goes to review, a known person with an open lead is appended to it. The last
step always catches.
"""

from typing import Any

from routing.engine import acts, reason
from routing.engine.conclude import conclude
from routing.engine.found import TO_CLAIM, NotApplicable, Placed
from routing.engine.people import People
from routing.engine.placing import place
from routing.engine.rules import Rule, RuleSet
from routing.engine.values import Case, CompanyMatch, ContactMatch, Decision, Numbers
from routing.engine.verdict import Verdict
from routing.engine.work import Work

INVALID = "reject_invalid_or_spam"
LAST = "manual_review"


def decide(case: Case, numbers: Numbers, rules: RuleSet, people: People) -> Decision:
    """Decide one case. The same values always give the same decision, digest included.

    `numbers` is read, never changed; take the decision over with `Numbers.take` before deciding the next case
    of a batch.
    """
    work = Work(case, numbers, rules, people)
    if case.act is None:
        return conclude(work, _walk(work))
    work.notes.append(acts.note(case.act))
    return conclude(work, _walk(work) if case.act.kind in acts.WALKS else acts.obey(work, case.act))


def _walk(work: Work) -> Verdict:
    identified = False
    for step in work.rules.order:
        if not identified and step != INVALID:
            identified = True
            if verdict := _identity(work):
                return verdict
        entry = work.enter(step)
        verdict = _by_rules(work, step, entry) or (_validity(work, entry) if step == INVALID else None)
        if verdict:
            return verdict
    return _catch(work)


def _identity(work: Work) -> Verdict | None:
    """Whom an owner must not be chosen for: people who cannot be told apart, and those who have one."""
    case = work.case
    if case.validity == "spam":
        return None
    if case.contact.verdict == "ambiguous":
        return _ambiguous(case.contact, "people")
    if case.open_lead and not case.is_test:
        lead, owner, reviewer = case.open_lead
        sentence = reason.appended(work, lead, owner, reviewer)
        return Verdict("appended", "", None, lead=lead, owner=owner, reviewer=reviewer, reason=sentence)
    if case.company.verdict == "ambiguous":
        return _ambiguous(case.company, "companies")
    return None


def _ambiguous(match: ContactMatch | CompanyMatch, what: str) -> Verdict:
    detail = f"{len(match.candidates)} {what} match and cannot be told apart"
    if len(match.candidates) == 1:
        detail = "one contact has the same phone number with another e-mail, and may be somebody else"
    return _review("", None, "ambiguous_duplicate", detail)


def _by_rules(work: Work, step: str, entry: dict[str, Any]) -> Verdict | None:
    for rule in work.rules.matching(step, work.facts, work.case.now):
        row = work.seen(entry, rule)
        verdict = _obey(work, step, rule, row)
        if verdict:
            return verdict
    return None


def _obey(work: Work, step: str, rule: Rule, row: dict[str, Any]) -> Verdict | None:
    """What a rule whose conditions hold leads to; None when the next rule is to be asked."""
    if rule.target_kind in ("reject", "nurture"):
        row["result"] = rule.target_kind
        status = "rejected" if rule.target_kind == "reject" else "nurture"
        return Verdict(status, step, rule, reason=reason.closed(status, reason.by_rule(rule.name, row["conditions"])))
    if rule.target_kind == "review":
        row["result"] = "review"
        why = rule.review_reason or (
            "critical_severity" if step == "critical_severity_founder_review" else "unresolved"
        )
        return _review(
            step, rule, why, reason.by_rule(rule.name, row["conditions"]), flag="exception" if step == LAST else "ok"
        )
    found = place(work, rule, step)
    if isinstance(found, Placed):
        row["result"] = found.role
        sentence = reason.assigned(work, found, row["conditions"])
        return Verdict("assigned", step, rule, owner=found.owner, placed=found, reason=sentence, flag=found.flag)
    if isinstance(found, NotApplicable):
        row["result"] = "not_applicable"
        row["note"] = found.note
        return None
    row["result"] = "nobody"
    row["note"] = found.detail
    if rule.on_nobody == "next_step" and found.reason != TO_CLAIM:
        return None
    if found.waits is not None:
        row["result"] = "held"
        return Verdict(
            "held",
            step,
            rule,
            review_reason=found.reason,
            detail=found.detail,
            waits=found.waits,
            flag="ok" if found.reason == TO_CLAIM else "exception",
        )
    return _review(step, rule, found.reason, found.detail)


def _validity(work: Work, entry: dict[str, Any]) -> Verdict | None:
    """What holds without any rule: spam is rejected, a lead that nobody can reach is not sales work."""
    case = work.case
    entry["validity"] = case.validity
    if case.validity == "spam":
        return Verdict(
            "rejected",
            INVALID,
            None,
            reason=reason.closed("rejected", f"it is spam ({reason.words(case.spam)})"),
        )
    if case.validity == "missing_contact_data":
        return _review(INVALID, None, "missing_contact_data", "neither an e-mail nor a phone number was given")
    if case.validity == "no_usable_contact":
        why = "neither the e-mail nor the phone number can be used"
        return Verdict("nurture", INVALID, None, reason=reason.closed("nurture", why))
    return None


def _catch(work: Work) -> Verdict:
    """No rule led anywhere."""
    return _review(LAST, None, "unresolved", "no rule led to an owner")


def _review(step: str, rule: Rule | None, why: str, detail: str, flag: str = "exception") -> Verdict:
    return Verdict("review", step, rule, review_reason=why, detail=detail, flag=flag)
