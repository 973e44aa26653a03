"""A script in, the same story in the database out, each event through the door that the real one takes.

Inquiries are stored by intake and carried by the pipeline, follow-ups and messages by plan and delivery, and what
people do by acts and touch, all under a clock that the script moves. No row is written around them; only what
somebody configured (an absence, the rules) is saved as configuration. Letters go nowhere.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from logging import Logger, LogRecord
from smtplib import SMTPRecipientsRefused
from uuid import UUID

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from leads.intake import Incoming, keep, store
from leads.models import Lead, RawEvent, Task
from leads.parse import canonical_digest
from owners.models import Absence, Owner, User
from routing import acts, delivery, desk, escalation, item_clocks, item_rungs, pipeline, plan, touch
from routing.channels import email
from routing.demo.script import Event, Inquiry, Script
from routing.models import ClockState, Decision, ReviewItem, SlaClock
from routing.moving import By, by_user
from routing.prepare import SourceInfo, forget_sources, source_by_key
from routing.review import note_unreadable

Progress = Callable[[int, int], None]
"""Told how many of how many events are done."""

TAKEN_AFTER = timedelta(seconds=0.7)
"""From the arrival to the decision, and again to the alert."""
TICK = timedelta(seconds=1)
"""How long after a rung is due the worker climbs it."""
STAND_IN = "nadia"
"""Who looks after what has no owner when somebody has to."""


def play(script: Script, publish: Callable[[datetime], object], progress: Progress | None = None) -> None:
    """Let everything of the script happen; `publish` is called at the turn. Call inside `writing()`."""
    forget_sources()  # those of a demo that was deleted just now
    player = _Player(script.inquiries, publish)
    with _unlogged(delivery.logger):
        for number, event in enumerate(script.events, start=1):
            player.climb(event.at)
            player.play(event)
            if progress:
                progress(number, len(script.events))
        player.climb(script.until)


@contextmanager
def _unlogged(logger: Logger) -> Iterator[None]:
    """A letter that was refused in the story is no trouble of this installation's operator."""

    def none(record: LogRecord) -> bool:
        return False

    logger.addFilter(none)
    try:
        yield
    finally:
        logger.removeFilter(none)


class Nowhere(BaseEmailBackend):
    """Takes every letter and sends none: the demo's addresses exist nowhere. Refuses the next when told to."""

    refuses_next = False

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        if self.refuses_next:
            self.refuses_next = False
            raise SMTPRecipientsRefused({"": (550, b"no such mailbox")})
        return len(email_messages)


