"""What a configuration file holds, as a table: sections, their fields, and which model's rows they are.

Rows are named by keys, never by ids, so that a file means the same on every installation. Secrets, users and
what happened (leads, turns, decisions) are in no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db import models

from leads.models import LeadType, Pipeline, Source
from owners.models import Calendar, Owner, Pool, Team, Territory
from routing.models import NamedList, SlaLadder, SlaPolicy

FORMAT = "revroute.config"
VERSION = 1

Kind = Literal["text", "flag", "number", "numbers", "words", "object", "ref", "instant"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object. `to`: the section a `ref` points into. `late`: set when everything else stands.
    `sparse`: of a list's rows, stands in the file only where it has a value."""

    name: str
    kind: Kind = "text"
    optional: bool = False
    to: str = ""
    late: bool = False
    absent: Any = None
    """The value where a list's object leaves it out, as files of before it was there do; None: it may not."""
    sparse: bool = False

    @property
    def column(self) -> str:
        """How a query asks for it."""
        return f"{self.name}__key" if self.kind == "ref" else self.name


def _ref(name: str, to: str, *, optional: bool = True, late: bool = False) -> Field:
    return Field(name, "ref", optional, to, late)


def _number(name: str, optional: bool = False) -> Field:
    return Field(name, "number", optional)


@dataclass(frozen=True, slots=True)
class Section:
    """A list of objects with a `key`. `word`: for sentences. `lists`: fields that are rows of their own.

    `ordered`: the order in the file means something and is kept in `position`.
    """

    model: type[models.Model]
    word: str
    fields: tuple[Field, ...]
    lists: tuple[str, ...] = ()
    ordered: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return ("key", *(field.name for field in self.fields), *self.lists)


NAME = Field("name")
SECTIONS: Mapping[str, Section] = {
    # In the order in which rows are made, so that what is pointed at exists.
    "lead_types": Section(LeadType, "lead type", (NAME, Field("high_intent", "flag"), Field("fills_caps", "flag"))),
    "calendars": Section(
        Calendar,
        "calendar",
        (NAME, Field("time_zone"), Field("holiday_country"), Field("holiday_region")),
        lists=("hours", "breaks", "special_days"),
    ),
    "owners": Section(
        Owner,
        "owner",
        (
            NAME,
            Field("email"),
            Field("state"),
            Field("accepts_leads", "flag"),
            _ref("cover", "owners", late=True),
            Field("cover_until", "instant", optional=True),
            _ref("calendar", "calendars"),
            Field("time_zone"),
            Field("languages", "words"),
            Field("service_lines", "words"),
            Field("skills", "words"),
            Field("source_keys", "words"),
            _number("cap_open", optional=True),
            _number("cap_day", optional=True),
            _number("cap_week", optional=True),
            Field("booking_url"),
            Field("alert_channels", "words"),
        ),
        lists=("teams", "hours", "breaks", "special_days", "absences"),
    ),
    "teams": Section(
        Team,
        "team",
        (
            NAME,
            _ref("lead", "owners"),
            _ref("fallback_owner", "owners"),
            _ref("default_pool", "pools", late=True),
            _ref("calendar", "calendars"),
        ),
    ),
    "pools": Section(
        Pool,
        "pool",
        (
            NAME,
            _ref("team", "teams"),
            Field("method"),
            Field("keeps_hours", "flag"),
            _number("catch_up"),
            Field("when_empty"),
            _ref("fallback_owner", "owners"),
            _ref("named_owner", "owners"),
            _number("wait_minutes"),
            _ref("next_pool", "pools", late=True),
            Field("member_query", "object"),
        ),
        lists=("members",),
    ),
    "territories": Section(
        Territory, "territory", (NAME, _ref("owner", "owners"), _ref("team", "teams")), lists=("areas",)
    ),
    "sla_ladders": Section(
        SlaLadder, "SLA ladder", (NAME, _ref("named_owner", "owners", optional=False)), lists=("rungs",)
    ),
    "sla_policies": Section(
        SlaPolicy,
        "SLA policy",
        (
            NAME,
            Field("lead_types", "words"),
            Field("sources", "words"),
            Field("tiers", "words"),
            _number("assign_minutes"),
            _number("accept_minutes", optional=True),
            _number("first_touch_minutes"),
            _number("no_activity_minutes"),
            _number("review_minutes"),
            _number("crm_minutes"),
            Field("real_time", "flag"),
            Field("hours_of"),
            _ref("calendar", "calendars"),
            *(_ref(name, "sla_ladders") for name in SlaPolicy.LADDERS),
        ),
        ordered=True,
    ),
    "named_lists": Section(NamedList, "named list", (NAME, Field("field"), Field("note")), lists=("values",)),
    "pipelines": Section(Pipeline, "pipeline", (NAME,), lists=("stages",)),
    "sources": Section(
        Source,
        "source",
        (
            NAME,
            Field("kind"),
            Field("system_name"),
            _ref("owner", "owners", optional=False),
            _ref("lead_type", "lead_types", optional=False),
            Field("active", "flag"),
            Field("defaults", "object"),
            Field("field_mapping", "object"),
            Field("blocked_patterns", "words"),
            _number("rate_limit", optional=True),
        ),
    ),
}

