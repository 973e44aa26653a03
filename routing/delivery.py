"""Deliveries that are owed in; messages sent, the rows saying so, out. Decides nothing about leads.

People are told in the app and by e-mail, other programs by webhooks.

A delivery is `blocked` until the CRM write is confirmed, then `owed`; `sending` while a worker has it, until
the lease in `next_try_at` runs out; in the end `sent` or `dead`. E-mails are marked sent in groups, because a
commit costs several times what a letter does. At least once: who dies between sending and marking leaves a
lease, and the letters of that one group go once more with the same Message-IDs. Nobody is told twice
otherwise.
"""

import logging
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from time import monotonic

from django.db.models import BooleanField, Case, F, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from leads.clean import clean_text
from owners.models import Owner
from routing import calls, messages, retry
from routing.alerted import note_alerted
from routing.channels import email, in_app, webhook
from routing.lease import LEASE, budget, locked, short_transaction
from routing.messages import Claimed
from routing.models import Decision, Delivery
from routing.stale import drop_stale
from routing.steps import step

logger = logging.getLogger(__name__)

NO_ADDRESS = "owner has no e-mail address"
GROUP = 20
GROUP_SECONDS = 1.0
"""So many letters at most are gone and not yet marked, and the first of them for so long; only a letter that
the mail server is just then slow to take makes it longer."""

CALLS_SECONDS = 5.0
"""How long a tick goes on beginning calls of other programs, so that slow ones hardly delay the next letters."""

# SQLite uses the partial index `delivery_due` only for a condition that is written like the index's own, its
# values included; with bound parameters it reads every delivery there ever was.
UNFINISHED = RawSQL("routing_delivery.state IN ('owed', 'sending')", (), output_field=BooleanField())

Post = Callable[[], AbstractContextManager[email.Outbox]]
Send = Callable[[webhook.Call], None]

CLAIMED = ("id", "decision_id", "owner_id", "kind", "attempts", "occasion", "address")

State = Delivery.State
Kind = Delivery.Kind
Channel = Delivery.Channel


@dataclass(slots=True)
class Gone:
    """Letters that are with the mail server and not marked yet; `sent` counts those that are."""

    now: datetime
    rows: list[Claimed] = field(default_factory=list)
    since: float = 0.0
    sent: int = 0

    def add(self, row: Claimed) -> None:
        """Keep the row in mind; mark all when the group is full or its first letter went a second ago."""
        if not self.rows:
            self.since = monotonic()
        self.rows.append(row)
        if len(self.rows) >= GROUP or monotonic() - self.since >= GROUP_SECONDS:
            self.mark()

    def mark(self) -> None:
        """Mark those that are still ours, in one transaction. What could not be written stays in mind."""
        if self.rows:
            with short_transaction():
                self.sent += _ours(*self.rows).update(state=State.SENT, sent_at=self.now, next_try_at=None, error="")
                note_alerted([row.id for row in self.rows], self.now)
            self.rows = []


def unblock(decision_ids: Sequence[int], now: datetime) -> int:
    """Owe the decisions' blocked deliveries: one statement, in the transaction that confirms the plan."""
    blocked = Delivery.objects.filter(decision__in=decision_ids, state=State.BLOCKED)
    return blocked.update(state=State.OWED, next_try_at=now)


def deliver_due(
    now: datetime,
    limit: int = 100,
    chance: Callable[[], float] = random.random,
    outbox: Post = email.outbox,
    call: Send = webhook.send,
) -> int:
    """Deliver what is due, at most `limit` on each channel, and return how many messages were sent.

    `now` is the instant that due times, leases and the `sent_at` are reckoned from; `chance` gives numbers in
    [0, 1) for the jitter of retries; `outbox` is where letters go, `call` tells a program. Begins nothing new after
    20 seconds, and calls no program after five. What a channel does never raises.
    """
    told = _deliver_in_app(now, limit) + _deliver_email(now, limit, chance, outbox)
    return told + _deliver_webhooks(now, limit, chance, call)


