"""Ids and filters in; events, leads and decisions as JSON out. Changes nothing."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, FilterLookup, FilterSchema, NinjaAPI, Query, Router, Schema
from ninja.pagination import LimitOffsetPagination, paginate

from leads.models import Lead, RawEvent, Source
from leads.scopes import visible_leads
from owners.models import Owner
from owners.scopes import visible_owners
from routing.api.access import SourceToken, Token, seen_lead, viewer
from routing.api.problems import Problem
from routing.document import document, stories
from routing.engine.text import canonical
from routing.explain import Undecided
from routing.models import Decision
from routing.scopes import visible_events
from routing.why_not import find_owner, why_not

router = Router(auth=Token(), tags=["read"])


LARGEST = 2**63 - 1
Id = Annotated[int, Field(ge=0, le=LARGEST)]
Key = Annotated[str, Field(pattern=r"^[\w-]{1,40}$")]


Email = Annotated[str, Field(pattern=r"^[^\x00]{1,320}$")]


class Pages(LimitOffsetPagination):
    """Pages of 1 to 500 rows."""

    class Input(LimitOffsetPagination.Input):
        limit: int = Field(50, ge=1, le=500)
        offset: int = Field(0, ge=0, le=LARGEST)


class EventOut(Schema):
    event_id: int
    status: str
    received_at: datetime
    source: str
    submission_id: str
    correlation_id: str
    lead_id: int | None
    decision_id: int | None
    routing_status: str | None
    error: str


class LeadOut(Schema):
    id: int
    state: str
    owner_id: int | None
    source: str
    lead_type: str
    high_intent: bool
    lead_score: int | None
    email: str
    phone: str
    name: str
    country: str
    contact_id: int | None
    company_id: int | None
    deal_id: int | None
    is_test: bool
    received_at: datetime
    owned_at: datetime | None
    reason: str

    @staticmethod
    def resolve_source(lead: Lead) -> str:
        return lead.source.key


class LeadFilter(FilterSchema):
    state: Key | None = None
    owner_id: Id | None = None
    lead_type: Key | None = None
    is_test: bool | None = None
    source: Annotated[Key | None, FilterLookup("source__key")] = None
    email: Annotated[Email | None, FilterLookup("email__iexact")] = None


@router.get("/events/{event_id}", response=EventOut, auth=[Token(), SourceToken()])
def event(request: HttpRequest, event_id: Id) -> dict[str, Any]:
    """What became of a posted event. A source's own token sees its own events only."""
    asks = request.auth  # type: ignore[attr-defined]
    events = asks.events.all() if isinstance(asks, Source) else visible_events(viewer(request))
    row = events.select_related("source").defer("body", "headers").filter(pk=event_id).first()
    if row is None:
        raise Problem(404, "not_found", f"There is no event {event_id}.")
    decision = Decision.objects.filter(event=event_id).values("id", "lead", "status").first() or {}
    return {
        "event_id": row.pk,
        "status": _status(row, bool(decision)),
        "received_at": row.received_at,
        "source": row.source.key,
        "submission_id": row.submission_id,
        "correlation_id": row.correlation_id,
        "lead_id": decision.get("lead"),
        "decision_id": decision.get("id"),
        "routing_status": decision.get("status"),
        "error": row.error,
    }


def _status(event: RawEvent, decided: bool) -> str:
    if decided:
        return "routed"
    return {RawEvent.State.WAITING: "accepted", RawEvent.State.UNREADABLE: "unreadable"}.get(event.state, "review")


@router.get("/leads", response=list[LeadOut])
@paginate(Pages)
def leads(request: HttpRequest, filters: Query[LeadFilter]) -> Any:
    """Leads, the newest first. A filter that does not exist is refused: all leads are not the answer to it."""
    unknown = sorted(set(request.GET) - LeadFilter.model_fields.keys() - Pages.Input.model_fields.keys())
    if unknown:
        raise Problem(400, "bad_request", f"There is no filter {', '.join(unknown)[:200]}.")
    return filters.filter(visible_leads(viewer(request)).select_related("source").order_by("-id"))


@router.get("/leads/{lead_id}", response=LeadOut)
def lead(request: HttpRequest, lead_id: Id) -> Lead:
    """One lead."""
    return seen_lead(request, lead_id)


@router.get("/leads/{lead_id}/decision", response=dict)
def decision(request: HttpRequest, lead_id: Id) -> HttpResponse:
    """The decision in force, which gave the lead its state: the decision document."""
    seen = visible_leads(viewer(request)).filter(pk=lead_id).exists()
    ruling = Decision.objects.filter(lead=lead_id).exclude(status=Decision.Status.APPENDED)
    newest = ruling.order_by("-id").values_list("id", flat=True).first() if seen else None
    story = stories([newest]).get(newest) if newest else None
    if story is None:
        raise Problem(404, "not_found", f"There is no decided lead {lead_id}.")
    return HttpResponse(canonical(document(story)), content_type="application/json")


class DecisionOut(Schema):
    id: int
    origin: str
    status: str
    owner_id: int | None
    previous_owner_id: int | None
    actor: str | None
    hierarchy_step: str
    reason: str
    decided_at: datetime
    digest: str

    @staticmethod
    def resolve_actor(decision: Decision) -> str | None:
        return decision.actor.get_username() if decision.actor else None


@router.get("/leads/{lead_id}/decisions", response=list[DecisionOut])
@paginate(Pages)
def decisions(request: HttpRequest, lead_id: Id) -> Any:
    """Everything that was decided about the lead, the newest first."""
    if not visible_leads(viewer(request)).filter(pk=lead_id).exists():
        raise Problem(404, "not_found", f"There is no lead {lead_id}.")
    rows = Decision.objects.filter(lead=lead_id).select_related("actor")
    return rows.defer("snapshot", "trace").order_by("-id")


class WhyNotOut(Schema):
    lead_id: int
    owner_id: int
    name: str
    code: str
    sentences: list[str]


@router.get("/leads/{lead_id}/why-not/{owner}", response=WhyNotOut)
def not_chosen(request: HttpRequest, lead_id: Id, owner: Key) -> dict[str, Any]:
    """Where an owner, by key or id, dropped out of the decision that gave the lead its state."""
    asks = viewer(request)
    try:
        if not visible_leads(asks).filter(pk=lead_id).exists():
            raise Undecided(f"There is no decided lead {lead_id}.")
        answer = why_not(lead_id, find_owner(owner, visible_owners(asks)))
    except Undecided as error:
        raise Problem(404, "not_found", str(error)) from error
    except Owner.DoesNotExist as error:
        raise Problem(404, "not_found", str(error)) from error
    return {"lead_id": lead_id, **asdict(answer)}


def add_to(api: NinjaAPI) -> None:
    """Hang the addresses and the problem documents into the API."""
    api.add_router("", router)
