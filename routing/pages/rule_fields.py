"""The form of one rule as it was posted in, what the rule shall say or an error beside each field out."""

from datetime import datetime
from itertools import chain, repeat
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.forms.utils import ErrorDict
from django.http import QueryDict
from django.utils import timezone

from leads.models import Pipeline, Stage
from owners.inputs import ClockField, WordsFormField
from owners.models import Owner, Pool, Team
from owners.words import join_words, split_words
from routing.engine.conditions import NAMED_LISTS, check_condition
from routing.engine.fields import FIELD_KINDS, FIELDS, OPERATORS, OPERATORS_BY_KIND
from routing.engine.rules import STEPS
from routing.models import Delivery, ReviewItem, Rule, SlaPolicy
from routing.rule_edit import COLUMNS, ENDS, NAMED, Fault, Wanted
from routing.rule_values import parse_value, show_value
from routing.step_words import title

LONGEST_VALUE = 2000
WEEKDAYS = [(0, "Mon"), (1, "Tue"), (2, "Wed"), (3, "Thu"), (4, "Fri"), (5, "Sat"), (6, "Sun")]
FIELD_GROUPS = (
    ("What was asked for", ("lead_type", "service_requested", "product_interest", "urgency", "budget_range",
        "pain_summary")),
    ("How well it fits", ("lead_score", "high_intent", "company_size", "industry", "job_title", "lifecycle_stage")),
    ("Where from", ("country", "region", "city", "postal_code", "territory", "language", "timezone")),
    ("How it came", ("source_key", "source", "channel", "campaign", "utm_source", "utm_medium", "utm_campaign",
        "utm_term", "utm_content", "event_type", "received_at", "preferred_channel")),
    ("Who it is", ("company_name", "company_domain", "company_is_customer", "named_account", "company_known",
        "contact_known", "existing_customer", "open_deal_exists", "email", "email_kind", "phone", "first_name",
        "last_name", "consent_to_contact", "is_test")),
)  # fmt: skip
"""Every field once, in the groups that the select shows."""