def alert_operator(decision: Decision, detail: str, now: datetime) -> None:
    """Owe the owner of the lead's source an alert about the decision: in the app always, by e-mail if wanted.

    What is wrong, the message says from the rows; `detail` is a stable code for the log, without personal
    data. One alert per decision: when it is still owed, nothing is added; when it was sent, it is owed again.
    Wants `decision.lead.source.owner` loaded. Call it in the transaction that writes the failure down.
    """
    logger.error("decision %s needs an operator: %s", decision.pk, detail)
    owner = decision.lead.source.owner
    channels = {Channel.IN_APP}
    if owner.email and (not owner.alert_channels or Channel.EMAIL in owner.alert_channels):
        channels.add(Channel.EMAIL)
    Delivery.objects.filter(decision=decision, kind=Kind.OPERATOR, state__in=[State.SENT, State.DEAD]).update(
        state=State.OWED, attempts=0, next_try_at=now, attempted_at=None, sent_at=None, read_at=None, error=""
    )
    Delivery.objects.bulk_create(
        [
            Delivery(
                decision=decision,
                owner=owner,
                kind=Kind.OPERATOR,
                channel=channel,
                state=State.OWED,
                next_try_at=now,
                created_at=now,
            )
            for channel in sorted(channels)
        ],
        ignore_conflicts=True,
    )


def _due(channel: str, now: datetime) -> QuerySet[Delivery]:
    """What is owed, and what somebody was sending when the lease ran out. Oldest first."""
    return Delivery.objects.filter(UNFINISHED, channel=channel, next_try_at__lte=now).order_by("next_try_at", "id")


# --- in the app -------------------------------------------------------------------------------------------


def _deliver_in_app(now: datetime, limit: int) -> int:
    due = _due(Channel.IN_APP, now)
    if not due.exists():  # a read, so that an idle tick never waits for the writers
        return 0
    with short_transaction(), step("alert_owner"):
        drop_stale(due)
        return in_app.deliver(due, now, limit)


# --- by e-mail --------------------------------------------------------------------------------------------


def _deliver_email(now: datetime, limit: int, chance: Callable[[], float], outbox: Post) -> int:
    claimed = _claim(now, limit, Channel.EMAIL)
    if not claimed:
        return 0
    addressed = [row for row in claimed if row.address]
    _bury_unaddressed([row for row in claimed if not row.address], now)
    letters = messages.compose(addressed)
    return _send(addressed, letters, now, chance, outbox)


def _claim(now: datetime, limit: int, channel: str) -> list[Claimed]:
    """Take at most `limit` due deliveries: attempt counted and lease written before anything is sent."""
    due = _due(channel, now)
    if not due.exists():
        return []
    with short_transaction():
        drop_stale(due)
        rows = list(locked(due).values_list(*CLAIMED)[:limit])
        Delivery.objects.filter(id__in=[row[0] for row in rows]).update(
            state=State.SENDING,
            attempts=F("attempts") + 1,
            next_try_at=now + LEASE,
            attempted_at=Coalesce("attempted_at", now),
        )
    found = Owner.objects.filter(id__in={row[2] for row in rows}).values_list("id", "email", "name", "time_zone")
    owners = {id: rest for id, *rest in found}
    return [
        Claimed(id, decision, owner, kind, attempts + 1, address or owners[owner][0], *owners[owner][1:], occasion)
        for id, decision, owner, kind, attempts, occasion, address in rows
    ]


def _send(
    rows: list[Claimed], letters: dict[int, tuple[str, str]], now: datetime, chance: Callable[[], float], outbox: Post
) -> int:
    """Send over one connection, outside any transaction; return how many went and were still ours to mark."""
    has_time = budget()
    gone = Gone(now)
    with outbox() as box:
        try:
            for place, row in enumerate(rows):
                if not has_time():
                    _give_back(rows[place:], now)
                    break
                try:
                    _send_one(box, row, letters)
                except email.Unreachable as failure:  # the others would only wait for the same time-out
                    for left in rows[place:]:
                        _fail(left, failure, now, chance)
                    break
                except retry.Failure as failure:
                    _fail(row, failure, now, chance)
                except Exception as error:  # one letter's mistake must not hold up the others
                    _fail(row, retry.unexpected(error), now, chance)
                else:
                    gone.add(row)
        finally:  # a program that is told to stop in the middle of a letter sends no other one again
            gone.mark()
    return gone.sent


def _send_one(box: email.Outbox, row: Claimed, letters: dict[int, tuple[str, str]]) -> None:
    """Hand one letter to the mail server. Raises Failure."""
    _still_has_attempts(row)
    if row.id not in letters:
        raise retry.PermanentFailure("message_cannot_be_written")
    with step("alert_owner"):
        box.send(email.Letter(row.id, row.address, *letters[row.id]))


