"""Admin of pools and their members."""

from datetime import UTC

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from owners import query
from owners.admin.base import LimitedInlines, LockedAdmin, PlainForm, ScopedInline, link_to_list
from owners.admin.people import language
from owners.inputs import WordsFormField
from owners.models import Owner, Pool, PoolMember, Team
from owners.scopes import visible
from owners.waiting import needs_named, round_of

ASKED = [f"ask_{part}" for part in query.PARTS]
SHOWN = 3
"""Of those whom a query finds, so many are named."""
WEIGHT = "The weight is a whole number from 1 to 1000. Make somebody inactive to give them no leads."

MEMBER_LABELS = {
    "starts_at": "From",
    "ends_at": "Until",
    "cap_open": "Open leads",
    "cap_day": "Leads a day",
    "cap_week": "Leads a week",
}


class MemberForm(PlainForm):
    sentences = {
        "member_weight_positive": WEIGHT,
        "owner_in_pool_once": "This owner is in the pool already.",
        "member_leaves_after_joining": "A member leaves after they joined: set a later end, or none.",
    }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, label in MEMBER_LABELS.items():
            if name in self.fields:
                self.fields[name].label = label
        if "weight" in self.fields:  # shown only, to whoever may not change it
            self.fields["weight"].error_messages |= {"min_value": WEIGHT, "max_value": WEIGHT}

    def save(self, commit=True):
        """Whom a person takes out or puts in stays so: the query leaves them alone from then on."""
        if "active" in self.changed_data:
            self.instance.by_query = False
        return super().save(commit)


class MemberInline(ScopedInline):
    model = PoolMember
    fields = ["owner", "weight", "position", "active", "came", "terms"]
    readonly_fields = ["came", "terms"]
    form = MemberForm
    autocomplete_fields = ["owner"]
    verbose_name_plural = "members; who leaves is made inactive, because what they got stays on record"

    @admin.display(description="Entered")
    def came(self, member):
        return _came(member)

    @admin.display(description="From, until, caps")
    def terms(self, member):
        """In words, with the way to the member's own page, where they are set."""
        if not member.pk:
            return "once it is saved"
        address, label = (
            reverse("admin:owners_poolmember_change", args=[member.pk]),
            f"Set those of {member.owner.name}",
        )
        said = _terms(member)
        return format_html('{}<a href="{}" aria-label="{}">Set</a>', f"{said} " if said else "", address, label)

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("owner", "pool")


def _came(member: PoolMember) -> str:
    return "by query" if member.by_query else "by name"


def _terms(member: PoolMember) -> str:
    """“from 1 Dec 2026, 09:00 UTC; at most 3 open”; empty for a member without any."""
    dates = (("from", member.starts_at), ("until", member.ends_at))
    caps = ((member.cap_open, "open"), (member.cap_day, "a day"), (member.cap_week, "a week"))
    said = [f"{word} {at.astimezone(UTC):%-d %b %Y, %H:%M} UTC" for word, at in dates if at]
    if limits := [f"{cap} {word}" for cap, word in caps if cap is not None]:
        said.append(f"at most {', '.join(limits)}")
    return "; ".join(said)


LABELS = {
    "method": (
        "Method",
        "Weighted rotation: in turn, by weight. Least loaded: who has the smallest share of open leads. Fixed order:"
        " the first by position. Claimed by hand: each waits until a member claims it.",
    ),
    "keeps_hours": ("Keeps hours", "Members get leads only in their working hours."),
    "catch_up": (
        "Turns to catch up",
        "So many turns may somebody who was away come before the others, at most. 0: they come back level.",
    ),
    "when_empty": ("When nobody is there", "Held leads are given out, the oldest first, as soon as a member is there."),
    "fallback_owner": ("Fallback owner", "Asked where leads go to them; who is away or full gives way to review."),
    "named_owner": ("Named person", "Answers for leads that are held or wait to be claimed."),
    "wait_minutes": ("Minutes to wait", "Until the next pool or the named person is asked, or reminded."),
    "next_pool": ("Next pool", "Asked when nobody claimed in time; empty: the named person gets the lead."),
}
"""What the fields of a pool are called in its form, and what is said of them."""


