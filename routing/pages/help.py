"""A topic in, its page of help out. The texts are templates; commands and what stops clocks describe themselves."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.management import get_commands, load_command_class
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from routing import giving_way, semantics
from routing.engine.clock import ACTS, CLOCKS, Effect
from routing.ladder_words import built_in_words, row_in_words
from routing.models import SlaClock
from routing.scopes import visible_ladders

SHOWN = 20
"""Ladders that the page about them shows."""


@dataclass(frozen=True, slots=True)
class Topic:
    """`screen`: the key of the entry in the navigation that it is about, if there is one."""

    slug: str
    title: str
    sentence: str
    screen: str = ""

    @property
    def template(self) -> str:
        return f"pages/help/{self.slug}.html"


GROUPS: tuple[tuple[str, tuple[Topic, ...]], ...] = (
    (
        "Every day",
        (
            Topic("today", "Today", "What waits for a person, and what is about to go wrong.", "today"),
            Topic("queue", "Queue", "Leads that no rule could place; claim one, or decide about it.", "queue"),
            Topic("my-leads", "My leads", "What you own, sorted by what is due first.", "my"),
            Topic("lead", "A lead", "Who owns it, why, until when, and everything that happened.", "leads"),
            Topic("sla-report", "SLA report", "What each of its numbers means, and the leads behind it.", "sla"),
            Topic(
                "reports",
                "Reports",
                "How quickly leads were owned and touched, counted from what was recorded.",
                "reports",
            ),
        ),
    ),
    (
        "How leads find their owner",
        (
            Topic(
                "rules", "Rules", "Nine steps, edited as drafts and published as versions that never change.", "rules"
            ),
            Topic(
                "conditions",
                "What a rule means",
                "How conditions are read, which rule decides, and what happens when nobody can take a lead.",
            ),
            Topic("lists", "Named lists", "Companies, postal codes or campaigns that rules ask about.", "lists"),
            Topic("simulator", "Simulator", "What any version would decide about any lead, at any time."),
            Topic("pools", "Pools", "People who share leads in turn, exactly by their weights.", "pools"),
            Topic(
                "territories",
                "Territories",
                "Countries, regions and postal codes with an owner or a team.",
                "territories",
            ),
            Topic("people", "People", "Owners and teams: hours, absences, covers and caps.", "people"),
            Topic(
                "calendars", "Calendars", "When people work: hours, breaks, holidays, absences, covers.", "calendars"
            ),
            Topic("coverage", "Coverage", "Whether somebody will be there, hour by hour, for fourteen days."),
            Topic("sources", "Sources", "Where leads come in, and who answers for each entry.", "sources"),
            Topic("slas", "SLAs", "How quickly which leads are worked, and how time is counted.", "slas"),
            Topic("escalation", "Escalation", "What happens when nobody acts."),
            Topic("moves", "Moves", "When somebody leaves, and when leads are routed again after a change.", "moves"),
        ),
    ),
    (
        "Running RevRoute",
        (
            Topic("roles", "Roles", "What each role sees and may do.", "users"),
            Topic("api", "The HTTP API", "Post leads, read decisions.", "tokens"),
            Topic("commands", "Commands", "What can be done on the command line."),
            Topic("health", "Health", "How to see that web and worker make progress."),
        ),
    ),
)
TOPICS = {topic.slug: topic for _, topics in GROUPS for topic in topics}


@login_required
def contents(request: HttpRequest) -> HttpResponse:
    """All topics."""
    return render(request, "pages/help/index.html", {"groups": GROUPS})


@login_required
def topic(request: HttpRequest, topic: str) -> HttpResponse:
    """One topic, with the others at its side."""
    if topic not in TOPICS:
        raise Http404
    context = {"topic": TOPICS[topic], "groups": GROUPS}
    if topic == "commands":
        context["commands"] = _commands()
    if topic == "conditions":
        context |= {"semantics": semantics.shown(), "giving_way": giving_way.shown()}
    if topic == "slas":
        context |= {"stops": _stops(), "clocks": [SlaClock.Kind(clock).label for clock in CLOCKS]}
    if topic == "escalation":
        context |= {"built_in": _built_in(), "ladders": _ladders(request)}
    return render(request, TOPICS[topic].template, context)


def _built_in() -> list[tuple[str, str]]:
    """(clock, what is done) where a policy names no ladder."""
    return [(SlaClock.Kind(clock).label, built_in_words(clock)) for clock in CLOCKS]


def _ladders(request: HttpRequest) -> list[tuple[str, str]]:
    """The first of the company's own, in words; as many as a page of help holds."""
    rows = visible_ladders(request.user).select_related("named_owner").prefetch_related("rungs__pool")
    return [(row.name, row_in_words(row)) for row in rows[:SHOWN]]


def _stops() -> list[dict[str, Any]]:
    """The table of act × clock, a row for each act."""
    return [{"act": act.label, "cells": [_cell(act, clock) for clock in CLOCKS]} for act in ACTS.values()]


def _cell(act: Effect, clock: str) -> str:
    return "stops" if clock in act.stops else "ends" if clock in act.cancels else ""


def _commands() -> list[tuple[str, str]]:
    """Our own commands with what they say of themselves."""
    ours = sorted(name for name, app in get_commands().items() if app == "routing")
    return [(name, load_command_class("routing", name).help) for name in ours]
