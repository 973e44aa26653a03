"""What was seen in, work that stands still out: events, clocks, alerts, plans, review items; mends nothing."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from routing.doctor.finding import ERROR, WARNING, Finding, counted
from routing.doctor.seen import Seen


def problems(seen: Seen) -> Iterator[Finding]:
    """What should have happened by itself and did not, then what waits for a person."""
    yield from _standing(seen)
    yield from _moves(seen)
    yield from _given_up(seen)
    yield from _review(seen)


def _standing(seen: Seen) -> Iterator[Finding]:
    """A worker that never ran is only a warning: configuration is checked before anything is started, too."""
    never = not seen.background.workers
    for number, sentence in enumerate(seen.background.sentences):
        yield Finding(WARNING if never and not number else ERROR, "background_late", sentence)
    overdue = seen.counts["overdue"]
    if overdue["count"]:
        many = counted(overdue["count"], "clock")
        since: datetime = overdue["since"]
        sentence = f"{many} ran out up to {_span(seen.now - since)} ago, and nothing followed. Is the worker running?"
        yield Finding(ERROR, "clocks_not_swept", sentence, "routing", "slaclock")


def _moves(seen: Seen) -> Iterator[Finding]:
    for owner, name, state, count in seen.counts["stranded"]:
        gone = "has left" if state == "departed" else "is inactive"
        stay = "1 open lead stays" if count == 1 else f"{count:,} open leads stay"
        sentence = f"{name} {gone}, and {stay} with them. Hand them over from their page."
        yield Finding(ERROR, "leads_of_the_gone", sentence, "owners", "owner", owner)
    for move in seen.counts["standing_moves"]:
        sentence = f"A move of many leads is not over yet: {move}. The worker finishes it. Is it running?"
        yield Finding(ERROR, "move_unfinished", sentence, "routing", "bulkmove")


def _given_up(seen: Seen) -> Iterator[Finding]:
    if count := seen.counts["dead_deliveries"]:
        sentence = f"{counted(count, 'alert')} could not be delivered within the last 7 days and was given up."
        if count > 1:
            sentence = f"{count:,} alerts could not be delivered within the last 7 days and were given up."
        yield Finding(ERROR, "deliveries_given_up", sentence, "routing", "delivery")
    if count := seen.counts["dead_actions"]:
        stop = "stands" if count == 1 else "stand"
        sentence = (
            f"{counted(count, 'plan action')} of the last 7 days {stop} still or was given up; manage.py replay"
            " carries an event on."
        )
        yield Finding(ERROR, "actions_given_up", sentence, "routing", "planaction")


def _review(seen: Seen) -> Iterator[Finding]:
    for item in seen.counts["unreadable"]:
        sentence = f"{counted(item['occurrences'], 'event')} from {item['source__name']} could not be read."
        yield Finding(WARNING, "events_unreadable", sentence, "routing", "reviewitem", item["id"])
    review = seen.counts["review"]
    if count := review["clockless"]:
        has = "has" if count == 1 else "have"
        sentence = f"{counted(count, 'open review item')} {has} no clock yet. The worker starts it. Is it running?"
        yield Finding(ERROR, "review_without_clock", sentence, "routing", "reviewitem")
    if review["ownerless"]:
        sentence = f"{counted(review['ownerless'], 'review item')} name somebody who left. Assign them anew."
        if review["ownerless"] == 1:
            sentence = "1 review item names somebody who left. Assign it anew."
        yield Finding(ERROR, "review_owner_gone", sentence, "routing", "reviewitem")
    if review["late"]:
        verb = "is" if review["late"] == 1 else "are"
        sentence = f"{counted(review['late'], 'review item')} {verb} past the time promised."
        yield Finding(WARNING, "review_late", sentence, "routing", "reviewitem")


def _span(length: timedelta) -> str:
    """“9 min”, “1 h 20”, “3 days”."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d}"
    return f"{minutes // 1440} days"
