"""A lead in, everything that happened to it out: one entry for each instant, in words and in order; writes nothing.

What is told comes from the rows that were written when it happened: events, decisions of every origin, facts,
activities, pauses, notes, deliveries, plan actions and escalations. A fixed number of statements.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Q
from django.utils import timezone

from leads.contract import FIELDS
from leads.models import Activity, Lead, Note, RawEvent
from owners.models import Owner, User
from routing.drawing import STATUSES
from routing.engine.clock import NEEDS_NOBODY, is_touch
from routing.engine.reason import words
from routing.engine.snapshot import read_case
from routing.engine.values import Case
from routing.messages import OVERDUE
from routing.models import Decision, Delivery, Escalation, Fact, PlanAction, SlaClock, SlaPause

MOST = 60
"""Rows of one kind that are told: a lead with more has a list of its own in the admin."""

TOLD = {
    Delivery.Kind.ASSIGNMENT: "of the lead",
    Delivery.Kind.NOTICE: "of a new inquiry",
    Delivery.Kind.REVIEW: "that it waits for review",
    Delivery.Kind.OPERATOR: "that something needs an operator",
    Delivery.Kind.REMINDER: "that time runs out",
    Delivery.Kind.ESCALATION: "that time ran out",
    Delivery.Kind.MOVED: "that it went to somebody else",
    Delivery.Kind.RUNG: "of a rung of the ladder",
}
SENT = {
    Delivery.State.SENT: ("bell", "", "was told"),
    Delivery.State.DEAD: ("circle-x", "bad", "could not be told"),
    Delivery.State.OWED: ("clock", "", "is to be told"),
    Delivery.State.SENDING: ("clock", "", "is being told"),
    Delivery.State.BLOCKED: ("clock", "", "will be told, once the CRM has it,"),
}
"""Messages that were dropped are not told of: the lead had moved on before they were sent."""
RUNGS = {
    Escalation.Action.REMIND: ("alarm-clock", "warn", "Owner reminded"),
    Escalation.Action.MOVE: ("users", "warn", "Team lead told, lead moved"),
    Escalation.Action.REVIEW: ("eye", "bad", "Put into review"),
    Escalation.Action.BREACH: ("triangle-alert", "bad", "Breach noted"),
    Escalation.Action.TELL: ("alarm-clock", "warn", "Others told that nobody acted"),
    Escalation.Action.QUEUE: ("clock", "warn", "Put into a queue"),
}
LATE_SECONDS = 60
DONE = {
    Activity.Kind.CALL: ("phone", "called"),
    Activity.Kind.EMAIL: ("mail", "wrote an e-mail"),
    Activity.Kind.MESSAGE: ("message-square", "sent a message"),
    Activity.Kind.MEETING: ("calendar", "met the buyer"),
    Activity.Kind.BOOKING: ("calendar", "booked a meeting"),
    Activity.Kind.VIEW: ("eye", "looked at it"),
    Activity.Kind.AUTOMATIC: ("send", "Automatic mail went out"),
    Activity.Kind.IMPORT: ("upload", "Imported"),
}
INSTANTS = {
    Fact.Kind.CONFIRMED: ("database", "", "Written to the CRM"),
    Fact.Kind.ACCEPTED: ("circle-check", "good", "Accepted"),
    Fact.Kind.DECLINED: ("x", "warn", "Declined"),
    Fact.Kind.BREACHED: ("triangle-alert", "bad", "Time ran out"),
    Fact.Kind.ANSWERED: ("alarm-clock", "warn", "Answered late"),
    Fact.Kind.CLOSED: ("archive", "good", "Closed"),
    Fact.Kind.REOPENED: ("refresh-cw", "", "Opened again"),
}
"""Facts that no other row tells of."""
CLOCKS = dict(SlaClock.Kind.choices)
FAILED = (PlanAction.State.STOPPED, PlanAction.State.DEAD)


class Moment(NamedTuple):
    """One thing that happened. `rank` sorts what happened at one instant; `tone`: empty, good, warn, bad or now."""

    at: datetime
    rank: int
    icon: str
    tone: str
    title: str
    text: str = ""
    by: str = ""


class Life(NamedTuple):
    """`decisions`: the newest first; `case`: what the decision in force saw, if that can be read."""

    moments: list[Moment]
    decisions: list[Decision]
    case: Case | None


def life_of(lead: Lead) -> Life:
    """The whole story of a lead, the earliest first."""
    rows = Decision.objects.filter(lead=lead).select_related("actor__owner", "owner").defer("trace").order_by("-id")
    decisions = list(rows[:MOST])
    cases = {row.pk: case for row in decisions if (case := _case(row))}
    first = decisions[-1] if decisions else None
    told = [
        *_arrivals(lead, decisions),
        *(_understood(first, cases[first.pk], lead) if first and first.pk in cases else ()),
        *_decided(decisions),
        *_written(decisions),
        *_told(decisions),
        *_facts(lead),
        *_activities(lead),
        *_waits(lead),
        *_rungs(lead),
        *_notes(lead, decisions),
    ]
    ruling = next((row for row in decisions if row.status != Decision.Status.APPENDED), None)
    case = cases.get(ruling.pk) if ruling else None
    return Life(sorted(told, key=lambda moment: moment[:2]), decisions, case)


def _case(row: Decision) -> Case | None:
    """What the decision saw. None for a person who was erased since."""
    try:
        return read_case(row.snapshot)
    except (KeyError, TypeError, ValueError):
        return None


def _arrivals(lead: Lead, decisions: Sequence[Decision]) -> Iterator[Moment]:
    ids = {lead.pk, *(row.event_id for row in decisions)}
    events = RawEvent.objects.filter(pk__in=ids).order_by("pk")
    for id, at, source in events.values_list("pk", "received_at", "source__name"):
        title = f"Arrived from {source}" if id == lead.pk else f"Came again, from {source}"
        yield Moment(at, 0, "inbox", "", title, f"Event {id}, kept as it came.")


def _understood(first: Decision, case: Case, lead: Lead) -> Iterator[Moment]:
    """How the first event was read and whom it matched: both in the instant of the first decision."""
    kind = words(first.lead_type)
    read = len([name for name in FIELDS if case.facts.get(name) is not None])
    parts = [f"{kind[:1].upper()}{kind[1:]}{', high intent' if first.high_intent else ''}"]
    parts.append(f"{read} fields read")
    if case.problems:
        labels = (FIELDS[problem[1]].label if problem[1] in FIELDS else problem[1] for problem in case.problems)
        parts.append(f"could not be read: {', '.join(dict.fromkeys(labels))}")
    tone = "warn" if case.problems else ""
    yield Moment(first.decided_at, 1, "file-text", tone, "Understood", "; ".join(parts) + ".")
    yield Moment(first.decided_at, 2, "link", "", "Matched", _match(case, lead))


def _match(case: Case, lead: Lead) -> str:
    who = {
        "certain": f"Known person: {lead.contact or 'since merged'}",
        "ambiguous": f"It could be any of {len(case.contact.candidates)} people",
    }.get(case.contact.verdict, "A new person")
    company = str(lead.company) if lead.company else "since merged"
    where = {
        "certain": f"known company: {company}{', a customer' if case.company.customer else ''}",
        "ambiguous": f"{len(case.company.candidates)} companies fit",
        "new": f"new company: {company}",
    }.get(case.company.verdict, "no company to go by")
    count = len(case.deals)
    deals = f"{count} open deal{'' if count == 1 else 's'}" if count else "no open deal"
    return f"{who}; {where}; {deals}."


def _decided(decisions: Iterable[Decision]) -> Iterator[Moment]:
    for row in decisions:
        icon, tone, word = STATUSES[row.status]
        title = f"{word[:1].upper()}{word[1:]}"
        if row.status == Decision.Status.ASSIGNED and row.owner:
            title = f"{'Assigned' if row.origin == Decision.Origin.ROUTING else 'Given'} to {row.owner.name}"
        yield Moment(row.decided_at, 3, icon, tone, title, row.reason, _name(row.actor))


def _name(user: User | None) -> str:
    if user is None:
        return ""
    owner = getattr(user, "owner", None)
    return owner.name if owner else user.get_full_name() or user.get_username()


def _written(decisions: Sequence[Decision]) -> Iterator[Moment]:
    """One entry for each decision's plan that was carried out, one for each action that failed."""
    rows = PlanAction.objects.filter(decision__in=[row.pk for row in decisions]).order_by("decision", "position")
    when = {row.pk: row.decided_at for row in decisions}
    done: dict[int, list[tuple[datetime, str]]] = {}
    for decision, action, state, confirmed, error in rows.values_list(
        "decision_id", "action", "state", "confirmed_at", "error"
    ):
        if state == PlanAction.State.CONFIRMED and confirmed:
            done.setdefault(decision, []).append((confirmed, words(action)))
        elif state in FAILED:
            title = f"Not carried out: {words(action)}"
            yield Moment(when[decision], 4, "circle-x", "bad", title, error)
    for written in done.values():
        names = ", ".join(name for _, name in written)
        yield Moment(
            max(at for at, _ in written), 5, "list-checks", "", "Carried out", f"{names[:1].upper()}{names[1:]}."
        )


