"""A payload or a stored lead in, the decision document that a version would give out. A dry run: nothing is written."""

import json
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Field, NinjaAPI, Router, Schema
from pydantic import AwareDatetime, ConfigDict

from leads.models import Source
from leads.scopes import visible_leads
from owners.roles import MACHINE
from routing.api.access import Token, viewer
from routing.api.actor import ERRORS
from routing.api.problems import Problem
from routing.api.read import Id, Key
from routing.engine.text import canonical
from routing.refused import Refused
from routing.simulate import Subject, simulate, stored, typed

router = Router(tags=["decisions"])

LARGEST_PAYLOAD = 100_000
"""Characters of JSON."""
REFUSED = {
    409: {"description": "The draft does not compile (`rules_unsound`), or what the lead said was erased (`erased`)."},
    413: {"description": "The payload is too large (`body_too_large`)."},
    422: {"description": "Neither or both of payload and lead, no source, or a year that is too far away."},
}
NO_NUMBER = "The payload holds a number that JSON does not have, such as NaN or 1e999. A sender would be refused."
CODES = {"rules": "rules_unsound", "erased": "erased"}


class DecideIn(Schema):
    """What to decide: `payload` as a form of `source` would post it, or `lead`; by `version` (else the rules in force),
    at `at` (else now). A name that is not known is refused: a misspelt `version` would try other rules than meant."""

    model_config = ConfigDict(extra="forbid")

    payload: dict[str, Any] | None = None
    source: Key | None = None
    lead: Annotated[Id | None, Field(strict=True)] = None
    version: Annotated[Id | None, Field(strict=True)] = None
    at: Annotated[AwareDatetime | None, Field(description="ISO 8601 with an offset, from 1970 to 2200.")] = None


@router.post("/decide", auth=Token(), response=dict, openapi_extra={"responses": {**ERRORS, **REFUSED}})
def decide(request: HttpRequest, asked: DecideIn) -> HttpResponse:
    """What would be decided, with the full trace. Nothing is written, nobody is told, no turn is taken."""
    asks = viewer(request)
    if asks is not MACHINE and not asks.has_perm("routing.view_rulesetversion"):
        raise Problem(403, "forbidden", "The role of the person this token stands for does not read rules.")
    at = asked.at or timezone.now()
    if (asked.payload is None) == (asked.lead is None) or (asked.lead and asked.source):
        raise Problem(422, "bad_request", "Give either a payload with its source, or the number of a lead.")
    try:
        told = simulate(_subject(request, asked, at), asked.version).told
    except Refused as refused:
        if refused.code == "gone":
            raise Problem(404, "not_found", refused.sentence) from refused
        if refused.code == "instant":
            raise Problem(422, "bad_request", refused.sentence) from refused
        raise Problem(409, CODES[refused.code], refused.sentence) from refused
    return HttpResponse(canonical(told), content_type="application/json")


def _subject(request: HttpRequest, asked: DecideIn, at: datetime) -> Subject:
    if asked.lead is not None:
        if not visible_leads(viewer(request)).filter(pk=asked.lead).exists():
            raise Problem(404, "not_found", f"There is no decided lead {asked.lead}.")
        return stored(asked.lead, at)
    if asked.source is None:
        raise Problem(422, "bad_request", "Name the source that would send this payload.")
    source = Source.objects.filter(key=asked.source).values_list("id", flat=True).first()
    if source is None:
        raise Problem(404, "not_found", f"There is no source “{asked.source}”. Name the one that would send it.")
    try:
        body = json.dumps(asked.payload, allow_nan=False)
    except ValueError as error:
        raise Problem(422, "bad_request", NO_NUMBER) from error
    if len(body) > LARGEST_PAYLOAD:
        raise Problem(413, "body_too_large", f"A payload has at most {LARGEST_PAYLOAD:,} characters.")
    return typed(body.encode(), "application/json", source, at)


def add_to(api: NinjaAPI) -> None:
    """Hang the address into the API."""
    api.add_router("", router)