class _Player:
    """Who is who, which lead an inquiry became, and what is due next."""

    def __init__(self, inquiries: list[Inquiry], publish: Callable[[datetime], object]) -> None:
        self._inquiries = inquiries
        self._publish = publish
        self._events: dict[int, int] = {}
        self._leads: dict[int, int] = {}
        self._people = {user.owner.pk: by_user(user) for user in User.objects.filter(owner__isnull=False)}
        self._owners = dict(Owner.objects.values_list("key", "pk"))
        self._post = Nowhere()

    def play(self, event: Event) -> None:
        if event.act in OF_LEADS:
            self._act(event)
        elif event.act == "arrives":
            self._arrives(event.at, self._inquiries[event.number])
        elif event.act == "taken":
            self._taken(event.at, self._inquiries[event.number])
        elif event.act == "publish":
            self._publish(event.at)
        elif event.act == "absence":
            self._absence(event)
        else:
            self._unreadable(event.at)

    def climb(self, until: datetime) -> None:
        """Jump from rung to rung of the ladders that are due by then, as a worker that is awake would climb them."""
        while (due := self._due()) and due + TICK < until:
            item_clocks.keep(due + TICK)
            if escalation.sweep(due + TICK).rungs + item_rungs.climb_due(due + TICK):
                self._follow(due + TICK)

    def _due(self) -> datetime | None:
        """When the first clock has a rung, or the first item in review is overdue."""
        rungs = SlaClock.objects.filter(next_rung_at__isnull=False)
        items = ReviewItem.objects.filter(state=ReviewItem.State.OPEN, clock=ClockState.OWED)
        first = (
            rungs.order_by("next_rung_at").values_list("next_rung_at", flat=True).first(),
            items.order_by("due_at").values_list("due_at", flat=True).first(),
        )
        return min((due for due in first if due), default=None)

    # --- what comes in ----------------------------------------------------------------------------------------

    def _arrives(self, at: datetime, inquiry: Inquiry) -> None:
        self._events[inquiry.number] = store(_incoming(inquiry, _source(inquiry.source))).event
        if not inquiry.late:
            self._taken(at + TAKEN_AFTER, inquiry)

    def _taken(self, now: datetime, inquiry: Inquiry) -> None:
        """Routed, followed up and alerted, each in its turn."""
        pipeline.route(own=self._events[inquiry.number], limit=1, clock=lambda: now)
        self._post.refuses_next = inquiry.bounces
        self._follow(now + TAKEN_AFTER)

    def _follow(self, now: datetime) -> None:
        plan.run_due(now, chance=_no_chance)
        delivery.deliver_due(now, chance=_no_chance, outbox=self._outbox)

    def _outbox(self) -> AbstractContextManager[email.Outbox]:
        return email.outbox(self._post)

    def _unreadable(self, at: datetime) -> None:
        """A form that was changed and sends half an object."""
        source, body = _source("guides"), b'{"email": "reader@'
        incoming = Incoming(
            source=source.id, body=body, content_type="application/json", headers="{}", digest=sha256(body).hexdigest(),
            received_at=at, correlation_id=_correlation("unreadable"), intent_class=RawEvent.IntentClass.LIVE,
        )  # fmt: skip
        event = keep(incoming, RawEvent.State.UNREADABLE, "malformed_json")
        note_unreadable(event, source, "malformed_json: The body ends in the middle of a value.", at)

    # --- what people do ---------------------------------------------------------------------------------------

    def _absence(self, event: Event) -> None:
        Absence.objects.create(
            owner_id=self._owners[event.detail], starts_at=event.at + timedelta(days=1),
            ends_at=event.at + timedelta(days=6), reason="Holiday",
        )  # fmt: skip

    def _act(self, event: Event) -> None:
        """Done by whoever has the lead at that instant; nothing where it is at an end already."""
        lead = self._lead(event.number)
        owner, state = Lead.objects.values_list("owner_id", "state").get(pk=lead)
        if state == Lead.State.REVIEW:
            self._claim(lead, event.detail if event.act == "claim" else STAND_IN, event.at)
            owner = Lead.objects.values_list("owner_id", flat=True).get(pk=lead)
        elif state != Lead.State.ASSIGNED:
            return
        if event.act != "claim":
            OF_LEADS[event.act](self, lead, self._people[owner], event)
        if event.act in MOVING or state == Lead.State.REVIEW:
            self._follow(event.at + TAKEN_AFTER)

    def _lead(self, number: int) -> int:
        if number not in self._leads:
            found = Decision.objects.filter(event=self._events[number]).order_by("id").values_list("lead", flat=True)
            self._leads[number] = found[0]
        return self._leads[number]

    def _claim(self, lead: int, key: str, now: datetime) -> None:
        item = ReviewItem.objects.filter(lead=lead, state=ReviewItem.State.OPEN).values_list("pk", flat=True)[0]
        acts.claim(item, self._people[self._owners[key]], now)

    def _touch(self, lead: int, by: By, event: Event) -> None:
        """Logged; whoever does that has looked at what they were told, and done the task that asked for it."""
        touch.record(lead, event.act, by, event.at, outcome=event.detail)
        if by.owner is None:
            return
        if newest := desk.unread_alerts(by.owner).values_list("pk", flat=True).first():
            desk.read_alerts(by.owner, event.at, newest)
        for task in Task.objects.filter(lead=lead, owner=by.owner, done_at=None, dropped_at=None):
            desk.finish_task(task.pk, by.owner, event.at)

    def _accept(self, lead: int, by: By, event: Event) -> None:
        touch.accept(lead, by, event.at)

    def _decline(self, lead: int, by: By, event: Event) -> None:
        acts.decline(lead, by, event.detail, event.at)

    def _move(self, lead: int, by: By, event: Event) -> None:
        """The manager gives it to whoever looks after what is left over."""
        to = self._owners[STAND_IN]
        if by.owner != to:
            acts.reassign(lead, to, self._people[self._owners["manager"]], "The buyer asked for somebody else",
                          event.at)  # fmt: skip

    def _nurture(self, lead: int, by: By, event: Event) -> None:
        acts.nurture(lead, by, event.detail, event.at)

    def _close(self, lead: int, by: By, event: Event) -> None:
        acts.close(lead, event.detail, by, event.at)


OF_LEADS: dict[str, Callable[[_Player, int, By, Event], None]] = {
    "claim": _Player._touch, "accept": _Player._accept, "call": _Player._touch, "email": _Player._touch,
    "meeting": _Player._touch, "decline": _Player._decline, "move": _Player._move, "nurture": _Player._nurture,
    "close": _Player._close,
}  # fmt: skip
MOVING = frozenset({"claim", "decline", "move"})
"""After these somebody is to be told."""


def _source(key: str) -> SourceInfo:
    source = source_by_key(key)
    if source is None:
        raise LookupError(f"The demo's source {key} is missing.")
    return source


def _incoming(inquiry: Inquiry, source: SourceInfo) -> Incoming:
    """As the form would post it."""
    submission = f"demo-{inquiry.number:04}"
    payload = {"submission_id": submission, **inquiry.fields}
    high = RawEvent.IntentClass.LIVE_HIGH if source.high_intent else RawEvent.IntentClass.LIVE
    return Incoming(
        source=source.id, body=json.dumps(payload).encode(), content_type="application/json",
        headers='{"user-agent": "RevRoute demo"}', digest=canonical_digest(payload), received_at=inquiry.at,
        correlation_id=_correlation(submission), intent_class=high, submission_id=submission,
    )  # fmt: skip


def _correlation(name: str) -> str:
    return UUID(bytes=sha256(name.encode()).digest()[:16]).hex


def _no_chance() -> float:
    return 0.5
