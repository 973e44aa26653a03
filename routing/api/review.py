"""The review queue over HTTP: filters in, open items out; an act by a token's person in, what it led to out."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Body, Field, FilterLookup, FilterSchema, NinjaAPI, Query, Router, Schema
from ninja.pagination import paginate

from owners.roles import MACHINE, Act, may
from owners.scopes import visible_owners
from routing.api.access import Scope, Token, viewer
from routing.api.actor import ERRORS, actor, as_owner, told
from routing.api.problems import Problem
from routing.api.read import Id, Key, Pages
from routing.models import ReviewItem
from routing.queue import TELL, Wish, allowed
from routing.scopes import told_review_items, visible_review_items
from routing.wishes import Asked, do

router = Router(tags=["review"])

LATER = ("merge", "separate")
"""Acts of the interface that this version does not do yet."""


class ItemOut(Schema):
    id: int
    reason: str
    detail: str
    state: str
    owner_id: int
    source: str
    event_id: int
    lead_id: int | None
    decision_id: int | None
    occurrences: int
    opened_at: datetime
    due_at: datetime
    closed_at: datetime | None
    resolution: str

    @staticmethod
    def resolve_source(item: ReviewItem) -> str:
        return item.source.key


class ItemFilter(FilterSchema):
    state: Key | None = None
    reason: Key | None = None
    owner_id: Id | None = None
    lead_id: Id | None = None
    source: Annotated[Key | None, FilterLookup("source__key")] = None
    high_intent: Annotated[bool | None, FilterLookup("lead__high_intent")] = None


class Wanted(Schema):
    """What the act needs: `owner_id` for assign and name, `reason` for assign, nurture and reject, `fields` for fix."""

    owner_id: Id | None = None
    seen_owner_id: Id | None = None
    reason: str = Field("", max_length=2000)
    fields: dict[str, str] = Field({}, max_length=100)


class DoneOut(Schema):
    sentence: str
    lead_id: int | None
    decision_id: int | None
    owner_id: int | None
    status: str


@router.get("/review", response=list[ItemOut], auth=Token())
@paginate(Pages)
def review(request: HttpRequest, filters: Query[ItemFilter]) -> Any:
    """Review items within the token's sight, the open ones unless another state is asked for, due first."""
    unknown = sorted(set(request.GET) - ItemFilter.model_fields.keys() - Pages.Input.model_fields.keys())
    if unknown:
        raise Problem(400, "bad_request", f"There is no filter {', '.join(unknown)[:200]}.")
    rows = visible_review_items(viewer(request)).select_related("source").order_by("due_at", "id")
    return filters.filter(rows if filters.state else rows.filter(state=ReviewItem.State.OPEN))


@router.post(
    "/review/{item_id}/{action}", response=DoneOut, auth=Token(Scope.WRITE), openapi_extra={"responses": ERRORS}
)
def review_act(request: HttpRequest, item_id: Id, action: Key, wanted: Body[Wanted] = Wanted()) -> Any:  # noqa: B008
    """Do one of claim, assign, name, fix, again, replay, nurture, reject. Of many who claim, one gets 200, all others
    409 with who was faster."""
    if action in LATER:
        raise Problem(422, "not_yet", f"“{action}” is not done over HTTP yet; fix, nurture or reject the item.")
    if action not in set(Wish):
        raise Problem(404, "unknown_action", f"There is no action “{action}”; use one of {', '.join(Wish)}.")
    person, now, wish = viewer(request), timezone.now(), Wish(action)
    if person is not MACHINE and not may(person, Act.SEE_LEADS):
        raise Problem(404, "not_found", f"There is no review item {item_id}.")
    row = told_review_items(person, now - TELL).filter(pk=item_id).first()
    if row is None:
        raise Problem(404, "not_found", f"There is no review item {item_id}.")
    if wish not in allowed(person, row):
        raise Problem(403, "forbidden", "The role of the person this token stands for does not allow the act.")
    by = as_owner(request, Act.CLAIM) if wish == Wish.CLAIM else actor(request)
    to = wanted.owner_id
    if to is not None and not visible_owners(person).filter(pk=to).exists():
        raise Problem(422, "unknown_owner", f"There is no owner {to}.")
    with told():
        done = do(wish, item_id, Asked(to, wanted.reason, wanted.seen_owner_id, wanted.fields), by, now)
    return as_answer(done)


def as_answer(done: Any) -> dict[str, Any]:
    """What an act led to, as the API says it."""
    return {
        "sentence": done.sentence, "lead_id": done.lead, "decision_id": done.decision, "owner_id": done.owner,
        "status": done.status,
    }  # fmt: skip


def add_to(api: NinjaAPI) -> None:
    """Hang the addresses into the API."""
    api.add_router("", router)
