"""An act on a lead by a token's person in, what it led to out: activity, accept, decline, pause, claim and the rest."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Body, Field, NinjaAPI, Router, Schema, Status

from leads.models import Lead
from owners.models import Owner
from owners.roles import MACHINE, Act, may
from owners.scopes import owner_of, visible_owners
from routing import acts, pausing, touch
from routing.acts import Done
from routing.api.access import Scope, Token, seen_lead, viewer
from routing.api.actor import ERRORS, actor, as_owner, told
from routing.api.problems import Problem
from routing.api.read import Id
from routing.api.review import DoneOut, as_answer
from routing.models import ReviewItem
from routing.moved import STAYING
from routing.moving import By
from routing.queue import TELL
from routing.scopes import told_review_items

router = Router(auth=Token(Scope.WRITE), tags=["acts"])
EXTRA = {"responses": ERRORS}


class ActivityIn(Schema):
    """`kind`: call, email, meeting …; `actor`: an owner's key, else the token's person; `at`: with its zone."""

    kind: str = Field(max_length=40)
    actor: str = Field("", max_length=80)
    at: datetime | None = None
    outcome: str = Field("", max_length=2000)


class ActivityOut(Schema):
    id: int
    lead_id: int
    kind: str
    actor_id: int | None
    happened_at: datetime


class Reason(Schema):
    reason: str = Field("", max_length=2000)


class ReassignIn(Schema):
    owner_id: Id
    reason: str = Field("", max_length=2000)
    seen_owner_id: Id | None = None
    cause: Literal["", "misroute"] = ""


class PauseIn(Schema):
    """`until`: with its zone, at most 30 days from now."""

    until: datetime
    reason: str = Field("", max_length=2000)


class ConvertIn(Schema):
    outcome: Literal["converted", "lost", "unqualified"] = "converted"


@router.post("/leads/{lead_id}/activities", response={201: ActivityOut}, openapi_extra=EXTRA)
def activity(request: HttpRequest, lead_id: Id, said: ActivityIn) -> Any:
    """Log what was done with the buyer. A touch by a person stops the clocks, and so does a meeting that was booked;
    what a program logs and names nobody for does not."""
    _has_zone("at", said.at)
    by = _who(request, said.actor)
    seen_lead(request, lead_id)
    with told():
        row = touch.record(lead_id, said.kind, by, timezone.now(), said.at, said.outcome)
    return Status(201, row)


@router.post("/leads/{lead_id}/accept", response=DoneOut, openapi_extra=EXTRA)
def accept(request: HttpRequest, lead_id: Id) -> Any:
    """The owner says yes; saying it again changes nothing."""
    by = as_owner(request, Act.WORK_LEADS)
    seen_lead(request, lead_id)
    with told():
        first = touch.accept(lead_id, by, timezone.now())
    sentence = f"Accepted by {by.name}." if first else f"{by.name} had accepted it already."
    return as_answer(Done(sentence, lead_id, None, by.owner, Lead.State.ASSIGNED))


@router.post("/leads/{lead_id}/decline", response=DoneOut, openapi_extra=EXTRA)
def decline(request: HttpRequest, lead_id: Id, said: Reason) -> Any:
    """The owner gives the lead back; the rules look for somebody else."""
    by = as_owner(request, Act.WORK_LEADS)
    seen_lead(request, lead_id)
    with told():
        return as_answer(acts.decline(lead_id, by, said.reason, timezone.now()))


@router.post("/leads/{lead_id}/claim", response=DoneOut, openapi_extra=EXTRA)
def claim(request: HttpRequest, lead_id: Id) -> Any:
    """Take a lead that waits in review: the same as to claim its item there."""
    by = as_owner(request, Act.CLAIM)
    now = timezone.now()
    items = told_review_items(viewer(request), now - TELL).filter(lead=lead_id).exclude(reason__in=STAYING)
    newest = items.order_by("closed_at", "-pk").values_list("pk", "state")
    found = list(newest)
    if not found:
        state = seen_lead(request, lead_id).get_state_display()
        raise Problem(409, "taken", f"The lead is {state}, and nothing about it waits to be claimed.")
    open_first = next((pk for pk, state in found if state == ReviewItem.State.OPEN), found[-1][0])
    with told():
        return as_answer(acts.claim(open_first, by, now))


@router.post("/leads/{lead_id}/reassign", response=DoneOut, openapi_extra=EXTRA)
def reassign(request: HttpRequest, lead_id: Id, said: ReassignIn) -> Any:
    """Give the lead to somebody else within sight. `seen_owner_id`: whose it was when this was asked; `cause`
    misroute gives back the turn that it cost."""
    by = actor(request, Act.REASSIGN_TEAM)
    seen_lead(request, lead_id)
    if not visible_owners(viewer(request)).filter(pk=said.owner_id).exists():
        raise Problem(422, "unknown_owner", f"There is no owner {said.owner_id}.")
    with told():
        done = acts.reassign(lead_id, said.owner_id, by, said.reason, timezone.now(), said.seen_owner_id, said.cause)
    return as_answer(done)


@router.post("/leads/{lead_id}/pause", response=DoneOut, openapi_extra=EXTRA)
def pause(request: HttpRequest, lead_id: Id, said: PauseIn) -> Any:
    """Wait for the buyer: the owner's clocks count again from `until` on. Its owner says so, or who may reassign it."""
    _has_zone("until", said.until)
    by = _at_work(request, lead_id, "pauses a lead")
    with told():
        return as_answer(pausing.pause(lead_id, by, said.until, said.reason, timezone.now()))


