"""A seed in, leads with weeks of arrivals, acts and time running out behind them out: through the pipeline and acts."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from types import SimpleNamespace

from leads.models import Lead, RawEvent
from routing import acts, escalation, touch
from routing.moving import By
from routing.pipeline import drain
from routing.refused import Refused
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_team, make_version
from tests.routing.batches import waiting

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WAITS = (20, 50, 240, 800, 1500, 2500, 5000, 40_000, 300_000)


def make_company() -> SimpleNamespace:
    """Elena and Marco in team Sales, Nina in team North, all at work around the clock; webinars go to Rita's review,
    what is said to be spam is rejected, and Nina takes what comes from Britain, or Elena while she takes nothing."""
    sales, north = make_team("sales"), make_team("north")
    rita = make_owner("rita", accepts_leads=False)
    elena = make_owner("elena", sales)
    marco, nina = make_owner("marco", sales, cover=elena), make_owner("nina", north, cover=elena)
    version = make_version(rita)
    make_rule(version, "reject_invalid_or_spam", "reject", ("campaign", "is", "spam"))
    make_rule(version, "campaign_source_owner", "owner", ("country", "is", "GB"), owner=nina)
    pool = make_pool("everybody", [elena, marco], team=sales)
    make_rule(version, "round_robin_pool", "pool", ("lead_type", "is_not", "webinar"), pool=pool)
    make_rule(version, "manual_review", "review", owner=rita)
    publish(version, None, NOW - DAY)
    sources = [make_source("demos", rita, "demo"), make_source("web", rita), make_source("webinars", rita, "webinar")]
    return SimpleNamespace(sales=sales, north=north, rita=rita, elena=elena, marco=marco, nina=nina, sources=sources)


class History:
    """Weeks of a company, one instant after the other. `at`: how far it has come."""

    def __init__(self, company: SimpleNamespace, seed: int, start: datetime = NOW) -> None:
        self.company, self.dice, self.at, self.buyers = company, Random(seed), start, 0
        self.due: list[tuple[datetime, int, Callable[[], object]]] = []

    def run(self, arrivals: int, gap: timedelta) -> None:
        """So many arrivals of up to four buyers at once, about `gap` apart, with what happens meanwhile."""
        for _ in range(arrivals):
            self.until(self.at + timedelta(seconds=self.dice.randint(1, 2 * int(gap.total_seconds()))))
            self.arrive(self.dice.randint(1, 4))

    def arrive(self, count: int) -> None:
        """Some buyers, known or not, and when each is worked on."""
        ids: list[int] = []
        for _ in range(count):
            known = self.buyers and self.dice.random() < 0.15
            number = self.dice.randrange(self.buyers) if known else self.buyers
            self.buyers += not known
            fields = {"email": f"buyer{number}@company{number}.example"}
            if self.dice.random() < 0.3:
                fields["country"] = "GB"
            chance = self.dice.random()
            fields |= {"campaign": "spam"} if chance < 0.05 else {"is_test": True} if chance < 0.1 else {}
            ids += waiting(self.dice.choice(self.company.sources), fields)
        RawEvent.objects.filter(pk__in=ids).update(received_at=self.at)
        routed = self.at + timedelta(seconds=self.dice.choice((0, 1, 30, 61, 200)))
        drain(lambda: routed)
        self.at = routed
        for lead in Lead.objects.filter(pk__in=ids).values_list("pk", flat=True):
            for _ in range(self.dice.choice((0, 1, 1, 2, 3))):
                act = self.dice.choice((*(3 * [self.touch]), self.accept, self.decline, self.move, self.end))
                wait = timedelta(seconds=self.dice.choice(WAITS) + self.dice.randint(0, 60))
                self.due.append((self.at + wait, len(self.due), lambda act=act, lead=lead: act(lead)))

    def until(self, at: datetime) -> None:
        """Let happen what happens until then."""
        while self.due and min(self.due)[0] <= at:
            first = min(self.due)
            self.due.remove(first)
            escalation.sweep(first[0])
            self.at = max(self.at, first[0])
            with suppress(Refused):
                first[2]()
        self.at = max(self.at, at)
        escalation.sweep(self.at)

    def touch(self, lead: int) -> None:
        touch.record(lead, self.dice.choice(("call", "email", "meeting", "view")), self.by(lead), self.at)

    def accept(self, lead: int) -> None:
        touch.accept(lead, self.by(lead), self.at)

    def decline(self, lead: int) -> None:
        acts.decline(lead, self.by(lead), "not mine", self.at)

    def move(self, lead: int) -> None:
        to = self.dice.choice((self.company.elena, self.company.marco, self.company.nina)).pk
        acts.reassign(lead, to, self.by(lead), "knows them", self.at)

    def end(self, lead: int) -> None:
        if self.dice.random() < 0.5:
            acts.close(lead, "lost", self.by(lead), self.at)
        else:
            acts.nurture(lead, self.by(lead), "not yet", self.at)

    def by(self, lead: int) -> By:
        """Its owner, else Rita."""
        owner = Lead.objects.values_list("owner", flat=True).get(pk=lead) or self.company.rita.pk
        return By(None, owner, "Somebody")
