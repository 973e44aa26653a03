"""Owed messages: each sent once, with its own words; what cannot be sent told to somebody; what it costs."""

import smtplib
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection
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
from tests.routing.scripted_mail import deliver, message_ids

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("base_url")]


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
