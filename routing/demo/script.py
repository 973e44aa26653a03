"""An instant in, what happened in the two months before it out: inquiries, and what people did about them. Pure.

The two periods are those of the worked example: before and after the rules in force were published. How many
inquiries wait, are late, joined or booked is planned here in counts; that it comes out so is the pipeline's doing,
and `routing.reports` counts it. Delays are real time from the arrival, as in the reports, so that the weekday and
the hour of loading change nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from routing.demo.buyers import PLACES, Buyer, Buyers

PERIOD = timedelta(days=30)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LATE = timedelta(seconds=150)
QUIET = timedelta(minutes=50)
"""Before the end only what `LAST` says arrives, so that every inquiry has had its 30 minutes."""

MIX = {
    "demo": 90, "contact": 80, "diagnostic": 40, "content": 40, "partner": 25, "webinar": 20, "quote": 15, "trial": 10,
}  # fmt: skip
"""Leads of a period by type: 320."""

SOURCES = {
    "demo": "website_demo", "quote": "website_demo", "trial": "website_demo", "contact": "contact_form",
    "diagnostic": "diagnostics", "content": "guides", "partner": "partners", "webinar": "webinars",
}  # fmt: skip
REGIONS = (("europe", 46), ("americas", 36), ("asia_pacific", 18))
HOURS = range(8, 19)
"""When buyers write, on their own clocks."""


class Plan(NamedTuple):
    """Counts of a period. `queued`: new leads in review, of which demo requests `queued_demos`, and not touched
    within 30 minutes `queued_slow`. `unworked`: demo requests without a touch for an hour. `untouched`: leads without
    one for half an hour, in all. `booked`: demo requests with a meeting. `repeats`: inquiries of somebody whose lead
    is open. `late`: inquiries that the program took up only after minutes. `declined`: given back by their owners."""

    queued: int
    queued_demos: int
    queued_slow: int
    unworked: int
    untouched: int
    booked: int
    repeats: int
    late: int
    declined: int
    pace: tuple[float, float, float]
    """Minutes to the first touch of all others: least, most, usual."""


BEFORE = Plan(35, 10, 25, 20, 50, 28, 20, 4, 8, (4, 28.5, 16))
AFTER = Plan(6, 0, 4, 3, 11, 35, 10, 2, 4, (1, 27, 3))

LAST = (("contact", 12, ""), ("contact", 26, ""), ("contact", 41, ""), ("demo", 75, "europe"), ("demo", 130, "europe"),
        ("contact", 33, "critical"), ("webinar", 95, "queued"), ("webinar", 290, "queued"))  # fmt: skip
"""What nobody touched yet at the end: type, minutes before the end, and what is special about it."""


@dataclass(slots=True)
class Inquiry:
    """What a form sends, and when. `number` is its place in the story, and its submission."""

    number: int
    at: datetime
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    touch: timedelta | None = None
    late: bool = False
    bounces: bool = False
    queued: bool = False
    last: str | None = None


class Event(NamedTuple):
    """`act` is what happens at that instant to the lead of the inquiry with that number; `detail` says how."""

    at: datetime
    act: str
    number: int = -1
    detail: str = ""


@dataclass(slots=True)
class Script:
    """The inquiries by number, and everything that happens `until` then, in order."""

    inquiries: list[Inquiry]
    events: list[Event]
    until: datetime


def write(now: datetime, seed: int = 7) -> Script:
    """The story that ends at `now`; the same for the same `now` and `seed`."""
    turn = now - PERIOD
    writer = _Writer(Random(seed), now)
    writer.period(turn - PERIOD, turn, BEFORE)
    writer.add(turn, "publish")
    writer.period(turn, now, AFTER)
    writer.add(now - 2 * DAY, "absence", detail="liam")
    writer.add(now - timedelta(hours=3), "unreadable")
    writer.events.sort(key=lambda event: (event.at, event.number))
    return Script(writer.inquiries, [event for event in writer.events if event.at <= now], now)


class _Writer:
    """Grows the story period by period; every choice comes from the one generator."""

    def __init__(self, rng: Random, now: datetime) -> None:
        self.rng = rng
        self.now = now
        self.buyers = Buyers(rng)
        self.inquiries: list[Inquiry] = []
        self.events: list[Event] = []

    def add(self, at: datetime, act: str, number: int = -1, detail: str = "") -> None:
        self.events.append(Event(at, act, number, detail))

    def period(self, start: datetime, end: datetime, plan: Plan) -> None:
        """One period: who writes when, who waits, what people do, who writes again, and some spam."""
        leads = self._arrivals(start, end, plan is AFTER)
        self._queue(leads, plan)
        self._pace(leads, plan)
        for inquiry in leads:
            self._fill(inquiry, plan)
        for inquiry in self._some([one for one in leads if not (one.queued or one.last)], plan.late):
            inquiry.late = True
            self.add(inquiry.at + LATE, "taken", inquiry.number)
            inquiry.touch = max(inquiry.touch or MINUTE, 6 * MINUTE)
        _newest(leads, end - DAY).bounces = plan is AFTER
        self._work(leads, end, plan)
        self._repeats(leads, end, plan)
        for _ in range(12):
            self._spam(start + self.rng.random() * (PERIOD - DAY))

    # --- who writes, and when ---------------------------------------------------------------------------------

    def _arrivals(self, start: datetime, end: datetime, ends: bool) -> list[Inquiry]:
        kinds = [kind for kind, count in MIX.items() for _ in range(count)]
        last = LAST if ends else ()
        for kind, _, _ in last:
            kinds.remove(kind)
        self.rng.shuffle(kinds)
        leads = []
        for kind in kinds:
            region = self.rng.choices([name for name, _ in REGIONS], [weight for _, weight in REGIONS])[0]
            leads.append(self._inquiry(self._instant(region, start, end - QUIET), kind, region))
        for kind, minutes, special in last:
            inquiry = self._inquiry(end - minutes * MINUTE, kind, "europe")
            inquiry.last = special
            leads.append(inquiry)
        return sorted(leads, key=lambda one: one.at)

    def _inquiry(self, at: datetime, kind: str, region: str) -> Inquiry:
        inquiry = Inquiry(len(self.inquiries), at, kind, {"region": region}, SOURCES[kind])
        self.inquiries.append(inquiry)
        self.add(at, "arrives", inquiry.number)
        return inquiry

    def _instant(self, region: str, start: datetime, end: datetime) -> datetime:
        """Mostly in office hours on a working day of the region."""
        while True:
            at = start + self.rng.random() * (end - start)
            local = at.astimezone(ZoneInfo(PLACES[region][0].zone))
            if self.rng.random() < (1 if local.weekday() < 5 else 0.2) * (1 if local.hour in HOURS else 0.06):
                return at

    # --- who waits --------------------------------------------------------------------------------------------

    def _queue(self, leads: list[Inquiry], plan: Plan) -> None:
        """Which leads no rule of the period gives an owner: former rules know no territory for them, and those in
        force leave critical cases and small webinar guests to people."""
        chosen = [one for one in leads if one.last in ("critical", "queued")]
        free = [one for one in leads if one.last is None]
        if plan.queued_demos:
            chosen += self._some(_of(free, "demo"), plan.queued_demos)
            chosen += self._some(_of(free, "contact", "diagnostic", "quote"), plan.queued - len(chosen))
        else:
            chosen += self._some(_of(free, "webinar"), 1)
            chosen += self._some(_of(free, "contact"), plan.queued - len(chosen))
        for inquiry in chosen:
            inquiry.queued = True

    def _pace(self, leads: list[Inquiry], plan: Plan) -> None:
        """When somebody first calls or writes; never for those of `LAST`."""
        rng, (least, most, usual) = self.rng, plan.pace
        open_ = [one for one in leads if one.last is not None]
        free = [one for one in leads if one.last is None and one.kind != "content"]
        queued = [one for one in free if one.queued]
        demos = _of(free, "demo")
        unworked = self._some(_of(queued, "demo"), round(plan.queued_demos * 0.7))
        missing = plan.unworked - len(unworked) - len(_of(open_, "demo"))
        unworked += self._some([one for one in demos if not one.queued], missing)
        missing = plan.queued_slow - sum(one.queued for one in (*unworked, *open_))
        slow = self._some([one for one in queued if one.kind != "demo"], missing)
        others = [one for one in free if one.kind != "demo" and not one.queued]
        slow += self._some(others, plan.untouched - len(unworked) - len(slow) - len(open_))
        for one in free:
            one.touch = min(most, max(least, usual * rng.lognormvariate(0, 0.5))) * MINUTE
        for one in unworked:
            one.touch = 65 * MINUTE + rng.random() ** 3 * 20 * 60 * MINUTE
        for one in slow:
            one.touch = 34 * MINUTE + rng.random() ** 2 * 8 * 60 * MINUTE

    # --- what they send ---------------------------------------------------------------------------------------

    def _fill(self, one: Inquiry, plan: Plan) -> None:
        rng, region = self.rng, one.fields.pop("region")
        if one.queued and plan.queued_demos:
            region = "elsewhere"
        elif one.kind in ("demo", "contact", "quote") and not plan.queued_demos and not one.last and rng.random() < 0.1:
            region = "elsewhere"  # now the pool takes them
        buyer = self.buyers.one(region)
        one.fields = _person(buyer)
        one.fields |= {"lead_type": one.kind, "language": buyer.place.language}
        if one.kind in ("demo", "quote", "trial", "diagnostic") and rng.random() < 0.6:
            one.fields["lead_score"] = rng.randint(72, 98)
        one.fields |= self._wishes(one, plan)
        one.fields["message"] = rng.choice(MESSAGES.get(one.kind, MESSAGES["contact"]))

    def _wishes(self, one: Inquiry, plan: Plan) -> dict[str, Any]:
        rng = self.rng
        if one.last == "europe":
            return {"lead_score": 88, "urgency": "high", "country": "Germany"}  # Elena's: she is there at any hour
        if one.kind == "webinar":
            return {} if one.queued else {"company_size": rng.choice([320, 500, 1200, 4000])}
        if one.queued:
            return {} if plan.queued_demos else {"urgency": "critical"}
        if one.kind == "diagnostic":
            return {"service_requested": rng.choice(SERVICES), "urgency": rng.choice(["normal", "high"]),
                    "budget_range": rng.choice(["1000_5000", "5000_15000", "15000_50000"])}  # fmt: skip
        if one.kind in ("demo", "quote") and rng.random() < 0.2:
            return {"service_requested": rng.choice(SERVICES)}
        return {}

    # --- what people do ---------------------------------------------------------------------------------------

    def _work(self, leads: list[Inquiry], end: datetime, plan: Plan) -> None:
        """Touches, meetings and ends; some owners decline, some leads are moved by the manager."""
        worked = [one for one in leads if one.touch is not None]
        steady = [one for one in worked if not one.queued and (one.touch or MINUTE) > 5 * MINUTE]
        declined = {one.number for one in self._some(steady, plan.declined)}
        moved = {one.number for one in self._some(steady, 6)}
        demos = [one for one in _of(worked, "demo") if one.at < end - 3 * DAY]
        booked = {one.number for one in self._some(demos, plan.booked)}
        booked |= {one.number for one in self._some(_of(worked, "quote", "diagnostic", "partner"), 16)}
        for one in worked:
            self._touches(one, one.number in declined)
            if one.number in booked:
                self.add(one.at + one.touch + self._between(4, 36 * 60), "meeting", one.number, "Meeting booked")
            if one.number in moved:
                self.add(one.at + one.touch + self._between(30, 300), "move", one.number)
            self._ending(one, one.number in booked)

    def _touches(self, one: Inquiry, declined: bool) -> None:
        rng, touch = self.rng, one.touch or MINUTE
        if one.queued:
            self.add(one.at + touch - MINUTE / 2, "claim", one.number, rng.choice(CLAIMERS))
        elif declined:
            self.add(one.at + touch / 2, "decline", one.number, rng.choice(EXCUSES))
        elif rng.random() < 0.45:
            self.add(one.at + touch / 2, "accept", one.number)
        kind = rng.choice(["call", "call", "email"])
        self.add(one.at + touch, kind, one.number, rng.choice(OUTCOMES[kind]))
        if rng.random() < 0.4:
            self.add(one.at + touch + self._between(20 * 60, 60 * 60), "email", one.number, "Sent what they asked for")

    def _ending(self, one: Inquiry, booked: bool) -> None:
        rng = self.rng
        at = one.at + self._between(3 * 24 * 60, 9 * 24 * 60)
        if one.kind == "contact" and rng.random() < 0.12:
            self.add(at, "nurture", one.number, "Not before next year")
        elif booked:
            self.add(at + 4 * DAY, "close", one.number, rng.choices(["converted", "lost"], [1, 3])[0])
        else:
            self.add(at, "close", one.number, rng.choices(["lost", "unqualified", "converted"], [6, 4, 1])[0])

    def _repeats(self, leads: list[Inquiry], end: datetime, plan: Plan) -> None:
        """The same person once more, by another form, while the lead is open."""
        usual = [one for one in leads if one.touch and not one.queued and not one.late and one.at < end - 2 * DAY]
        for one in self._some(usual, plan.repeats):
            again = self._inquiry(one.at + self._between(150, 40 * 60), "contact", "europe")
            again.fields = {key: one.fields[key] for key in PERSON if key in one.fields}
            again.fields["message"] = self.rng.choice(MESSAGES["again"])

    def _spam(self, at: datetime) -> None:
        one = self._inquiry(at, "contact", "europe")
        name = f"offer{one.number}"
        one.fields = {"email": f"{name}@bulk.example", "message": "Buy backlinks", "_gotcha": "yes"}

    # --- chance -----------------------------------------------------------------------------------------------

    def _some(self, among: Sequence[Inquiry], count: int) -> list[Inquiry]:
        return self.rng.sample(among, max(0, count))

    def _between(self, least: float, most: float) -> timedelta:
        """A number of minutes."""
        return self.rng.uniform(least, most) * MINUTE


PERSON = ("email", "phone", "first_name", "last_name", "company_name", "company_domain", "country")
SERVICES = ("crm_workflow_repair", "crm_workflow_repair", "api_integration", "data_migration", "automation_audit")
CLAIMERS = ("omar", "sofia", "nadia", "maya", "kenji")
EXCUSES = ("Not my region", "I know the buyer’s competitor", "Fully booked this week", "Needs somebody technical")
OUTCOMES = {
    "call": ("Reached, meeting to be set", "Left a message", "Talked for ten minutes", "Answered the question",
             "Call back on Monday"),
    "email": ("Asked for three dates", "Sent the price list", "Answered the question", "Sent two examples",
              "Wrote, waiting for an answer"),
}  # fmt: skip
MESSAGES = {
    "demo": ("We would like to see how routing works with our two regions.", "Can you show us the product this week?",
             "We lose track of inbound requests; please show us how you solve it."),
    "diagnostic": ("Our CRM workflows overwrite owners at night.", "Leads sit in a queue that nobody opens.",
                   "Two tools both assign our leads."),
    "webinar": ("Registered for the session on lead routing.", "Attended, asked for the slides."),
    "content": ("Downloaded the guide to lead response times.", "Downloaded the checklist."),
    "partner": ("Introducing a client of ours.", "We have a joint opportunity."),
    "contact": ("Do you support our language?", "What does it cost for 20 people?", "Who can talk to our IT?"),
    "again": ("Any news? We wrote the other day.", "One more question about my request.", "Please call after lunch."),
}  # fmt: skip


def _person(buyer: Buyer) -> dict[str, Any]:
    values = (buyer.email, buyer.phone, buyer.first_name, buyer.last_name, buyer.company, buyer.domain,
              buyer.place.country)  # fmt: skip
    return {name: value for name, value in zip(PERSON, values, strict=True) if value}


def _of(leads: Iterable[Inquiry], *kinds: str) -> list[Inquiry]:
    """Those of these types."""
    return [one for one in leads if one.kind in kinds]


def _newest(leads: Iterable[Inquiry], until: datetime) -> Inquiry:
    """The last demo request that arrived before."""
    return max((one for one in _of(leads, "demo") if one.at < until), key=lambda one: one.at)
