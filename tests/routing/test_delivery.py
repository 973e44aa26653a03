"""Owed messages: each sent once, repeated only after a death, given up with an alert."""

import smtplib
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend as Locmem
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from routing import delivery
from routing.delivery import NO_ADDRESS
from routing.messages import local_time
from routing.models import Delivery, PlanAction, ReviewItem
from tests.routing.delivery_rows import (
    NOW,
    REASON,
    kinds,
    make_decision,
    make_delivery,
    make_owner,
    make_source,
)

pytestmark = pytest.mark.django_db
HOST = "leads.acme.example"


class ScriptedMail(Locmem):
    """Raises or calls what `script` holds, one entry for each letter, and delivers to the outbox."""

    opening: list = []
    script: list = []
    opened = 0

    def open(self):
        type(self).opened += 1
        if self.opening:
            raise self.opening.pop(0)

    def send_messages(self, messages):
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, BaseException):
            raise answer
        sent = super().send_messages(messages)
        if answer:
            answer()
        return sent


@pytest.fixture
def server(settings):
    settings.EMAIL_BACKEND = f"{__name__}.ScriptedMail"
    ScriptedMail.opening, ScriptedMail.script, ScriptedMail.opened = [], [], 0
    return ScriptedMail


@pytest.fixture(autouse=True)
def base_url(settings):
    settings.BASE_URL = f"https://{HOST}"


def deliver(now=NOW, limit=100):
    return delivery.deliver_due(now, limit, lambda: 0.0)


def message_ids():
    return [message.message()["Message-ID"] for message in mail.outbox]


def test_in_app_delivery_is_sent_by_being_marked():
    row = make_delivery(make_decision(), "in_app")
    assert deliver() == 1
    row.refresh_from_db()
    assert (row.state, row.attempts, row.attempted_at, row.sent_at, row.next_try_at) == (
        "sent",
        1,
        NOW,
        NOW,
        None,
    )
    assert (deliver(), mail.outbox) == (0, [])


def test_email_goes_once_and_says_what_matters():
    elena = make_owner(time_zone="Europe/Berlin")
    decision = make_decision(elena)
    row = make_delivery(decision)
    assert [deliver(), deliver()] == [1, 0]
    row.refresh_from_db()
    assert (row.state, row.attempts, row.attempted_at, row.sent_at, row.error) == ("sent", 1, NOW, NOW, "")
    [message] = mail.outbox
    assert (message.to, message.subject) == (
        ["elena@acme.example"],
        "New hot lead: Ada Lovelace (Analytical Ltd)",
    )
    assert message.body == (
        "Elena Rossi, a lead is yours.\n\n"
        "Buyer: Ada Lovelace, Analytical Ltd, ada@analytical.example, +442071234567\n"
        f"Why you: {REASON}\n"
        "First touch due: Mon 23 Nov 2026, 10:15 CET (Europe/Berlin)\n\n"
        f"https://leads.acme.example/leads/{decision.lead_id}/\n"
    )
    assert message_ids() == [f"<delivery-{row.id}@leads.acme.example>"]


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("notice", "New inquiry from Ada Lovelace (Analytical Ltd)"),
        ("review", "For your review: Ada Lovelace (Analytical Ltd), two people it could be"),
        ("operator", "RevRoute needs you: two people it could be, lead of Ada Lovelace"),
    ],
)
def test_every_kind_has_its_own_words(kind, subject):
    decision = make_decision()
    ReviewItem.objects.create(
        reason="ambiguous_duplicate", detail="Two Adas", owner=decision.owner, source=decision.lead.source,
        event=decision.event, lead=decision.lead, decision=decision, opened_at=NOW, last_at=NOW, due_at=NOW,
    )  # fmt: skip
    make_delivery(decision, kind=kind)
    assert deliver() == 1
    [message] = mail.outbox
    assert message.subject == subject
    assert REASON in message.body
    assert ("Two Adas" in message.body) == (kind != "notice")


def test_operator_is_told_what_was_given_up():
    decision = make_decision()
    PlanAction.objects.create(
        decision=decision,
        position=1,
        action="create_deal",
        connector="crm",
        state="dead",
        error="crm_unavailable",
    )
    make_delivery(decision, state="dead", error=NO_ADDRESS)
    make_delivery(decision, kind="operator")
    deliver()
    lines = [line for line in mail.outbox[0].body.splitlines() if line.startswith("Given up")]
    assert lines == [
        "Given up: create_deal: crm_unavailable",
        f"Given up: E-mail to Elena Rossi: {NO_ADDRESS}",
    ]


