"""Admin of SLA policies and of the ladders that say what is done when nobody acts."""

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, OuterRef, Prefetch, Subquery, Value
from django.db.models.functions import Coalesce
from django.forms.models import BaseInlineFormSet
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from leads.models import LeadType, Source
from owners.admin.base import LockedAdmin, PlainForm, ScopedInline
from owners.models import Team
from owners.words import join_words
from routing import ladder_rules, retime
from routing.admin import clock_moves
from routing.engine.ladder import Rung
from routing.ladder_words import built_in_words, host_of, row_in_words
from routing.models import Rule, SlaLadder, SlaPolicy, SlaRung

MINUTES = {
    "assign_minutes": ("Owner assigned", "Minutes from the arrival; nights and weekends always count."),
    "accept_minutes": ("Accepted", "Minutes until the owner says yes; empty: nobody has to."),
    "first_touch_minutes": ("First human touch", "Minutes until a person calls, writes or meets the buyer."),
    "no_activity_minutes": ("No activity", "Minutes of silence after which the lead moves on."),
    "review_minutes": ("Review", "Minutes until an item in manual review is settled."),
    "crm_minutes": ("CRM confirmed", "Minutes until the CRM confirms; nights and weekends always count."),
}
LADDERS = {
    "accept_ladder": "Acceptance",
    "first_touch_ladder": "First touch",
    "no_activity_ladder": "No activity",
    "review_ladder": "Review, on hold, to be claimed",
    "crm_ladder": "CRM",
}
WORDS = (("lead_types", LeadType, "lead type"), ("sources", Source, "source"))


class PolicyForm(PlainForm):
    sentences = {
        "sla_minutes_from_one_to_a_year": "Each promise has 1 to 527,040 minutes, which is a year.",
        "sla_policy_names_the_calendar_it_counts_by": "Name the calendar that the policy counts by.",
    }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, (label, told) in MINUTES.items():
            if name in self.fields:  # shown only, to whoever may not change it
                self.fields[name].label, self.fields[name].help_text = label, told
        for name, label in LADDERS.items():
            if name in self.fields:
                built_in = built_in_words(SlaPolicy.LADDERS[name])
                self.fields[name].label, self.fields[name].help_text = label, f"Empty, as built in: {built_in}"
                self.fields[name].empty_label = "as built in"

    def clean(self):
        cleaned = super().clean()
        for name in MINUTES:
            if cleaned.get(name) == 0:
                self.add_error(name, "A promise has at least one minute.")
        for name, model, what in WORDS:
            known = dict(model.objects.values_list("key", "name"))
            if problem := ladder_rules.unknown(cleaned.get(name, ()), known, what):
                self.add_error(name, problem)
        if "calendar" not in self.errors and "hours_of" in cleaned:
            self._check_hours(cleaned)
        self._check_ladders(cleaned)
        return cleaned

    def _check_hours(self, cleaned) -> None:
        calendar = cleaned.get("calendar")
        if problem := ladder_rules.hours_problem(cleaned["hours_of"], calendar and calendar.pk):
            self.add_error(*problem)
        elif calendar and (sentence := ladder_rules.calendar_problem(calendar, timezone.now())):
            self.add_error("calendar", sentence)

    def _check_ladders(self, cleaned) -> None:
        """Rungs of shares and minutes keep one order for every policy that uses their ladder."""
        chosen = {column: cleaned.get(column) for column in LADDERS}
        as_chosen = SlaPolicy(name=cleaned.get("name", ""), **chosen)
        for of in ladder_rules.MINUTES_OF.values():
            setattr(as_chosen, of, cleaned.get(of))
        for ladder in {row for row in chosen.values() if row is not None}:
            uses = [*ladder_rules.uses_in(as_chosen, ladder.pk), *ladder_rules.uses_of(ladder.pk, self.instance.pk)]
            if problem := ladder_rules.mixed_problem(rungs_of(ladder), uses):
                column = next(column for column, row in chosen.items() if row == ladder)
                self.add_error(column, problem)


def rungs_of(ladder: SlaLadder) -> list[Rung]:
    return [Rung(row.percent or 0, row.minutes or 0) for row in ladder.rungs.all()]