@router.post("/leads/{lead_id}/resume", response=DoneOut, openapi_extra=EXTRA)
def resume(request: HttpRequest, lead_id: Id) -> Any:
    """End the pause now: what was not used of it comes back. A program may say so, when the buyer has answered."""
    by = _at_work(request, lead_id, "resumes a lead")
    with told():
        return as_answer(pausing.go_on(lead_id, by, timezone.now()))


@router.post("/leads/{lead_id}/convert", response=DoneOut, openapi_extra=EXTRA)
def convert(request: HttpRequest, lead_id: Id, said: Body[ConvertIn] = ConvertIn()) -> Any:  # noqa: B008
    """End the work on a lead: converted, lost or unqualified. Its owner does it, or who may reassign it."""
    by = _at_work(request, lead_id, "closes a lead")
    with told():
        return as_answer(acts.close(lead_id, said.outcome, by, timezone.now()))


def _at_work(request: HttpRequest, lead_id: int, does: str) -> By:
    """Who acts on a lead as its owner, or as somebody who may reassign it. `does`: the rest of the sentence."""
    by = actor(request, Act.WORK_LEADS)
    person, lead = viewer(request), seen_lead(request, lead_id)
    if person is not MACHINE and lead.owner_id != owner_of(person) and not may(person, Act.REASSIGN_TEAM):
        raise Problem(409, "not_yours", f"Only its owner {does}, or who may reassign it.")
    return by


def _has_zone(name: str, at: datetime | None) -> None:
    if at is not None and at.tzinfo is None:
        raise Problem(422, "bad_time", f"`{name}` has no time zone; end it with Z or an offset such as +01:00.")


def _who(request: HttpRequest, key: str) -> By:
    """Who did it: the token's person, or whom a machine says it was."""
    by = actor(request, Act.WORK_LEADS)
    if not key:
        return by
    owner = visible_owners(viewer(request)).filter(key=key).first()
    if owner is None:
        raise Problem(422, "unknown_owner", f"There is no owner “{key[:80]}”.")
    if viewer(request) is not MACHINE and owner.pk != by.owner:
        raise Problem(403, "forbidden", f"A person's token speaks for that person only, not for {owner.name}.")
    return _by_owner(owner)


def _by_owner(owner: Owner) -> By:
    return By(owner.user_id, owner.pk, owner.name)


def add_to(api: NinjaAPI) -> None:
    """Hang the addresses into the API."""
    api.add_router("", router)
