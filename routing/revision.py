"""Configuration rows in; the JSON that `engine.people` compiles, and its stored revision, out; leaves alone
what the rows mean.

The text depends on the rows alone, not on the clock or on the order in which they were made, so that equal
configuration is one revision and a decision can cite it by id.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from leads.models import LeadType, Pipeline, Source, Stage
from owners.models import (
    Absence,
    Calendar,
    Installation,
    Membership,
    Owner,
    Pool,
    PoolMember,
    SpecialDay,
    Team,
    Territory,
    WeeklyHours,
)
from routing.engine.ladder import Rung, content_of, terms_of
from routing.maps import stored_map
from routing.models import ConfigRevision, NamedList, SlaLadder, SlaPolicy, SlaRung, SlaTerms


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no white space, ASCII only: equal values give equal text on every database."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(text: str) -> str:
    """The SHA-256 of a text, in 64 hex digits."""
    return sha256(text.encode()).hexdigest()


def current_revision(now: datetime) -> tuple[int, dict[str, Any]]:
    """The id and the content of the revision that the rows are now; stored when it is a new one.

    Call inside `writing()`: the rows and the revision have to belong together.
    """
    content = current_content(stored_map(now))
    text = canonical_json(content)
    revision, is_new = ConfigRevision.objects.get_or_create(
        digest=digest_of(text), defaults={"content": text, "created_at": now}
    )
    if is_new:
        _keep_terms(content)
    return revision.pk, content


def _keep_terms(content: dict[str, Any]) -> None:
    """The ladders of the revision as terms, which its clocks point at."""
    texts = {text for policy in content["policies"] for text in policy["ladders"].values()}
    terms = [SlaTerms(digest=terms_of(text), content=text) for text in sorted(texts)]
    SlaTerms.objects.bulk_create(terms, ignore_conflicts=True)


def current_content(map: str = "") -> dict[str, Any]:
    """The rows as `engine.people.compile_people` reads them; twenty-one queries, however many rows.

    `map`: the digest of the revision that holds the areas; empty for a reader, who takes `routing.maps.map_now`.
    """
    return {
        "owners": _owners(),
        "teams": _teams(),
        "calendars": _calendars(),
        "pools": _pools(),
        "territories": _territories(),
        "map": map,
        "policies": _policies(),
        "lead_types": list(LeadType.objects.order_by("key").values("key", "high_intent", "fills_caps")),
        "open_until": _open_until(),
        "pipelines": _pipelines(),
        "sources": _rows(Source, id="id", key="key", owner="owner_id"),
        "lists": dict(NamedList.objects.order_by("key").values_list("key", "digest")),
    }


def _open_until() -> str:
    """Until when a lead is open where caps look; without a row, as the column begins."""
    held = Installation.objects.filter(pk=1).values_list("open_until", flat=True).first()
    return held or Installation.OpenUntil.CLOSED.value


def instant(moment: datetime) -> str:
    """An aware instant as ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat()


def _rows(model: type, **columns: str) -> list[dict[str, Any]]:
    """All rows by id; `columns`: key of the content = name of the field."""
    values = model.objects.order_by("id").values_list(*columns.values())
    return [dict(zip(columns, row, strict=True)) for row in values]


def _grouped(rows: Iterable[tuple], value: Callable[[tuple], Any]) -> dict[int, list[Any]]:
    """Rows by their first column, in their order."""
    groups = defaultdict(list)
    for row in rows:
        groups[row[0]].append(value(row[1:]))
    return groups


def _owners() -> list[dict[str, Any]]:
    teams = _grouped(Membership.objects.order_by("team_id").values_list("owner_id", "team_id"), lambda row: row[0])
    hours, breaks, days = _times("owner")
    absences = _grouped(
        Absence.objects.order_by("starts_at", "ends_at").values_list("owner_id", "starts_at", "ends_at"),
        lambda row: [instant(moment) for moment in row],
    )
    owners = _rows(
        Owner, id="id", key="key", name="name", state="state", accepts="accepts_leads", cover="cover_id",
        cover_until="cover_until", calendar="calendar_id", zone="time_zone", languages="languages",
        services="service_lines", skills="skills", sources="source_keys",
        cap_open="cap_open", cap_day="cap_day", cap_week="cap_week", booking_url="booking_url",
        channels="alert_channels",
    )  # fmt: skip
    for owner in owners:
        owner["teams"] = teams.get(owner["id"], [])
        owner["cover_until"] = owner["cover_until"] and instant(owner["cover_until"])
        owner["hours"] = hours.get(owner["id"], [])
        owner["breaks"] = breaks.get(owner["id"], [])
        owner["days"] = days.get(owner["id"], [])
        owner["absences"] = absences.get(owner["id"], [])
        for words in ("languages", "services", "skills", "sources"):
            owner[words] = sorted(owner[words])
    return owners


Grouped = dict[int, list[Any]]


