"""What makes a submission itself: names for ever, bodies for ten minutes; the first event stands."""

from datetime import timedelta

import pytest

from leads.intake import Incoming, keep, kept_headers, store
from leads.models import IdempotencyKey, RawEvent
from tests.builders import NOW, make_owner, make_source

pytestmark = pytest.mark.django_db(transaction=True)

TICK = timedelta(microseconds=1)


@pytest.fixture
def source():
    return make_source("web", make_owner("elena"))


def incoming(source, body=b'{"email": "a@b.example"}', digest="d1", at=NOW, **names):
    return Incoming(
        source=source.pk, body=body, content_type="application/json", headers="{}", digest=digest, received_at=at,
        correlation_id="c1", intent_class=1, **names,
    )  # fmt: skip


def test_a_new_submission_is_stored_as_it_came_and_waits(source):
    stored = store(incoming(source, b"\x00\xff raw", submission_id="s1", idempotency_key="k1"))
    event = RawEvent.objects.get()
    assert (stored.event, stored.repeat, stored.same_body) == (event.pk, "", True)
    assert (bytes(event.body), event.state, event.received_at) == (b"\x00\xff raw", RawEvent.State.WAITING, NOW)
    assert (event.submission_id, event.idempotency_key, event.body_digest) == ("s1", "k1", "d1")
    assert sorted(IdempotencyKey.objects.values_list("key", "event", "expires_at")) == [
        ("key:k1", event.pk, None), ("sub:s1", event.pk, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "names", [{"submission_id": "s1"}, {"idempotency_key": "k1"}, {"submission_id": "s1", "idempotency_key": "k1"}]
)
def test_a_name_holds_for_ever_and_tells_whether_the_body_is_the_same(source, names):
    first = store(incoming(source, **names))
    later = NOW + timedelta(days=400)
    assert store(incoming(source, at=later, **names)) == (
        first.event,
        "key" if "idempotency_key" in names else "sub",
        True,
    )
    assert store(incoming(source, digest="d2", at=later, **names)).same_body is False
    assert RawEvent.objects.count() == 1


def test_the_key_is_asked_before_the_submission_id_when_they_name_two_events(source):
    by_key = store(incoming(source, idempotency_key="k1"))
    by_submission = store(incoming(source, submission_id="s1"))
    assert store(incoming(source, idempotency_key="k1", submission_id="s1"))[:2] == (by_key.event, "key")
    assert store(incoming(source, idempotency_key="k2", submission_id="s1"))[:2] == (by_submission.event, "sub")
    assert RawEvent.objects.count() == 2


def test_a_repeat_under_one_name_claims_no_other_name(source):
    first = store(incoming(source, submission_id="s1"))
    store(incoming(source, submission_id="s1", idempotency_key="k1"))
    assert list(IdempotencyKey.objects.values_list("key", "event")) == [("sub:s1", first.event)]


@pytest.mark.parametrize(
    ("after", "repeats"),
    [
        (timedelta(0), True),
        (timedelta(minutes=9, seconds=59, microseconds=999_999), True),
        (timedelta(minutes=10), False),
        (timedelta(minutes=10) + TICK, False),
    ],
)
def test_a_body_without_any_name_repeats_within_ten_minutes_and_not_at_their_end(source, after, repeats):
    first = store(incoming(source))
    second = store(incoming(source, at=NOW + after))
    assert (second.repeat, second.event == first.event) == (("body", True) if repeats else ("", False))
    assert RawEvent.objects.count() == (1 if repeats else 2)


@pytest.mark.parametrize("fraction", [0, 1, 500_000, 999_999])
def test_the_window_is_exact_from_any_fraction_of_a_second(source, fraction):
    begun = NOW.replace(microsecond=fraction)
    store(incoming(source, at=begun))
    assert store(incoming(source, at=begun + timedelta(minutes=10) - TICK)).repeat == "body"
    assert store(incoming(source, at=begun + timedelta(minutes=10))).repeat == ""


def test_an_expired_window_starts_anew_with_the_event_that_took_it_over(source):
    store(incoming(source))
    second = store(incoming(source, at=NOW + timedelta(minutes=10)))
    third = store(incoming(source, at=NOW + timedelta(minutes=19, seconds=59)))
    assert third == (second.event, "body", True)
    assert IdempotencyKey.objects.get().expires_at == NOW + timedelta(minutes=20)
    assert store(incoming(source, at=NOW + timedelta(minutes=20))).repeat == ""


def test_another_body_is_another_submission(source):
    assert store(incoming(source)).event != store(incoming(source, digest="d2")).event


def test_the_same_body_and_names_from_two_sources_are_two_submissions(source):
    other = make_source("chat", source.owner)
    for names in ({}, {"submission_id": "s1"}, {"idempotency_key": "k1"}):
        first, second = store(incoming(source, **names)), store(incoming(other, **names))
        assert (first.repeat, second.repeat) == ("", "")
    assert RawEvent.objects.count() == 6


def test_what_else_belongs_to_the_event_commits_or_vanishes_with_it(source):
    def fails():
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        store(incoming(source, submission_id="s1"), also=fails)
    assert (RawEvent.objects.count(), IdempotencyKey.objects.count()) == (0, 0)
    called = []
    store(incoming(source, submission_id="s1"), also=lambda: called.append(1))
    store(incoming(source, submission_id="s1"), also=lambda: called.append(2))
    assert called == [1]


def test_a_key_whose_event_was_pruned_is_free_again(source):
    first = store(incoming(source, submission_id="s1"))
    RawEvent.objects.filter(pk=first.event).delete()
    assert store(incoming(source, submission_id="s1")).repeat == ""


def test_what_is_kept_without_routing_claims_no_name_and_does_not_wait(source):
    id = keep(incoming(source, submission_id="s1"), RawEvent.State.UNREADABLE, "malformed_json")
    event = RawEvent.objects.get()
    assert (event.pk, event.state, event.error) == (id, RawEvent.State.UNREADABLE, "malformed_json")
    assert IdempotencyKey.objects.count() == 0


def test_credentials_are_not_among_the_headers_kept():
    given = {"HTTP_AUTHORIZATION": "Bearer x", "HTTP_COOKIE": "s", "HTTP_USER_AGENT": "curl"}
    given |= {"HTTP_REFERER": "r" * 600, "HTTP_X_OTHER": "1"}
    assert kept_headers(given) == '{"user-agent": "curl", "referer": "' + "r" * 500 + '"}'
