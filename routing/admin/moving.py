"""A changed person, pool or territory in; what its form says of the work and the leads that hang on it, out."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode

from owners.admin.later import after_change, before_change
from owners.models import Owner, Pool, PoolMember, Territory, TerritoryArea
from owners.roles import Act, may
from routing.hanging import hanging, in_words
from routing.rerouting import Choice, chosen

MANY = 1000
"""Counted no further: the preview says how many would change."""


@before_change(Owner)
def refuse_to_strand(owner: Owner, values: dict[str, Any]) -> tuple[str, Any] | None:
    """Whoever has work leaves by the page that hands it over; coming back is a plain save."""
    wanted = values.get("state")
    if owner.state != Owner.State.ACTIVE or wanted in (None, Owner.State.ACTIVE):
        return None
    if not (found := hanging(owner.pk)):
        return None
    address = f"{reverse('pages:leave', args=[owner.pk])}?{urlencode({'state': wanted})}"
    sentence = '{} hang on {}. <a href="{}">Say where they go</a>, and the state changes in the same act.'
    return "state", format_html(sentence, in_words(found), owner.name, address)


@after_change(Owner, Pool, Territory)
def offer_preview(request: HttpRequest, row: Any) -> None:
    """After a change: how many leads may belong to somebody else now."""
    offer(request, **{type(row)._meta.model_name or "": row.pk})


@after_change(PoolMember)
def offer_preview_of_pool(request: HttpRequest, row: PoolMember) -> None:
    offer(request, pool=row.pool_id)


@after_change(TerritoryArea)
def offer_preview_of_territory(request: HttpRequest, row: TerritoryArea) -> None:
    offer(request, territory=row.territory_id)


def offer(request: HttpRequest, **choice: int) -> None:
    """Say how many open leads nobody has worked on, with the way to look at who would get them."""
    if not may(request.user, Act.REASSIGN_ANY):
        return
    count = chosen(Choice(**choice), timezone.now())[: MANY + 1].count()
    if not count:
        return
    many = f"More than {MANY:,}" if count > MANY else f"{count:,}"
    verb = "open lead that nobody worked on may" if count == 1 else "open leads that nobody worked on may"
    address = f"{reverse('pages:reroute')}?{urlencode(choice)}"
    sentence = '{} {} now belong to somebody else. <a href="{}">Look who would get them</a>.'
    messages.info(request, format_html(sentence, many, verb, address))