def _times(of: str) -> tuple[Grouped, Grouped, Grouped]:
    """Work blocks, breaks and special days of every `owner` or `calendar`; two queries."""
    rows = list(
        WeeklyHours.objects.filter(**{f"{of}__isnull": False})
        .order_by("weekday", "start_minute")
        .values_list("kind", f"{of}_id", "weekday", "start_minute", "end_minute")
    )
    work, breaks = (_grouped((row[1:] for row in rows if row[0] == kind), list) for kind in WeeklyHours.Kind)
    days = _grouped(
        SpecialDay.objects.filter(**{f"{of}__isnull": False})
        .order_by("day", "start_minute")
        .values_list(f"{of}_id", "day", "start_minute", "end_minute"),
        lambda row: [row[0].isoformat(), *row[1:]],
    )
    return work, breaks, days


def _calendars() -> list[dict[str, Any]]:
    hours, breaks, days = _times("calendar")
    calendars = _rows(Calendar, id="id", zone="time_zone")
    for calendar in calendars:
        for name, found in (("hours", hours), ("breaks", breaks), ("days", days)):
            calendar[name] = found.get(calendar["id"], [])
    return calendars


def _teams() -> list[dict[str, Any]]:
    return _rows(
        Team,
        id="id",
        key="key",
        name="name",
        lead="lead_id",
        fallback="fallback_owner_id",
        pool="default_pool_id",
        calendar="calendar_id",
    )


def _pools() -> list[dict[str, Any]]:
    members, former = defaultdict(list), defaultdict(list)
    rows = PoolMember.objects.order_by("position", "id").values_list(
        "pool_id", "active", "id", "owner_id", "weight", "position", "starts_at", "ends_at", "cap_open", "cap_day",
        "cap_week",
    )  # fmt: skip
    for pool_id, active, *member in rows:
        if active:
            member[4:6] = [moment and instant(moment) for moment in member[4:6]]
            members[pool_id].append(member)
        else:
            former[pool_id].append(member[0])
    pools = _rows(
        Pool, id="id", key="key", name="name", team="team_id", method="method", keeps_hours="keeps_hours",
        when_empty="when_empty", fallback="fallback_owner_id", wait="wait_minutes", next="next_pool_id",
        named="named_owner_id", catch_up="catch_up",
    )  # fmt: skip
    for pool in pools:
        if pool["when_empty"] != Pool.WhenEmpty.FALLBACK:
            pool["fallback"] = None  # named, but not to be asked
        pool["members"] = members[pool["id"]]
        pool["former"] = sorted(former[pool["id"]])
    return pools


def _territories() -> list[dict[str, Any]]:
    return _rows(Territory, id="id", key="key", name="name", owner="owner_id", team="team_id")


LADDER_COLUMNS = {f"{column}_id": kind for column, kind in SlaPolicy.LADDERS.items()}


def _policies() -> list[dict[str, Any]]:
    """Each with the whole text of the ladders it names: what a clock was started by is what its revision says."""
    policies = SlaPolicy.objects.order_by("position", "id").values(
        "key", "lead_types", "sources", "tiers", "assign_minutes", "accept_minutes", "first_touch_minutes",
        "no_activity_minutes", "review_minutes", "crm_minutes", "real_time", "hours_of", "calendar_id", *LADDER_COLUMNS,
    )  # fmt: skip
    ladders = _ladders()
    return [_policy(policy, ladders) for policy in policies]


def _policy(row: dict[str, Any], ladders: dict[int, str]) -> dict[str, Any]:
    named = {kind: row.pop(column) for column, kind in LADDER_COLUMNS.items()}
    for words in ("lead_types", "sources", "tiers"):
        row[words] = sorted(row[words])
    row["calendar"] = row.pop("calendar_id")
    row["ladders"] = {kind: ladders[id] for kind, id in named.items() if id is not None}
    return row


def _ladders() -> dict[int, str]:
    """The text of every ladder, by id; two queries."""
    rungs = _grouped(
        SlaRung.objects.order_by("id").values_list(
            "ladder_id", "percent", "minutes", "remind", "tell_lead", "move", "pool_id", "priority", "webhook"
        ),
        lambda row: Rung(row[0] or 0, row[1] or 0, *row[2:6], row[6] or 0, row[7]),
    )
    ladders = SlaLadder.objects.order_by("id").values_list("id", "name", "named_owner_id")
    return {id: content_of(name, named, tuple(rungs.get(id, ()))) for id, name, named in ladders}


def _pipelines() -> list[dict[str, Any]]:
    """Stages with their ids: one that was deleted and made again is another stage."""
    rows = Stage.objects.order_by("key").values_list("pipeline_id", "key", "id")
    stages: dict[int, list[list[Any]]] = defaultdict(list)
    for pipeline, key, pk in rows:
        stages[pipeline].append([key, pk])
    return [
        {"id": pk, "key": key, "stages": stages.get(pk, [])}
        for pk, key in Pipeline.objects.order_by("key").values_list("id", "key")
    ]