class PoolForm(PlainForm):
    """A pool with its query as one line of words for each thing that may be asked."""

    sentences = {
        "pool_fallback_is_named": "Name the fallback owner that the pool falls back to.",
        "pool_is_not_its_own_next": "Another pool has to be the next, or none.",
        "pool_wait_positive": "A lead waits for a minute at least.",
        "waiting_lead_has_a_named_person": "Name who answers for leads that wait.",
    }
    ask_languages = WordsFormField(
        label="Languages", help_text="ISO 639-1 codes with commas, such as de, fr. A member speaks all of them."
    )
    ask_service_lines = WordsFormField(
        label="Service lines", help_text="A member covers all of them; who names none covers every service."
    )
    ask_skills = WordsFormField(label="Skills", help_text="A member has all of them.")
    ask_teams = forms.ModelMultipleChoiceField(
        Team.objects.all(), required=False, label="Teams", help_text="A member is in all of them."
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, (label, told) in LABELS.items():
            if name in self.fields:  # shown only, to whoever may not change it
                self.fields[name].label, self.fields[name].help_text = label, told
        asked = self.instance.member_query or {}
        for part in query.PARTS:
            self.initial.setdefault(f"ask_{part}", asked.get(part, []))
        self.initial["ask_teams"] = list(Team.objects.filter(key__in=asked.get("teams", [])))

    def clean_ask_languages(self):
        return [language(word) for word in self.cleaned_data["ask_languages"]]

    def clean(self):
        cleaned = super().clean()
        method, empty = cleaned.get("method"), cleaned.get("when_empty")
        if needs_named(method, empty) and not cleaned.get("named_owner") and "named_owner" not in self.errors:
            waits = "wait to be claimed" if method == Pool.Method.CLAIM else "are held"
            self.add_error("named_owner", f"Leads of this pool {waits}: name the person who answers for them.")
        following = cleaned.get("next_pool")
        if following and method and method != Pool.Method.CLAIM:
            self.add_error(
                "next_pool",
                "Only leads that are claimed by hand go on to a next pool: choose that method, or leave this empty.",
            )
        elif following and self.instance.pk and (refused := round_of(self.instance.pk, following.pk)):
            self.add_error("next_pool", ValidationError(refused, code="round"))
        if not self.errors and "ask_languages" in cleaned:
            self.instance.member_query = self._query(cleaned)
        return cleaned

    def _query(self, cleaned) -> dict[str, list[str]]:
        asked = {part: cleaned[f"ask_{part}"] for part in query.PARTS}
        asked["teams"] = sorted(team.key for team in asked["teams"])
        return {part: list(words) for part, words in asked.items() if words}


@admin.register(Pool)
class PoolAdmin(LimitedInlines, LockedAdmin):
    form = PoolForm
    fieldsets = [
        (None, {"fields": ["name", "key", "team", "method", "keeps_hours", "catch_up"]}),
        (
            "Members by what they are",
            {
                "description": "Every active owner of whom all of this holds is a member, and stays one as long as it"
                " holds. Leave all of it empty to enter members by name alone.",
                "fields": [*ASKED, "finds_now", "all_members", "line_up"],
            },
        ),
        (
            "When nobody is available",
            {
                "description": "A rule may say otherwise for its own leads.",
                "fields": ["when_empty", "fallback_owner"],
            },
        ),
        (
            "Leads that are held or wait to be claimed",
            {
                "description": "When the time is over, leads that wait to be claimed go to the next pool or, without"
                " one, to the named person. Of held leads the named person is reminded; they stay on hold.",
                "fields": ["named_owner", "wait_minutes", "next_pool"],
            },
        ),
    ]
    inlines = [MemberInline]
    ordering = ["name"]  # said here: a list with counts is grouped, and then the model's own order is not kept
    list_display = ["name", "key", "team", "method", "active_members", "keeps_hours", "if_nobody"]
    list_select_related = ["team", "fallback_owner", "named_owner", "next_pool"]
    list_filter = ["team", "method", "keeps_hours", "when_empty"]
    search_fields = ["name", "key"]
    autocomplete_fields = ["team", "fallback_owner", "named_owner", "next_pool"]
    prepopulated_fields = {"key": ["name"]}
    readonly_fields = ["all_members", "finds_now", "line_up"]

    def get_fieldsets(self, request, obj=None):
        """Whoever may only look reads the query as one line; its fields are there to be filled in."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        asked = ("Members by what they are", {"fields": ["query_in_words", "finds_now", "all_members", "line_up"]})
        return [asked if title == asked[0] else (title, parts) for title, parts in self.fieldsets]

    def get_queryset(self, request):
        active = Count("members", filter=Q(members__active=True))
        return super().get_queryset(request).annotate(member_count=active)

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        pool = form.instance
        if _has_takers(pool) or query.found_now(pool.member_query):  # whom it finds joins as the last thing
            return
        if pool.member_query:
            messages.warning(
                request,
                f"{pool} asks for {query.in_words(pool.member_query)}, and no active owner is all of this. Ask for"
                " less, or say on the owners’ pages what they are.",
            )
        elif change:
            messages.warning(
                request,
                f"Nobody in {pool} takes leads now: all its members have left, take none, or have another time in it."
                " Add somebody who does.",
            )

    @admin.display(description="when nobody takes it", ordering="when_empty")
    def if_nobody(self, pool):
        if pool.method == Pool.Method.CLAIM:
            return f"{pool.next_pool or pool.named_owner} after {pool.wait_minutes} min"
        then = pool.WhenEmpty
        owners = {then.FALLBACK: ("falls back to", pool.fallback_owner), then.HOLD: ("held for", pool.named_owner)}
        word, owner = owners.get(pool.when_empty, ("review", ""))
        return f"{word} {owner}".strip()

    @admin.display(description="members now", ordering="member_count")
    def active_members(self, pool):
        return pool.member_count

    @admin.display(description="Asked for")
    def query_in_words(self, pool):
        return query.in_words(pool.member_query) or "nothing: members are entered by name"

    def get_object(self, request, object_id, from_field=None):
        pool = super().get_object(request, object_id, from_field)
        if pool is not None:
            pool.reader = request.user  # whose scope the names of those found keep to
        return pool

    @admin.display(description="Finds now")
    def finds_now(self, pool):
        if not pool.member_query:
            return "nobody, because it asks for nothing" if pool.pk else "said here once the pool is saved"
        found = set(query.found_now(pool.member_query))
        rows = visible(Owner, pool.reader).filter(pk__in=found).order_by("name", "pk")
        names = list(rows.values_list("name", flat=True)[:SHOWN])
        return _few(names, len(found)) if found else "nobody: no active owner is all of this"

    @admin.display(description="Members")
    def all_members(self, pool):
        return link_to_list(PoolMember, "All members", pool__id__exact=pool.pk) if pool.pk else "none yet"

    @admin.display(description="Line-up")
    def line_up(self, pool):
        if not pool.pk:
            return "none yet"
        return format_html('<a href="{}">Who is next, and the ledger</a>', reverse("pages:pool", args=[pool.key]))


def _few(names: list[str], count: int) -> str:
    """“Elena, Marco and 3 more”."""
    if more := count - len(names):
        names = [*names, f"{more} more" if names else f"{more} whom you do not see"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _has_takers(pool: Pool) -> bool:
    now = timezone.now()
    there = Q(starts_at=None) | Q(starts_at__lte=now), Q(ends_at=None) | Q(ends_at__gt=now)
    takes = {"active": True, "owner__state": Owner.State.ACTIVE, "owner__accepts_leads": True}
    return PoolMember.objects.filter(*there, pool=pool, **takes).exists()


@admin.register(PoolMember)
class PoolMemberAdmin(LockedAdmin):
    form = MemberForm
    fieldsets = [
        (None, {"fields": ["owner", "pool", "weight", "position", "active", "came"]}),
        ("From and until", {"fields": ["starts_at", "ends_at"]}),
        ("Caps in this pool", {"fields": ["cap_open", "cap_day", "cap_week"]}),
    ]
    readonly_fields = ["came"]
    list_display = ["owner", "pool", "weight", "position", "active", "starts_at", "ends_at", "came"]
    list_select_related = ["owner", "pool"]
    list_filter = ["active", "by_query", "pool"]
    search_fields = ["owner__name", "owner__key", "pool__name"]
    autocomplete_fields = ["owner", "pool"]

    @admin.display(description="Entered", ordering="by_query")
    def came(self, member):
        return _came(member)