COMPANY = (NAME, Field("time_zone"), Field("open_until"))

RULES = (
    Field("owner", "ref", to="owners"),
    Field("purpose"),
    Field("step_order", "words"),
    Field("time_zone", absent=""),
    Field("review_days", "number", absent=30),
)
"""Without a time zone, as in files of before, the company's."""
RULE = (
    Field("key", absent=""),
    Field("step"),
    NAME,
    Field("enabled", "flag"),
    Field("target"),
    _ref("owner", "owners"),
    _ref("pool", "pools"),
    _ref("team", "teams"),
    _ref("fallback_owner", "owners"),
    Field("on_nobody"),
    Field("tier"),
    _ref("sla_policy", "sla_policies"),
    _ref("pipeline", "pipelines"),
    _ref("stage", "stages"),
    Field("sequence"),
    Field("alert_channels", "words"),
    Field("review_reason"),
    Field("high_intent", "flag", optional=True),
    Field("require_language", "flag"),
    Field("require_service", "flag"),
    Field("require_skills", "words", absent=[]),
    Field("starts_at", "instant", optional=True),
    Field("ends_at", "instant", optional=True),
    Field("weekdays", "numbers", absent=[]),
    Field("from_minute", "number", optional=True, sparse=True),
    Field("until_minute", "number", optional=True, sparse=True),
    Field("table", "object", optional=True, sparse=True),
)
"""A stage belongs to the rule's pipeline. A rule without a key, as in files of before, gets one."""

MEMBER_CAPS = ("cap_open", "cap_day", "cap_week")
BLOCK = (_number("weekday"), Field("from"), Field("to"))
LISTS: Mapping[str, tuple[Field, ...]] = {
    "hours": BLOCK,
    "breaks": BLOCK,
    "special_days": (
        Field("day"),
        Field("from", optional=True),
        Field("to", optional=True),
        NAME,
        Field("proposed", "flag", absent=False),
    ),
    "absences": (Field("from", "instant"), Field("to", "instant"), Field("reason"), Field("kind", absent="away")),
    "members": (
        Field("owner", "ref", to="owners"),
        _number("weight"),
        *(Field(name, "instant", optional=True, sparse=True) for name in ("starts_at", "ends_at")),
        *(Field(name, "number", optional=True, sparse=True) for name in MEMBER_CAPS),
        *(Field(name, "flag", optional=True, sparse=True) for name in ("by_query", "kept_out")),
    ),
    "areas": (
        Field("country"),
        Field("region"),
        Field("city", absent=""),
        Field("postal_prefix"),
        Field("postal_from", absent=""),
        Field("postal_to", absent=""),
    ),
    "stages": (Field("key"), NAME),
    "rungs": (
        *(Field(name, "number", optional=True, sparse=True) for name in ("percent", "minutes")),
        *(Field(name, "flag", optional=True, sparse=True) for name in ("remind", "tell_lead")),
        Field("move", optional=True, sparse=True),
        Field("pool", "ref", optional=True, to="pools", sparse=True),
        Field("priority", "number", optional=True, sparse=True),
        Field("webhook", optional=True, sparse=True),
    ),
}
"""Objects of the lists; `teams` is a list of keys, `values` one of texts."""

SORTED = ("teams", "values", "hours", "breaks", "special_days", "absences", "areas")
"""Lists whose order means nothing."""


def clock(minute: int) -> str:
    """540 is 09:00, 1440 is 24:00."""
    return f"{minute // 60:02d}:{minute % 60:02d}"
