"""Admin of territories and the areas they consist of."""

from typing import ClassVar

from django.contrib import admin
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import Count, Q
from django.forms import BaseInlineFormSet

from owners.admin.base import LimitedInlines, LockedAdmin, PlainForm, ScopedInline, link_to_list
from owners.areas import Area, NoArea, cross, in_the_way, read_area
from owners.areas import sentence as taken
from owners.models import Territory, TerritoryArea
from owners.scopes import visible_territories


class AreaForm(PlainForm):
    """An area in its stored form. `user`: who asks; set on the class that is made for each request."""

    user = None

    def clean(self):
        cleaned = super().clean()
        if self.errors:
            return cleaned
        try:
            area = read_area(cleaned)
        except NoArea as error:
            for field, sentence in error.sentences.items():
                self.add_error(field or None, sentence)
            return cleaned
        if other := in_the_way(area, self.instance.pk):
            self.add_error(None, self._taken(area, *other))
        return {**cleaned, **area._asdict()}

    def _taken(self, area: Area, other: Area, territory: int) -> str:
        """Names the other territory to those who may see it."""
        name = visible_territories(self.user).filter(pk=territory).values_list("name", flat=True).first()
        return taken(area, other, f"territory {name}" if name else "another territory")

    def _update_errors(self, errors):
        """What the constraints would say again was said above, with the territory that has the area."""
        if self.non_field_errors():
            getattr(errors, "error_dict", {}).pop(NON_FIELD_ERRORS, None)
        super()._update_errors(errors)


class AreaFormSet(BaseInlineFormSet):
    """The areas of one territory: those of one post may not cross each other either."""

    def clean(self):
        super().clean()
        seen: list[Area] = []
        for form in self.forms:
            if not form.cleaned_data or form.errors or form.cleaned_data.get("DELETE"):
                continue
            area = Area(*(form.cleaned_data[name] for name in Area._fields))
            if other := next((other for other in seen if other == area or cross(area, other)), None):
                form.add_error(None, taken(area, other, "this territory"))
            seen.append(area)

    def validate_unique(self):
        """Said above."""


class AreaInline(ScopedInline):
    model = TerritoryArea
    form = AreaForm
    formset = AreaFormSet
    fields: ClassVar = ["country", "region", "city", "postal_prefix", "postal_from", "postal_to"]

    def get_formset(self, request, obj=None, **kwargs):
        formset = super().get_formset(request, obj, **kwargs)
        formset.form.user = request.user
        return formset


class AreaKind(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"
    kinds: ClassVar = {
        "postal_prefix": ("Postal prefixes", ~Q(postal_prefix="")),
        "postal_from": ("Postal ranges", ~Q(postal_from="")),
        "city": ("Cities", ~Q(city="")),
        "region": ("Regions", ~Q(region="")),
        "country": ("Whole countries", Q(region="", city="", postal_prefix="", postal_from="")),
    }

    def lookups(self, request, model_admin):
        return [(name, label) for name, (label, _) in self.kinds.items()]

    def queryset(self, request, queryset):
        return queryset.filter(self.kinds[self.value()][1]) if self.value() in self.kinds else queryset


@admin.register(Territory)
class TerritoryAdmin(LimitedInlines, LockedAdmin):
    inlines = [AreaInline]
    ordering = ["name"]  # said here: a list with counts is grouped, and then the model's own order is not kept
    list_display = ["name", "key", "owner", "team", "number_of_areas"]
    list_select_related = ["owner", "team"]
    list_filter = ["team"]
    search_fields = ["name", "key"]
    autocomplete_fields = ["owner", "team"]
    prepopulated_fields = {"key": ["name"]}
    readonly_fields = ["all_areas"]

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(area_count=Count("areas"))

    @admin.display(description="areas", ordering="area_count")
    def number_of_areas(self, territory):
        return territory.area_count

    @admin.display(description="Areas")
    def all_areas(self, territory):
        if not territory.pk:
            return "none yet"
        return link_to_list(TerritoryArea, "All areas", territory__id__exact=territory.pk)


@admin.register(TerritoryArea)
class TerritoryAreaAdmin(LockedAdmin):
    form = AreaForm
    list_display = ["country", "region", "city_shown", "postal_prefix", "range_shown", "territory"]
    empty_value_display = ""
    list_select_related = ["territory"]
    list_filter = [AreaKind, "territory"]
    show_full_result_count = False
    ordering = ["country", "region", "city", "postal_prefix", "postal_from"]  # the order of an index
    search_fields = ["country", "region", "city", "postal_prefix", "postal_from", "territory__name"]
    search_help_text = "Country, region, city, beginning of a postal code or territory."
    autocomplete_fields = ["territory"]
    fields = ["territory", "country", "region", "city", "postal_prefix", "postal_from", "postal_to"]

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change, **kwargs)
        form.user = request.user
        return form

    @admin.display(description="city", ordering="city")
    def city_shown(self, area):
        return area.city.title()

    @admin.display(description="range", ordering="postal_from")
    def range_shown(self, area):
        return f"{area.postal_from} to {area.postal_to}" if area.postal_from else ""