def test_blocked_and_future_deliveries_wait():
    decision = make_decision()
    make_delivery(decision, "in_app", "blocked")
    make_delivery(decision, "email", next_try_at=NOW + timedelta(seconds=1))
    assert (deliver(), mail.outbox) == (0, [])
    assert deliver(NOW + timedelta(seconds=1)) == 1


def test_name_with_line_breaks_adds_no_header():
    row = make_delivery(make_decision(name="Ada\r\nBcc: everybody@acme.example\r\n\r\nHi"))
    assert deliver() == 1
    [message] = mail.outbox
    assert message.subject == "New hot lead: Ada Bcc: everybody@acme.example Hi (Analytical Ltd)"
    assert message.recipients() == ["elena@acme.example"]
    assert sorted(message.message().keys()) == [
        "Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version",
        "Message-ID", "Subject", "To",
    ]  # fmt: skip
    assert message_ids() == [f"<delivery-{row.id}@leads.acme.example>"]


def test_markup_in_a_name_stays_as_typed():
    make_delivery(make_decision(name="Ada & <b>Co</b>"))
    deliver()
    assert "Ada & <b>Co</b>" in mail.outbox[0].subject


def test_address_that_would_add_a_header_is_refused_for_good():
    decision = make_decision(make_owner(email="elena@acme.example\nBcc: all@acme.example"))
    row = make_delivery(decision)
    assert deliver() == 0
    row.refresh_from_db()
    assert (row.state, row.error) == ("dead", "mail_cannot_be_written: BadHeaderError")
    assert mail.outbox == []


def test_refused_connection_backs_off_for_all_with_one_attempt(server):
    rows = [make_delivery(make_decision()) for _ in range(3)]
    server.opening = [ConnectionRefusedError()]
    assert deliver() == 0
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.attempts, row.next_try_at) == ("owed", 1, NOW + timedelta(seconds=15))
        assert row.error == "mail_server_unreachable: ConnectionRefusedError"
    assert server.opened == 1
    assert deliver(NOW + timedelta(seconds=15)) == 3
    assert server.opened == 2  # one connection for the batch
    assert message_ids() == [f"<delivery-{row.id}@leads.acme.example>" for row in rows]


def test_lost_connection_is_opened_again_for_the_next_letter(server):
    first, second = [make_delivery(make_decision()) for _ in range(2)]
    server.script = [smtplib.SMTPServerDisconnected()]
    assert deliver() == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.error, second.state, server.opened) == (
        "owed", "mail_not_sent: SMTPServerDisconnected", "sent", 2,
    )  # fmt: skip


def test_five_failed_attempts_are_dead_with_one_alert(server):
    decision = make_decision()
    row = make_delivery(decision)
    now = NOW
    for _ in range(5):
        server.script = [TimeoutError()]
        deliver(now)
        now += timedelta(hours=1)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.attempted_at, row.next_try_at) == ("dead", 5, NOW, None)
    assert kinds(decision) == [
        ("assignment", "email", "dead"), ("operator", "email", "owed"), ("operator", "in_app", "owed"),
    ]  # fmt: skip
    assert deliver(now) == 2
    assert [message.to for message in mail.outbox] == [["olga@acme.example"]]


@pytest.mark.parametrize(
    ("error", "state", "text"),
    [
        (smtplib.SMTPRecipientsRefused({"e": (550, b"gone")}), "dead", "mail_recipient_refused: 550"),
        (smtplib.SMTPRecipientsRefused({"e": (450, b"busy")}), "owed", "mail_recipient_refused: 450"),
        (smtplib.SMTPDataError(554, b"spam"), "dead", "mail_content_refused: 554"),
        (smtplib.SMTPDataError(451, b"later"), "owed", "mail_content_refused: 451"),
        (smtplib.SMTPSenderRefused(553, b"who", "r"), "owed", "mail_not_sent: SMTPSenderRefused"),
    ],
)
def test_servers_answer_decides_whether_to_try_again(server, error, state, text):
    row = make_delivery(make_decision())
    server.script = [error]
    deliver()
    row.refresh_from_db()
    assert (row.state, row.error) == (state, text)


def test_dead_operator_alert_does_not_alert_about_itself(server):
    decision = make_decision()
    make_delivery(decision, kind="operator")
    server.script = [smtplib.SMTPRecipientsRefused({"o": (550, b"gone")})]
    deliver()
    assert kinds(decision) == [("operator", "email", "dead")]