@admin.register(SlaPolicy)
class SlaPolicyAdmin(LockedAdmin):
    form = PolicyForm
    change_form_template = "admin/routing/slapolicy/change_form.html"
    change_list_template = "admin/routing/slapolicy/change_list.html"
    list_display = [
        "name", "position", "for_leads", "accept_minutes", "first_touch_minutes", "no_activity_minutes",
        "review_minutes", "counted",
    ]  # fmt: skip
    list_filter = ["real_time", "hours_of"]
    list_select_related = ["calendar"]
    search_fields = ["name", "key"]
    autocomplete_fields = ["calendar"]
    prepopulated_fields = {"key": ["name"]}
    readonly_fields = ["done_now"]
    fieldsets = [
        (None, {"fields": ["name", "key", "position"]}),
        (
            "For which leads",
            {
                "description": "Of policies that a lead fits, the first by position is taken, unless the rule that"
                " decides names one.",
                "fields": ["lead_types", "sources", "tiers"],
            },
        ),
        ("Promises", {"description": "In minutes.", "fields": list(MINUTES)}),
        (
            "Counted how",
            {
                "description": "A lead whose urgency is critical counts nights and weekends, too.",
                "fields": ["real_time", "hours_of", "calendar"],
            },
        ),
        ("What is done when nobody acts", {"fields": [*LADDERS, "done_now"]}),
    ]

    def get_urls(self):
        view = self.admin_site.admin_view(self.clocks_view)
        return [path("<path:object_id>/clocks/", view, name="routing_slapolicy_clocks"), *super().get_urls()]

    def clocks_view(self, request, object_id):
        """The running clocks under earlier terms, and their move."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        policy = self.get_object(request, unquote(object_id))
        if policy is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return clock_moves.view(request, self, policy)

    def render_change_form(self, request, context, *args, obj=None, **kwargs):
        if obj is not None and self.has_change_permission(request, obj):
            context["earlier"] = retime.count(obj.key, timezone.now())
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        team = obj.hours_of == SlaPolicy.HoursOf.TEAM and not obj.real_time
        if team and not Team.objects.filter(calendar__isnull=False).exists():
            messages.warning(
                request, "No team has a calendar, so this policy counts each owner’s own hours. Give teams calendars."
            )
        if missing := [tier for tier in obj.tiers if tier not in known_tiers()]:
            messages.warning(
                request,
                f"No rule gives the tier “{missing[0]}”, so no lead is found by it. Set it on a rule, or correct it.",
            )

    @admin.display(description="for", ordering="lead_types")
    def for_leads(self, policy):
        return for_whom(policy)

    @admin.display(description="counted", ordering="real_time")
    def counted(self, policy):
        if policy.real_time:
            return "around the clock"
        return f"hours of {policy.calendar or policy.get_hours_of_display()}"

    @admin.display(description="Ladders named")
    def done_now(self, policy):
        if not policy.pk:
            return "said here once the policy is saved"
        named = ((label, getattr(policy, name)) for name, label in LADDERS.items())
        lines = ((label, row_in_words(row)) for label, row in named if row is not None)
        told = format_html_join(mark_safe("<br>"), "<strong>{}.</strong> {}", lines)
        return told or "all as built in"


def known_tiers() -> set[str]:
    return {"standard", *Rule.objects.exclude(tier="").order_by().values_list("tier", flat=True).distinct()}


def for_whom(policy: SlaPolicy) -> str:
    """“demo, quote from web, tier critical”; “any” where nothing is asked."""
    types, sources, tiers = (join_words(words) for words in (policy.lead_types, policy.sources, policy.tiers))
    said = [types or "any", f"from {sources}" if sources else "", f"tier {tiers}" if tiers else ""]
    return " ".join(part for part in said if part)


# --- ladders ------------------------------------------------------------------------------------------------------


class LadderForm(PlainForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "named_owner" in self.fields:
            self.fields["named_owner"].label = "In the end"

    def clean_named_owner(self):
        owner = self.cleaned_data["named_owner"]
        if owner and (problem := ladder_rules.person_problem(owner)):
            raise ValidationError(problem, code="not_active")
        return owner


class RungForm(PlainForm):
    def clean(self):
        cleaned = super().clean()
        for name in ("percent", "minutes"):
            if cleaned.get(name) == 0:
                self.add_error(name, f"Not 0: a rung is due after the start. Give {name} from 1, or leave it empty.")
        if not self.errors:
            for field, sentence in ladder_rules.rung_problems(rung_in(cleaned)):
                self.add_error(field, sentence)
        pool = cleaned.get("pool")
        if pool and "pool" not in self.errors and (problem := ladder_rules.pool_problem(pool)):
            self.add_error("pool", problem)
        return cleaned

    def validate_unique(self):
        """Nothing here: a rung may take the time of one that gives way in the same save. The formset sees all."""

    def validate_constraints(self):
        """Nothing here: `ladder_rules.rung_problems` says all of it beside the fields."""


def rung_in(cleaned) -> Rung:
    """What a form of a rung says, as the engine's value; times alone where the rest is wrong."""
    pool = cleaned.get("pool")
    return Rung(
        cleaned.get("percent") or 0, cleaned.get("minutes") or 0, bool(cleaned.get("remind")),
        bool(cleaned.get("tell_lead")), cleaned.get("move") or "", pool.pk if pool else None,
        cleaned.get("priority") or 0, cleaned.get("webhook") or "",
    )  # fmt: skip


