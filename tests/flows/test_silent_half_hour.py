"""A lead that nobody acts on, minute by minute: reminded, moved to the cover person, then with a named person."""

from datetime import timedelta

import pytest

from leads.models import Lead
from routing.models import Decision, Delivery, ReviewItem
from routing.replay import verify
from routing.worker import tick
from tests.builders import NOW
from tests.routing.batches import waiting
from tests.routing.ladders import MINUTE, clocks, facts, make_company, rungs, told

pytestmark = pytest.mark.django_db(transaction=True)


def pass_time(start, end):
    """The worker's tick, every half minute."""
    at = start
    while at <= end:
        tick(lambda: at)  # noqa: B023  called before the loop goes on
        at += timedelta(seconds=30)


def test_silent_lead_is_reminded_moved_and_ends_with_a_named_person(mailoutbox):
    people = make_company()
    [id] = waiting(people.source, {"email": "ada@analytical.example", "first_name": "Ada"})
    start = NOW + 2 * MINUTE  # when the tick takes what no request waits for

    pass_time(start, start + 14 * MINUTE)
    lead = Lead.objects.get(pk=id)
    assert lead.owner == people.elena
    assert rungs() == [("first_touch", 80, "remind", 0)]

    pass_time(start + 15 * MINUTE, start + 29.5 * MINUTE)
    assert rungs() == [
        ("first_touch", 80, "remind", 0), ("first_touch", 100, "breach", 0), ("no_activity", 50, "remind", 0),
    ]  # fmt: skip
    assert told() == [
        ("reminder", "elena", "first_touch:80"), ("escalation", "elena", "first_touch:100"),
        ("escalation", "lena", "first_touch:100"), ("reminder", "elena", "no_activity:50"),
    ]  # fmt: skip

    pass_time(start + 30 * MINUTE, start + 31 * MINUTE)
    lead.refresh_from_db()
    assert (lead.owner, lead.owned_at) == (people.marco, start + 30 * MINUTE)
    assert lead.reason == (
        "Moved to Marco, who covers for Elena, because nobody acted on it for 30 minutes of working time."
    )
    moved = Decision.objects.get(origin="escalate")
    assert told(decision=moved) == [("moved", "elena", ""), ("escalation", "lena", "moved")]
    alert = Delivery.objects.get(decision=moved, kind="assignment", channel="email")
    confirmed = moved.actions.get()
    assert (confirmed.state, alert.state) == ("confirmed", "sent")
    assert confirmed.confirmed_at <= alert.sent_at

    pass_time(start + 32 * MINUTE, start + 150 * MINUTE)
    lead.refresh_from_db()
    item = ReviewItem.objects.get()
    assert (lead.state, lead.owner, item.owner, item.reason) == ("review", None, people.lena, "no_valid_owner")
    assert item.detail == "nobody acted on it for 30 minutes of working time, for the second time"
    one_lap = [
        ("first_touch", 80, "remind", 0), ("first_touch", 100, "breach", 0), ("no_activity", 50, "remind", 0),
    ]  # fmt: skip
    assert rungs() == [
        *one_lap, ("no_activity", 100, "move", 0), *one_lap, ("no_activity", 100, "review", 0),
        ("review", 100, "breach", 0),
    ]  # fmt: skip
    assert clocks(lead) == [
        ("elena", "first_touch", "breached"), ("elena", "no_activity", "breached"), ("elena", "assigned", "breached"),
        ("marco", "first_touch", "breached"), ("marco", "no_activity", "breached"), ("lena", "review", "breached"),
    ]  # fmt: skip
    assert facts(lead) == [
        ("arrived", "assigned"), ("decided", "assigned"), ("owned", "routing"), ("confirmed", ""),
        ("alerted", "in_app"), ("alerted", "email"), ("breached", "first_touch"), ("breached", "no_activity"),
        ("decided", "escalate"), ("reassigned", "no_activity"), ("owned", "escalate"), ("confirmed", ""),
        ("alerted", "in_app"), ("alerted", "email"), ("breached", "first_touch"), ("breached", "no_activity"),
        ("decided", "escalate"), ("reassigned", "no_activity"), ("breached", "review"),
    ]  # fmt: skip
    last = Decision.objects.order_by("-id").first()
    assert told(decision=last) == [("review", "lena", ""), ("moved", "marco", ""), ("review", "lena", "overdue")]
    assert not Delivery.objects.exclude(state="sent").exists()
    to_elena = [mail for mail in mailoutbox if mail.to == ["elena@revroute.example"]]
    assert [mail.subject.replace(" (analytical.example)", "") for mail in to_elena] == [
        "New lead: Ada", "Still open, due Mon 23 Nov 2026, 10:17 UTC: Ada", "Late: Ada",
        "Still open, due Mon 23 Nov 2026, 10:32 UTC: Ada",
    ]  # fmt: skip
    assert (
        "What is due: any call, e-mail, message or meeting, within 30 minutes of working time\n"
        "Until: Mon 23 Nov 2026, 10:32 UTC\n"
        "What happens then: your team lead is told, and the lead goes to whoever covers for you or into review.\n"
    ) in to_elena[-1].body
    to_lena = [mail for mail in mailoutbox if mail.to == ["lena@revroute.example"]]
    assert [mail.subject.replace(" (analytical.example)", "") for mail in to_lena] == [
        "Late: Ada", "Nobody acted, moved on: Ada", "Late: Ada", "For your review: Ada, nobody could take it",
        "Overdue: Ada, nobody could take it",
    ]  # fmt: skip
    assert to_lena[0].body.startswith("Lena, Elena has let the time for a lead run out.\n\nBuyer: Ada, analytical")
    assert verify() == (3, [])