def _told(decisions: Sequence[Decision]) -> Iterator[Moment]:
    rows = Delivery.objects.filter(decision__in=[row.pk for row in decisions], state__in=SENT).order_by("-id")[:MOST]
    found = rows.values_list(
        "kind", "occasion", "channel", "state", "owner__name", "sent_at", "attempted_at", "created_at", "error"
    )
    channels = dict(Delivery.Channel.choices)
    together: dict[Any, tuple[datetime, list[str]]] = {}
    for kind, occasion, channel, state, owner, sent, tried, made, error in found:
        at = sent or tried or made
        owner = "Another program" if channel == Delivery.Channel.WEBHOOK else owner
        about = "that its review is overdue" if occasion == OVERDUE else TOLD[kind]
        key = (about, state, owner, at.replace(microsecond=0), error)
        together.setdefault(key, (at, []))[1].append(channels[channel])
    for (about, state, owner, _, error), (at, by) in together.items():
        icon, tone, did = SENT[state]
        title = f"{owner} {did} {about} {_channels(by)}"
        yield Moment(at, 6, icon, tone, title, error if state == Delivery.State.DEAD else "")


def _channels(names: Iterable[str]) -> str:
    said = dict.fromkeys(name if name.startswith("in ") else f"by {name}" for name in sorted(names))
    return " and ".join(said)