class RungFormSet(BaseInlineFormSet):
    """All rungs of a ladder. A new one may belong between those that stand; each kind in itself has to rise."""

    def clean(self):
        kept = [form for form in self.forms if form not in self.deleted_forms and _is_filled(form)]
        if not kept:
            raise ValidationError("A ladder without a rung does nothing. Add the first one.", code="empty")
        standing = [form for form in kept if form in self.initial_forms]
        for forms in (standing, [form for form in kept if form not in standing]):
            for place, sentence in ladder_rules.order_problems([rung_in(form.cleaned_data) for form in forms]):
                of = "percent" if forms[place].cleaned_data.get("percent") else "minutes"
                forms[place].add_error(of, sentence)
        if self._check_twins(standing, kept) or not self.instance.pk:
            return
        rungs = [rung_in(form.cleaned_data) for form in kept]
        if problem := ladder_rules.mixed_problem(rungs, ladder_rules.uses_of(self.instance.pk)):
            raise ValidationError(problem, code="mixed")

    def _check_twins(self, standing, kept) -> bool:
        """Whether anything is wrong by now; a new rung at the time of one that stands is."""
        times = {(rung.percent, rung.minutes) for rung in (rung_in(form.cleaned_data) for form in standing)}
        for form in kept:
            rung = rung_in(form.cleaned_data)
            if form not in standing and (rung.percent, rung.minutes) in times:
                form.add_error("percent" if rung.percent else "minutes", "There is a rung at this time already.")
        return any(form.errors for form in kept)


def _is_filled(form) -> bool:
    """Not one of the empty rows at the end."""
    return bool(form.instance.pk or form.errors or form.has_changed())


HEADS = {
    "percent": "At %", "minutes": "Or min", "remind": "Remind", "tell_lead": "Tell lead",
    "move": "Move", "pool": "To pool", "priority": "Priority", "webhook": "Webhook",
}  # fmt: skip


class RungInline(ScopedInline):
    model = SlaRung
    form = RungForm
    formset = RungFormSet
    fields = ["percent", "minutes", "remind", "tell_lead", "move", "pool", "priority", "webhook"]
    autocomplete_fields = ["pool"]
    max_num = ladder_rules.MOST_RUNGS
    verbose_name_plural = "rungs, in the order in which they are climbed; 100 % is the end of the budget"

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        """Short heads, so that a rung is one line; without the links of related rows."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name in HEADS:
            field.label, field.help_text = HEADS[db_field.name], ""
        if field is not None and db_field.name == "pool" and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def get_fields(self, request, obj=None):
        """Whoever may only look sees the host of an address: the rest of it may hold a secret."""
        if self.has_change_permission(request, obj):
            return self.fields
        return [*self.fields[:-1], "webhook_host"]

    def get_readonly_fields(self, request, obj=None):
        return [*super().get_readonly_fields(request, obj), "webhook_host"]

    @admin.display(description="Webhook")
    def webhook_host(self, rung):
        return host_of(rung.webhook) if rung.webhook else "none"

    def get_extra(self, request, obj=None, **kwargs):
        """Rows to fill in without a script."""
        return 1 if obj else 3


@admin.register(SlaLadder)
class SlaLadderAdmin(LockedAdmin):
    form = LadderForm
    inlines = [RungInline]
    list_display = ["name", "what_is_done", "named_owner", "policy_count"]
    ordering = ["name"]  # said here: a list with counts is grouped, and then the model's own order is not kept
    search_fields = ["name", "key"]
    autocomplete_fields = ["named_owner"]
    prepopulated_fields = {"key": ["name"]}
    readonly_fields = ["what_is_done", "used_by"]
    fieldsets = [
        (None, {"fields": ["name", "key", "what_is_done", "used_by"]}),
        (
            "When every rung was in vain",
            {
                "description": "A lead that nobody works on although it moved on as often as the ladder moves leads"
                " goes to this person for review.",
                "fields": ["named_owner"],
            },
        ),
    ]

    def get_queryset(self, request):
        rungs = Prefetch("rungs", SlaRung.objects.select_related("pool"))
        rows = super().get_queryset(request).select_related("named_owner").prefetch_related(rungs)
        using = ladder_rules.policies_of(OuterRef("pk")).order_by().values(one=Value(1))
        return rows.annotate(policies=Coalesce(Subquery(using.annotate(found=Count("pk")).values("found")), 0))

    @admin.display(description="What is done")
    def what_is_done(self, ladder):
        return row_in_words(ladder) if ladder.pk else "said here once the ladder is saved"

    @admin.display(description="policies", ordering="policies")
    def policy_count(self, ladder):
        return ladder.policies

    @admin.display(description="Used by")
    def used_by(self, ladder):
        found = ladder_rules.policies_of(ladder.pk) if ladder.pk else ()
        links = (
            (reverse("admin:routing_slapolicy_change", args=[policy.pk]), policy.name, ", ".join(promises))
            for policy in found
            for promises in [[said for name, said in ladder_rules.PROMISES.items() if names(policy, name, ladder)]]
        )
        return format_html_join(", ", '<a href="{}">{}</a> ({})', links) or (
            "no policy yet: choose it on the page of an SLA policy"
        )


def names(policy: SlaPolicy, column: str, ladder: SlaLadder) -> bool:
    return getattr(policy, f"{column}_id") == ladder.pk