def test_death_between_sending_and_marking_repeats_with_the_same_message_id(server):
    row = make_delivery(make_decision())

    def die():
        raise SystemExit

    server.script = [die]
    with pytest.raises(SystemExit):
        deliver()
    row.refresh_from_db()
    assert (row.state, row.attempts, row.next_try_at) == ("sending", 1, NOW + timedelta(seconds=60))
    assert deliver(NOW + timedelta(seconds=59)) == 0
    assert deliver(NOW + timedelta(seconds=60)) == 1
    row.refresh_from_db()
    assert (row.state, row.attempts, row.attempted_at) == ("sent", 2, NOW)
    assert message_ids() == [f"<delivery-{row.id}@leads.acme.example>"] * 2


def test_delivery_that_ends_its_process_five_times_is_given_up():
    decision = make_decision()
    row = make_delivery(decision, state="sending", attempts=5)
    assert deliver() == 0
    row.refresh_from_db()
    assert (row.state, row.error) == ("dead", "attempts_lost: the process ended during the last attempt")
    assert (len(kinds(decision)), mail.outbox) == (3, [])


def test_delivery_in_another_workers_hands_is_left_alone(server):
    make_delivery(make_decision())
    others = []
    server.script = [lambda: others.append(deliver(NOW + timedelta(seconds=59)))]
    assert deliver() == 1
    assert (others, len(mail.outbox)) == ([0], 1)


def test_worker_that_comes_back_after_its_lease_marks_nothing(server):
    row = make_delivery(make_decision())
    server.script = [lambda: Delivery.objects.update(attempts=2)]  # somebody else counted an attempt meanwhile
    assert deliver() == 0
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("sending", 2)


def test_letters_are_marked_in_groups_and_a_death_repeats_only_the_last_group(server, monkeypatch):
    owner, source = make_owner(), make_source()
    rows = [make_delivery(make_decision(owner, source)) for _ in range(25)]

    def die():  # as SIGKILL does, which leaves no time to mark anything
        monkeypatch.setattr(delivery.Gone, "mark", lambda gone: None)
        raise SystemExit

    server.script = [None] * 24 + [die]
    with pytest.raises(SystemExit):
        deliver()
    monkeypatch.undo()
    assert list(Delivery.objects.order_by("id").values_list("state", flat=True)) == ["sent"] * 20 + ["sending"] * 5
    assert deliver(NOW + timedelta(seconds=60)) == 5
    ids = [f"<delivery-{row.id}@{HOST}>" for row in rows]
    assert message_ids() == ids + ids[20:]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_program_told_to_stop_marks_the_letters_before_the_one_in_hand(server):
    rows = [make_delivery(make_decision()) for _ in range(3)]
    server.script = [None, None, SystemExit()]
    with pytest.raises(SystemExit):
        deliver()
    states = Delivery.objects.filter(id__in=[row.id for row in rows]).order_by("id").values_list("state", flat=True)
    assert list(states) == ["sent", "sent", "sending"]


def test_letters_wait_a_second_at_most_to_be_marked(server, monkeypatch):
    for _ in range(4):
        make_delivery(make_decision())
    time, marked = [0.0], []
    monkeypatch.setattr(delivery, "monotonic", lambda: time[0])

    def letter_of_half_a_second():
        marked.append(Delivery.objects.filter(state="sent").count())
        time[0] += 0.5

    server.script = [letter_of_half_a_second] * 4
    assert deliver() == 4
    assert marked == [0, 0, 0, 3]


def test_bad_letter_and_lost_lease_leave_the_rest_of_their_group_alone(server):
    rows = [make_delivery(make_decision()) for _ in range(4)]
    server.script = [
        None,
        smtplib.SMTPDataError(451, b"later"),
        lambda: Delivery.objects.filter(id=rows[2].id).update(attempts=2),  # somebody else's meanwhile
    ]
    assert deliver() == 2
    found = Delivery.objects.filter(id__in=[row.id for row in rows]).order_by("id")
    assert list(found.values_list("state", "attempts")) == [("sent", 1), ("owed", 1), ("sending", 2), ("sent", 1)]


def test_letters_of_different_attempts_are_marked_together():
    rows = [make_delivery(make_decision(), attempts=attempts) for attempts in (0, 1, 2)]
    assert deliver() == 3
    found = Delivery.objects.filter(id__in=[row.id for row in rows]).order_by("id")
    assert list(found.values_list("state", "attempts")) == [("sent", 1), ("sent", 2), ("sent", 3)]


def test_mark_that_the_database_refuses_is_tried_once_more(monkeypatch):
    row = make_delivery(make_decision())
    real, answers = delivery.note_alerted, iter([OperationalError("database is locked")])

    def note_alerted(*args):
        for error in answers:
            raise error
        return real(*args)

    monkeypatch.setattr(delivery, "note_alerted", note_alerted)
    monkeypatch.setattr(delivery, "GROUP", 1)
    with pytest.raises(OperationalError):
        deliver()
    row.refresh_from_db()
    assert (row.state, len(mail.outbox)) == ("sent", 1)


