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
from routing.hanging import hanging, in_words
from routing.offer import offered
from routing.rerouting import Choice


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
    """Say it beside the form's own message."""
    if sentence := offered(request.user, Choice(**choice), timezone.now()):
        messages.info(request, sentence)
