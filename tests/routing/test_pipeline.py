"""A batch through steps 2 to 8: order, one bad event among a hundred, a database that fails, and nothing slow."""

import socket
from datetime import timedelta

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.db import OperationalError
from django.utils import timezone

from leads.models import Contact, Deal, IdempotencyKey, Lead, Note, RawEvent
from owners.writer import is_writing, writing
from routing import execute, pipeline, plan
from routing.delivery import deliver_due
from routing.models import Decision, Delivery, LedgerEntry, OwnerLoad, ReviewItem, RotationState
from routing.pipeline import Failed, drain, route
from routing.replay import verify
from routing.rulebook import publish
from tests.builders import (
    NOW,
    TOKEN,
    make_owner,
    make_pipeline,
    make_pool,
    make_rule,
    make_source,
    make_version,
    publish_pool_rule,
)  # fmt: skip
from tests.flows.test_nine_steps import post
from tests.routing.batches import buyers, waiting

pytestmark = pytest.mark.django_db(transaction=True)

BAD = "buyer41@company41.example"


@pytest.fixture
def source():
    ben, cleo, dora = make_owner("ben"), make_owner("cleo"), make_owner("dora")
    source = make_source("web", ben)
    pipeline_row = make_pipeline("sales", "new")
    version = make_version(ben)
    make_rule(
        version, "round_robin_pool", "pool", pool=make_pool("inbound", [ben, cleo, dora]), pipeline=pipeline_row,
        stage=pipeline_row.stages.get(), sequence="fast",
    )  # fmt: skip
    publish(version, None, NOW)
    return source


def is_bad(event):
    return event.lead.fields.get("email") == BAD


def fail_to_prepare(monkeypatch):
    prepare = pipeline.prepare

    def prepared(*row):
        event = prepare(*row)
        if is_bad(event):
            raise RuntimeError("cannot be prepared")
        return event

    monkeypatch.setattr(pipeline, "prepare", prepared)
    return "RuntimeError"


def fail_to_decide(monkeypatch):
    decide = pipeline.decide

    def decided(case, *others):
        if case.facts.get("email") == BAD:
            raise KeyError("cannot be decided")
        return decide(case, *others)

    monkeypatch.setattr(pipeline, "decide", decided)
    return "KeyError"


def break_a_constraint(monkeypatch):
    """A score that the column refuses: the database itself fails the batch."""
    prepare = pipeline.prepare

    def prepared(*row):
        event = prepare(*row)
        if is_bad(event):
            event.lead.fields["lead_score"] = -1
        return event

    monkeypatch.setattr(pipeline, "prepare", prepared)
    return "IntegrityError"


@pytest.mark.parametrize("trouble", [fail_to_prepare, fail_to_decide, break_a_constraint])
def test_one_bad_event_of_a_hundred_goes_to_review_alone_and_the_others_are_owned(source, monkeypatch, trouble):
    name = trouble(monkeypatch)
    ids = waiting(source, *buyers(100))
    results = route()
    failed = [result for result in results if isinstance(result, Failed)]
    assert failed == [Failed(ids[41], f"{name} while routing")]
    assert len(results) == 100
    assert Lead.objects.filter(state="assigned", owner__isnull=False).count() == 99
    event = RawEvent.objects.get(pk=ids[41])
    assert (event.state, event.error, event.attempts) == (RawEvent.State.DONE, f"{name} while routing", 1)
    item = ReviewItem.objects.get()
    assert (item.event, item.owner, item.reason, item.lead) == (event, source.owner, "unresolved", None)
    assert item.detail.startswith(f"{name} while routing: ")
    assert item.due_at - item.opened_at == timedelta(hours=1)
    assert_consistent(99)
    assert not RawEvent.objects.filter(state=RawEvent.State.WAITING).exists()


def assert_consistent(count):
    """What the leads, the ledger, the turns and the loads say is one story."""
    assert [Model.objects.count() for Model in (Lead, Decision, Contact, Deal, Note)] == [count] * 5
    owned = {owner: Lead.objects.filter(owner=owner).count() for owner in Lead.objects.values_list("owner", flat=True)}
    assert dict(OwnerLoad.objects.values_list("owner", "open_leads")) == owned
    assert max(owned.values()) - min(owned.values()) <= 1
    assert LedgerEntry.objects.filter(kind="charge").count() == count
    for turn in RotationState.objects.all():
        assert LedgerEntry.objects.filter(member=turn.member).order_by("-id").first().v_after == turn.v
    assert verify() == (count, [])


def test_a_bad_event_is_not_tried_for_ever(source, monkeypatch):
    fail_to_decide(monkeypatch)
    waiting(source, {"email": BAD})
    assert [type(result) for result in route()] == [Failed]
    assert route() == []
    assert drain() == 0