def test_what_there_was_no_time_for_is_given_back(monkeypatch):
    rows = [make_delivery(make_decision()) for _ in range(3)]
    times = iter([True, False])
    monkeypatch.setattr(delivery, "budget", lambda *_: lambda: next(times))
    assert deliver() == 1
    left = Delivery.objects.filter(id__in=[row.id for row in rows], state="owed")
    assert list(left.values_list("attempts", "attempted_at", "next_try_at")) == [(0, None, NOW)] * 2


def test_owner_without_address_is_dead_at_once_with_one_alert_a_day():
    elena, source = make_owner(email=""), make_source()
    decisions = [make_decision(elena, source) for _ in range(3)]
    rows = [make_delivery(decision) for decision in decisions]
    assert deliver() == 0
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.attempts, row.error) == ("dead", 1, NO_ADDRESS)
    late = make_delivery(make_decision(elena, source), next_try_at=NOW + timedelta(hours=14))
    deliver(NOW + timedelta(hours=14))
    late.refresh_from_db()
    assert late.state == "dead"
    alerts = Delivery.objects.filter(kind="operator", channel="in_app")
    assert alerts.count() == 1
    make_delivery(make_decision(elena, source), next_try_at=NOW + timedelta(hours=15))
    deliver(NOW + timedelta(hours=15))  # the next day, UTC
    assert alerts.count() == 2


def test_operator_alert_without_address_stays_in_the_app():
    decision = make_decision(source=make_source(make_owner("Olga Ops", "")))
    delivery.alert_operator(decision, "crm_refused", NOW)
    assert kinds(decision) == [("operator", "in_app", "owed")]


def test_operator_alert_that_is_still_owed_is_not_doubled():
    decision = make_decision()
    for _ in range(2):
        delivery.alert_operator(decision, "crm_refused", NOW)
    assert kinds(decision) == [("operator", "email", "owed"), ("operator", "in_app", "owed")]


def test_in_app_takes_the_same_number_of_statements_for_one_and_a_hundred():
    owner, source = make_owner(), make_source()
    counts = []
    for size in (1, 100):
        for _ in range(size):
            make_delivery(make_decision(owner, source), "in_app")
        with CaptureQueriesContext(connection) as queries:
            assert deliver() == size
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 10  # the savepoint of the test's own transaction and the looks at the other channels included


def test_claiming_and_writing_letters_takes_the_same_number_of_statements_for_one_and_a_hundred(server):
    owner, source = make_owner(), make_source()
    counts = []
    for size in (1, 100):
        for _ in range(size):
            make_delivery(make_decision(owner, source))
        with CaptureQueriesContext(connection) as queries:
            assert deliver() == size
        marks = -(-size // delivery.GROUP) * 5  # for each group: update, facts, and the savepoint of the test
        counts.append(len(queries) - marks)
    assert counts[0] == counts[1]


@pytest.mark.skipif("sqlite" not in settings.DATABASES["default"]["ENGINE"], reason="an empty table is read whole")
def test_look_for_due_deliveries_uses_the_index_on_sqlite():
    for channel in Delivery.PERSONAL:
        assert "USING INDEX delivery_due" in delivery._due(channel, NOW).explain()


def test_index_and_query_mean_the_same_states():
    for state in Delivery.State.values:
        make_delivery(make_decision(), state=state, next_try_at=NOW, sent_at=NOW)
    assert {row.state for row in delivery._due("email", NOW)} == {"owed", "sending"}


def test_idle_run_only_reads():
    with CaptureQueriesContext(connection) as queries:
        assert deliver() == 0
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"] * 3


def test_nothing_of_the_buyer_or_the_owner_is_logged(server, caplog):
    make_delivery(make_decision())
    server.script = [smtplib.SMTPRecipientsRefused({"elena@acme.example": (550, b"elena@acme.example is gone")})]
    deliver()
    assert "mail_recipient_refused" in caplog.text
    assert "elena" not in caplog.text.lower()


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Europe/Berlin", "Mon 23 Nov 2026, 10:00 CET (Europe/Berlin)"),
        ("UTC", "Mon 23 Nov 2026, 09:00 UTC"),
        ("Nowhere/Land", "Mon 23 Nov 2026, 09:00 UTC"),
    ],
)
def test_time_is_told_in_the_owners_zone(zone, text):
    assert local_time(NOW, zone) == text
