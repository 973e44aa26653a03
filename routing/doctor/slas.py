"""What was seen in, problems with SLA policies and their ladders out: what forms refuse may become true later."""

from collections.abc import Iterable, Iterator

from django.db.models import Prefetch

from owners.models import Owner, Pool, PoolMember
from routing.doctor.finding import ERROR, WARNING, Finding, listed
from routing.doctor.seen import Seen
from routing.models import SlaLadder, SlaPolicy, SlaRung

LADDER, POLICY = ("routing", "slaladder"), ("routing", "slapolicy")


def problems(seen: Seen) -> Iterator[Finding]:
    """Four queries."""
    policies = list(SlaPolicy.objects.select_related("calendar").order_by("position", "id"))
    used = {getattr(policy, f"{column}_id") for policy in policies for column in SlaPolicy.LADDERS}
    rungs = Prefetch("rungs", SlaRung.objects.filter(pool__isnull=False).select_related("pool"))
    manned = set(PoolMember.objects.filter(active=True, owner__state=Owner.State.ACTIVE).values_list("pool", flat=True))
    for ladder in SlaLadder.objects.prefetch_related(rungs).order_by("name", "id"):
        yield from _ladder(seen, ladder, ladder.pk in used, manned)
    for policy in policies:
        yield from _hours(seen, policy)
    yield from _shadowed(seen, policies)


def _ladder(seen: Seen, ladder: SlaLadder, used: bool, manned: set[int]) -> Iterator[Finding]:
    severity = ERROR if used else WARNING
    if gone := seen.state(ladder.named_owner_id):
        sentence = (
            f"SLA ladder {ladder.name} ends with {seen.name(ladder.named_owner_id)}, who {gone}. Name somebody else."
        )
        yield Finding(severity, "ladder_end_gone", sentence, *LADDER, ladder.pk)
    empty: dict[int, Pool] = {rung.pool.pk: rung.pool for rung in ladder.rungs.all() if rung.pool_id not in manned}
    for pool in empty.values():
        sentence = f"SLA ladder {ladder.name} moves leads to pool {pool.name}, in which nobody is active. Add somebody."
        yield Finding(severity, "ladder_pool_empty", sentence, *LADDER, ladder.pk)
    if not used:
        sentence = f"No SLA policy uses ladder {ladder.name}. Choose it on the page of a policy, or delete it."
        yield Finding(WARNING, "ladder_unused", sentence, *LADDER, ladder.pk)


def _hours(seen: Seen, policy: SlaPolicy) -> Iterator[Finding]:
    """Without an open hour the owner's own hours stand in, which is not what was meant."""
    if policy.calendar is None or policy.real_time:
        return
    hours = seen.people.calendars.get(policy.calendar.pk)
    if hours is None or hours.next_open(seen.now) is None:
        sentence = (
            f"SLA policy {policy.name} counts by calendar {policy.calendar.name}, which never opens; each owner’s own"
            " hours are counted instead. Give the calendar a time zone and hours."
        )
        yield Finding(ERROR, "policy_never_counts", sentence, *POLICY, policy.pk)


def _shadowed(seen: Seen, policies: Iterable[SlaPolicy]) -> Iterator[Finding]:
    """Policies that no lead can find because an earlier one fits all that they fit, and no rule in force names."""
    named = {rule.get("sla_policy") for rule in (seen.published["content"]["rules"] if seen.published else ())}
    earlier: list[SlaPolicy] = []
    for policy in policies:
        wider = [one.name for one in earlier if _fits_all_of(one, policy)]
        if wider and policy.key not in named:
            sentence = (
                f"SLA policy {policy.name} is never chosen: {listed(wider)} before it"
                f" {'fits' if len(wider) == 1 else 'fit'} every lead that it fits. Move it up, or let a rule name it."
            )
            yield Finding(WARNING, "policy_shadowed", sentence, *POLICY, policy.pk)
        earlier.append(policy)


def _fits_all_of(wide: SlaPolicy, narrow: SlaPolicy) -> bool:
    """Whether every criterion of the one holds wherever those of the other do; an empty list is any word."""
    pairs = ((getattr(wide, words), getattr(narrow, words)) for words in ("lead_types", "sources", "tiers"))
    return all(not any_of or (of and set(of) <= set(any_of)) for any_of, of in pairs)