def _facts(lead: Lead) -> Iterator[Moment]:
    """That the CRM has it; who accepted, declined, was late, closed."""
    rows = list(Fact.objects.filter(lead=lead, kind__in=INSTANTS).order_by("-id")[:MOST].values_list(
        "kind", "at", "owner_id", "actor_id", "detail"
    ))  # fmt: skip
    owners = Owner.objects.in_bulk({row[2] for row in rows if row[2]})
    actors = User.objects.select_related("owner").in_bulk({row[3] for row in rows if row[3]})
    breached: dict[Any, list[str]] = {}
    answered: dict[datetime, list[str]] = {}
    for kind, at, owner, actor, detail in rows:
        icon, tone, title = INSTANTS[kind]
        by = _name(actors.get(actor)) or (owners[owner].name if owner in owners and kind == "accepted" else "")
        if kind == Fact.Kind.BREACHED:
            breached.setdefault((at, owner), []).append(CLOCKS.get(detail, detail))
        elif kind == Fact.Kind.ANSWERED:
            answered.setdefault(at, []).append(CLOCKS.get(detail, detail))
        elif kind == Fact.Kind.CLOSED:
            yield Moment(at, 6, icon, "good" if detail == "converted" else "", f"{title} as {detail}", "", by)
        elif kind == Fact.Kind.CONFIRMED:
            yield Moment(at, 4, icon, tone, title)
        else:
            yield Moment(at, 6, icon, tone, title, "By acting on it." if detail == "acted" else "", by)
    for (at, owner), clocks in breached.items():
        title = f"Time of {owners[owner].name} ran out" if owner in owners else "Time ran out"
        yield Moment(at, 6, "triangle-alert", "bad", title, f"For: {', '.join(sorted(clocks))}.")
    for at, clocks in answered.items():
        text = f"After the time had run out for: {', '.join(sorted(clocks))}."
        yield Moment(at, 8, *INSTANTS[Fact.Kind.ANSWERED], text)


def _activities(lead: Lead) -> Iterator[Moment]:
    rows = Activity.objects.filter(lead=lead).order_by("-id")[:MOST]
    for kind, at, said, outcome, actor in rows.values_list(
        "kind", "created_at", "happened_at", "outcome", "actor__name"
    ):
        icon, did = DONE[kind]
        nobody = "The buyer" if kind in NEEDS_NOBODY else "Somebody"
        title = f"{actor} {did}" if actor else did if did[0].isupper() else f"{nobody} {did}"
        local = timezone.localtime(said)
        late = f"It is said to have been at {local:%H:%M %Z on %d %b}." if at - said > timedelta(minutes=1) else ""
        yield Moment(at, 7, icon, "good" if is_touch(kind) else "", title, " ".join(filter(None, (outcome, late))))


def _waits(lead: Lead) -> Iterator[Moment]:
    """When the buyer was waited for, and who went on before the end."""
    rows = SlaPause.objects.filter(lead=lead).select_related("set_by__owner", "ended_by__owner")[:MOST]
    for row in rows:
        until = f"{timezone.localtime(row.ends_at):%a %-d %b, %H:%M %Z}"
        yield Moment(row.starts_at, 7, "pause", "", f"Waits for the buyer until {until}", row.reason, _name(row.set_by))
        if row.ended_by is not None:
            yield Moment(row.ends_at, 7, "play", "", "Went on before the end", "", _name(row.ended_by))


def _rungs(lead: Lead) -> Iterator[Moment]:
    """Rungs of the ladder that were late, or that told nobody: what the others did is told by its own row."""
    said = Escalation.objects.filter(Q(late_seconds__gte=LATE_SECONDS) | ~Q(note=""), clock__lead=lead)
    for action, rung, at, late, kind, owner, note in said.order_by("-id")[:MOST].values_list(
        "action", "rung", "fired_at", "late_seconds", "clock__kind", "clock__owner__name", "note"
    ):
        icon, tone, title = RUNGS[action]
        when = f"At {rung} % of" if rung > 0 else f"{-rung} minutes into"
        parts = [f"{when} the time of {owner} for: {CLOCKS.get(kind, kind)}"]
        parts += [f"{late} s late"] if late >= LATE_SECONDS else []
        parts += [note] if note else []
        yield Moment(at, 6, icon, tone, title, "; ".join(parts) + ".")


def _notes(lead: Lead, decisions: Iterable[Decision]) -> Iterator[Moment]:
    """What stands in the CRM's notes and is not a reason that was told already."""
    reasons = {row.reason for row in decisions}
    for at, text in Note.objects.filter(lead=lead).order_by("-id")[:MOST].values_list("created_at", "text"):
        if text not in reasons:
            yield Moment(at, 8, "pencil", "", "Note", text)