def test_a_database_that_fails_in_the_middle_leaves_everything_waiting(source, monkeypatch):
    write = execute.write

    def fails(rows):
        write(rows)
        raise OperationalError("gone")

    monkeypatch.setattr(execute, "write", fails)
    waiting(source, *buyers(5))
    with pytest.raises(OperationalError):
        route()
    assert (Lead.objects.count(), Decision.objects.count()) == (0, 0)
    assert RawEvent.objects.filter(state=RawEvent.State.WAITING).count() == 5
    monkeypatch.undo()
    assert len(route()) == 5
    assert_consistent(5)


def test_a_failed_batch_after_a_change_of_people_does_not_cite_a_revision_that_was_rolled_back(source, monkeypatch):
    waiting(source, *buyers(1))
    route()
    source.owner.name = "Benjamin"
    source.owner.save()
    fail_to_decide(monkeypatch)
    waiting(source, {"email": BAD}, *buyers(3, first=1))
    assert len(route()) == 4
    assert_consistent(4)


def test_a_hundred_at_most_are_carried_and_the_own_one_first(source):
    ids = waiting(source, *buyers(130))
    carried = [result.event.id for result in route(own=ids[-1])]
    assert carried == [ids[-1], *ids[:99]]
    assert drain() == 30
    assert_consistent(130)


def test_waiting_events_are_taken_by_intent_class_then_by_age(source):
    imported = waiting(source, *buyers(3), intent_class=2)
    live = waiting(source, *buyers(3, first=10), intent_class=1)
    hot = waiting(source, *buyers(3, first=20), intent_class=0)
    assert [result.event.id for result in route(limit=7)] == [*hot, *live, imported[0]]


def test_an_own_event_that_was_carried_already_is_nobodys_harm(source):
    ids = waiting(source, *buyers(2))
    assert len(route(own=ids[0])) == 2
    assert route(own=ids[0]) == []
    more = waiting(source, *buyers(1, first=2))
    assert [result.event.id for result in route(own=ids[0])] == more


def test_the_instant_of_the_decision_is_that_of_the_lock_and_the_arrival_stays(source):
    at = timezone.now().replace(microsecond=123456)
    waiting(source, *buyers(1))
    route(clock=lambda: at)
    lead, decision = Lead.objects.get(), Decision.objects.get()
    assert (decision.decided_at, lead.owned_at, lead.received_at) == (at, at, NOW)
    assert verify().differences == []


def test_rules_that_change_between_two_batches_change_the_second_only(source):
    waiting(source, *buyers(1))
    route()
    publish_pool_rule(source.owner, make_pool("other", [make_owner("emil")]))
    waiting(source, *buyers(1, first=1))
    route()
    assert list(Lead.objects.order_by("id").values_list("owner__key", flat=True)) == ["ben", "emil"]
    assert Decision.objects.values("version").distinct().count() == 2
    assert verify() == (2, [])


def test_a_member_who_joins_within_a_batch_of_mixed_languages_replays(source):
    """The order in which turns come to be is not the pool's: the text of the snapshot must not show it."""
    emil, fay = make_owner("emil", languages=["en"]), make_owner("fay", languages=["de"])
    version = make_version(source.owner)
    make_rule(version, "round_robin_pool", "pool", pool=make_pool("speakers", [emil, fay]), require_language=True)
    publish(version, None, NOW)
    waiting(source, *buyers(1, language="de"), *buyers(3, first=1, language="en"), *buyers(2, first=4))
    assert len(route()) == 6
    assert verify() == (6, [])


# Nothing slow under the lock -------------------------------------------------------------------------------


@pytest.fixture
def no_sockets(monkeypatch):
    """Whoever connects, asks for a name or sends mail under the writer lock fails; what was asked outside it."""
    outside = []

    def guarded(name, function):
        def call(*args, **kwargs):
            assert not is_writing(), f"{name} under the writer lock"
            outside.append(name)
            return function(*args, **kwargs)

        return call

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, guarded(name, getattr(socket.socket, name)), raising=False)
    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, guarded(name, getattr(socket, name)))
    monkeypatch.setattr(EmailBackend, "send_messages", guarded("mail", EmailBackend.send_messages))
    return outside


def test_no_socket_is_opened_and_no_mail_sent_while_the_writer_lock_is_held(source, no_sockets, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert post({"email": "a@acme.example", "company_domain": "acme.example"}).status_code == 201
    assert (
        post({"email": "a@acme.example", "message": "again"}).json()["decision"]["routing_decision"]["routing_status"]
        == "appended"
    )
    waiting(source, *buyers(20))
    drain()
    now = timezone.now() + timedelta(seconds=1)
    assert plan.run_due(now) > 0
    assert deliver_due(now) > 0
    assert Delivery.objects.filter(channel="email", state="sent").exists()
    assert "mail" in no_sockets


def test_the_guard_against_sockets_under_the_lock_sees_them(no_sockets):
    with socket.socket() as door, writing(), pytest.raises(AssertionError, match="connect under the writer lock"):
        door.connect(("127.0.0.1", 9))


def test_keys_and_token_of_a_source_are_never_in_what_is_kept(source):
    post({"email": "a@acme.example"})
    event = RawEvent.objects.get()
    assert TOKEN not in event.headers
    assert not IdempotencyKey.objects.filter(key__contains=TOKEN).exists()
