"""Mail servers and programs that fail in the middle: repeated only after a death, given up with an alert."""

import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.db import OperationalError

from routing import delivery
from routing.models import Delivery
from tests.routing.delivery_rows import (
    NOW,
    kinds,
    make_decision,
    make_delivery,
    make_owner,
    make_source,
)
from tests.routing.scripted_mail import HOST, deliver, message_ids

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("base_url")]


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