# --- to programs ------------------------------------------------------------------------------------------


def _deliver_webhooks(now: datetime, limit: int, chance: Callable[[], float], call: Send) -> int:
    """Outside any transaction. What one address does not answer, its next calls are not kept waiting for."""
    rows = _claim(now, limit, Channel.WEBHOOK)
    documents = calls.documents(rows) if rows else {}
    has_time, gone, down = budget(CALLS_SECONDS), Gone(now), dict[str, retry.Failure]()
    try:
        for place, row in enumerate(rows):
            if not has_time():
                _give_back(rows[place:], now)
                break
            origin = webhook.origin(row.address)
            try:
                if origin in down:
                    raise down[origin]
                _call_one(row, documents, call)
            except retry.Failure as failure:
                if isinstance(failure, webhook.Unreachable):
                    down[origin] = failure
                _fail(row, failure, now, chance)
            except Exception as error:  # one call's mistake must not hold up the others
                _fail(row, retry.unexpected(error), now, chance)
            else:
                gone.add(row)
    finally:
        gone.mark()
    return gone.sent


def _call_one(row: Claimed, documents: dict[int, bytes], call: Send) -> None:
    _still_has_attempts(row)
    if row.id not in documents:
        raise retry.PermanentFailure("message_cannot_be_written")
    call(webhook.Call(row.id, row.address, documents[row.id]))


# --- what comes of it -------------------------------------------------------------------------------------


def _still_has_attempts(row: Claimed) -> None:
    if row.attempts > retry.MAX_ATTEMPTS:
        raise retry.PermanentFailure("attempts_lost", "the process ended during the last attempt")


def _give_back(rows: Iterable[Claimed], now: datetime) -> None:
    """Return what there was no time for, as if it had not been taken."""
    for row in rows:
        with short_transaction():
            _ours(row).update(
                state=State.OWED,
                attempts=F("attempts") - 1,
                next_try_at=now,
                attempted_at=Case(When(attempts=1, then=Value(None)), default=F("attempted_at")),
            )


def _fail(row: Claimed, failure: retry.Failure, now: datetime, chance: Callable[[], float]) -> None:
    """Write the next try down, or the end with one alert. An operator's own that dies is still in the app."""
    verdict = retry.decide(failure, row.attempts, chance)
    error = clean_text(str(failure), 300)
    logger.warning("delivery %s: %s, %s", row.id, failure.code, verdict.outcome)
    if verdict.outcome == "again":
        with short_transaction():
            _ours(row).update(state=State.OWED, next_try_at=now + verdict.delay, error=error)
        return
    with short_transaction():
        if _ours(row).update(state=State.DEAD, next_try_at=None, error=error):
            _alert(row, failure.code, now)


def _bury_unaddressed(rows: list[Claimed], now: datetime) -> None:
    """Give up what has no address at once, and alert once per owner and day (UTC), not once per lead."""
    if not rows:
        return
    with short_transaction():
        told = _told_today({row.owner for row in rows}, now)
        for row in rows:
            buried = _ours(row).update(state=State.DEAD, next_try_at=None, error=NO_ADDRESS)
            if buried and row.kind != Kind.OPERATOR and row.owner not in told:
                told.add(row.owner)
                _alert(row, "owner_without_address", now)


def _told_today(owners: set[int], now: datetime) -> set[int]:
    """For which of the owners an operator was already told today that there is no address."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    buried = Delivery.objects.filter(
        owner__in=owners,
        channel=Channel.EMAIL,
        state=State.DEAD,
        error=NO_ADDRESS,
        attempted_at__gte=midnight,
    )
    return set(buried.exclude(kind=Kind.OPERATOR).values_list("owner_id", flat=True))


def _alert(row: Claimed, code: str, now: datetime) -> None:
    if row.kind == Kind.OPERATOR:
        return
    decision = Decision.objects.select_related("lead__source__owner").get(pk=row.decision)
    alert_operator(decision, code, now)


def _ours(*rows: Claimed) -> QuerySet[Delivery]:
    """The deliveries, without those whose lease ran out and another worker counted an attempt since."""
    ids: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        ids[row.attempts].append(row.id)
    as_read = [Q(attempts=attempts, id__in=same) for attempts, same in ids.items()]
    return Delivery.objects.filter(reduce(or_, as_read), state=State.SENDING)