class InstantField(forms.DateTimeField):
    """A local time of the version's zone; one that a change of clocks skips is refused."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")
        super().__init__(required=False, widget=widget, **kwargs)

    def clean(self, value: Any) -> datetime | None:
        try:
            instant = super().clean(value)
            if instant and not 1970 <= instant.year <= 2200:
                raise OverflowError
            return instant
        except OverflowError as error:  # years that a browser offers, and no zone reaches
            raise ValidationError("Choose a year from 1970 to 2200.", code="far_off") from error
        except ValidationError as error:
            if "couldn’t be interpreted" in str(error.messages):
                zone = timezone.get_current_timezone_name()
                raise ValidationError(
                    f"A change of clocks in {zone} skips this time or has it twice. Choose one an hour away.",
                    code="skipped",
                ) from error
            raise


def _one_of(rows: QuerySet[Any], label: str, **kwargs: Any) -> forms.ModelChoiceField:
    return forms.ModelChoiceField(rows, required=False, label=label, empty_label="–", **kwargs)


class RuleForm(forms.Form):
    """Everything about a rule but its conditions and its table. `zone`: of the version; instants are read there."""

    name = forms.CharField(max_length=160)
    step = forms.ChoiceField(choices=[(step, title(step)) for step in STEPS])
    enabled = forms.BooleanField(required=False, label="Switched on")
    target = forms.ChoiceField(choices=Rule.Target.choices, label="Leads go to")
    owner = _one_of(Owner.objects.all(), "Owner or reviewer")
    pool = _one_of(Pool.objects.all(), "Pool")
    team = _one_of(Team.objects.all(), "Team")
    review_reason = forms.ChoiceField(
        required=False, choices=[("", "–"), *ReviewItem.Reason.choices], label="Reason shown in review"
    )
    fallback_owner = _one_of(Owner.objects.all(), "Fallback owner")
    on_nobody = forms.ChoiceField(required=False, choices=Rule.OnNobody.choices, label="When nobody can take it")
    require_language = forms.BooleanField(required=False, label="Has to speak the lead’s language")
    require_service = forms.BooleanField(required=False, label="Has to cover the requested service")
    require_skills = WordsFormField(label="Skills, all of them", widget=forms.TextInput())
    tier = forms.CharField(required=False, max_length=40, help_text="Such as priority; empty: standard.")
    high_intent = forms.ChoiceField(
        required=False, choices=[("", "as the lead type says"), ("yes", "yes"), ("no", "no")], label="High intent"
    )
    sla_policy = _one_of(SlaPolicy.objects.all(), "SLA policy", help_text="Empty: the first that fits.")
    pipeline = _one_of(Pipeline.objects.all(), "Pipeline")
    stage = _one_of(Stage.objects.select_related("pipeline"), "Stage")
    sequence = forms.CharField(required=False, max_length=80, label="Follow-up sequence")
    alert_channels = forms.MultipleChoiceField(
        required=False, choices=[(channel, channel.replace("_", "-")) for channel in Delivery.PERSONAL],
        widget=forms.CheckboxSelectMultiple, label="Alerts by", help_text="None: as the owner wants.",
    )  # fmt: skip
    starts_at = InstantField(label="Holds from")
    ends_at = InstantField(label="Holds until", help_text="It holds before this instant.")
    weekdays = forms.TypedMultipleChoiceField(
        required=False, choices=WEEKDAYS, coerce=int, widget=forms.CheckboxSelectMultiple, label="On weekdays",
        help_text="None: every day.",
    )  # fmt: skip
    from_minute = ClockField(required=False, label="From the hour", widget=forms.TextInput({"placeholder": "09:00"}))
    until_minute = ClockField(
        required=False, label="Until the hour", help_text="Earlier than the first: past midnight.",
        widget=forms.TextInput({"placeholder": "17:00"}),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="rule_%s", **kwargs)
        self.fields["stage"].label_from_instance = lambda stage: f"{stage.pipeline.name}: {stage.name}"
        for name in ("owner", "fallback_owner"):
            self._offer(name)

    def _offer(self, name: str) -> None:
        """Who is here; and whom the rule names, although they left: otherwise saving would drop them in silence."""
        offered = Q(pk=number_of(str(self[name].value() or "")))
        self.fields[name].queryset = Owner.objects.filter(~Q(state=Owner.State.DEPARTED) | offered)
        self.fields[name].label_from_instance = lambda owner: (
            f"{owner.name} (left)" if owner.state == Owner.State.DEPARTED else owner.name
        )

    def clean_high_intent(self) -> bool | None:
        return {"yes": True, "no": False}.get(self.cleaned_data["high_intent"])

    def unjudged(self) -> None:
        """Show what was typed without a word about it: somebody is still typing."""
        self._errors = ErrorDict()

    def columns(self) -> dict[str, Any]:
        """What was typed, as columns; relations as ids. Only what names something of its target is kept."""
        typed = {name: self.cleaned_data.get(name) for name in COLUMNS}
        return {name: value.pk if isinstance(value, Model) else value for name, value in typed.items()} | _own(typed)

    def take(self, faults: list[Fault]) -> None:
        """Show what the domain found beside the fields that it is about."""
        for fault in faults:
            where = fault.where if fault.where in self.fields else None
            if where not in self.errors:  # what could not be read is not missing, too
                self.add_error(where, fault.sentence)


def _own(typed: dict[str, Any]) -> dict[str, Any]:
    """A target keeps only what belongs to it: a pool rule names no owner, but a review names its reviewer."""
    kept = {"review": ("owner",), "team": ("team",), "pool": ("pool", "team"), "owner": ("owner", "team")}
    fits = kept.get(typed["target"] or "", ("team",) if typed["target"] in ENDS else ())
    gone = {name: None for name in NAMED if name not in fits}
    return gone if typed["target"] == "review" else {**gone, "review_reason": ""}


def initial_of(wanted: Wanted) -> dict[str, Any]:
    """What the form begins with."""
    intent = {True: "yes", False: "no", None: ""}[wanted.columns["high_intent"]]
    return {**wanted.columns, "high_intent": intent}


# --- conditions ------------------------------------------------------------------------------------------


class Row:
    """One row of conditions as it was typed, with what is wrong with it. `upto`: the upper end, where `value` is the
    lower one; both stand in `value`, with a comma, where no script showed the second input."""

    def __init__(self, field: str = "", operator: str = "", value: str = "", upto: str = "") -> None:
        self.field, self.operator, self.value, self.upto = field, operator, value, upto
        self.errors: list[str] = []
        if operator == "between" and not upto:
            self._part()

    def _part(self) -> None:
        """Two ends that were typed into one input go into one each."""
        try:
            words = split_words(self.value)
        except ValidationError:  # said when the row is read
            return
        if len(words) == 2:
            self.value, self.upto = words

    @property
    def list_id(self) -> str:
        """The list of named lists that is offered with the value; the script offers what fits another operator."""
        return f"lists-{self.field}" if self.operator in NAMED_LISTS else ""

    def _text(self) -> str:
        return join_words([self.value, self.upto]) if self.operator == "between" and self.upto else self.value

    def read(self) -> dict[str, Any] | None:
        """The condition; None where something is wrong, which is noted."""
        if max(len(self.value), len(self.upto)) > LONGEST_VALUE:
            self.errors.append(
                f"A value has at most {LONGEST_VALUE:,} characters, so this one was cut off here. Keep so many words in"
                " a named list, and ask whether the field is in it."
            )
            return None
        if "\0" in self.value + self.upto:
            self.errors.append("The value holds a character that is no text. Type it anew.")
            return None
        try:
            value = parse_value(self.field, self.operator, self._text())
        except ValidationError as error:
            self.errors += error.messages
            return None
        if problem := check_condition(self.field, self.operator, value):
            self.errors.append(problem)
            return None
        return {"field": self.field, "operator": self.operator, "value": value}


Rows = list[list[Row]]
"""Alternatives, each with its rows."""


def typed_rows(posted: QueryDict) -> Rows:
    """The rows as they were posted, alternatives in their order; empty ones left out, and the one whose `do` is
    drop-ALTERNATIVE-ROW."""
    columns = [posted.getlist(name) for name in ("c-group", "c-field", "c-operator", "c-value")]
    ends = chain(posted.getlist("c-upto"), repeat(""))
    groups: dict[str, list[Row]] = {}
    places: dict[str, int] = {}
    dropped = posted.get("do", "")
    for group, field, operator, value, upto in zip(*columns, ends, strict=False):
        place = places[group] = places.get(group, -1) + 1
        if field and dropped != f"drop-{group}-{place}":
            typed = value[: LONGEST_VALUE + 1], upto[: LONGEST_VALUE + 1]
            groups.setdefault(group[:4], []).append(Row(field[:60], operator[:20], *typed))
    return list(groups.values())


def rows_of(wanted: Wanted) -> Rows:
    """The rows of a rule as they are typed."""
    return [[Row(row["field"], row["operator"], show_value(row["value"])) for row in group] for group in wanted.groups]


def read_rows(rows: Rows) -> list[list[dict[str, Any]]]:
    """The groups of conditions, without the rows that cannot be read, which then say so."""
    read = [[row.read() for row in group] for group in rows]
    return [[row for row in group if row is not None] for group in read]


def sound_rows(rows: Rows) -> Rows:
    """Those with which nothing is wrong."""
    return [[row for row in group if not row.errors] for group in rows]


def mark(rows: Rows, faults: list[Fault]) -> list[Fault]:
    """Put what is wrong with conditions beside them; the rest is given back."""
    left = []
    for fault in faults:
        kind, _, place = fault.where.partition("-")
        group, _, number = place.partition("-")
        if kind == "condition" and group.isdigit() and number.isdigit():
            rows[int(group)][int(number)].errors.append(fault.sentence)
        else:
            left.append(fault)
    return left


def vocabulary() -> dict[str, Any]:
    """What the selects of a row offer, and which operators fit which field, for the page and its script."""
    return {
        "fields": [(label, [(name, FIELDS[name]) for name in names]) for label, names in FIELD_GROUPS],
        "operators": list(OPERATORS.items()),
        "fitting": {name: list(OPERATORS_BY_KIND[FIELD_KINDS[name]]) for name in FIELDS},
    }


def number_of(text: str) -> int | None:
    """The number that an address or a form names; None for anything else, and for one that no column holds."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def zone_of(version: Any) -> ZoneInfo:
    """The zone in which a version's instants are typed."""
    return ZoneInfo(version.time_zone)
