"""Admin of territories and the areas they consist of."""

import pycountry
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count

from owners.admin.base import LimitedInlines, LockedAdmin, PlainForm, ScopedInline, link_to_list
from owners.models import Territory, TerritoryArea


class AreaForm(PlainForm):
    sentences = {
        "area_by_region_city_or_postal_code": "Give a region, a city or the beginning of a postal code.",
    }

    def clean_country(self):
        code = self.cleaned_data["country"].upper()
        if pycountry.countries.get(alpha_2=code) is None:
            raise ValidationError(f"“{code}” is not a country code. Use its ISO 3166-1 code, such as DE.")
        return code

    def clean_region(self):
        code = self.cleaned_data["region"].upper()
        if code and pycountry.subdivisions.get(code=code) is None:
            raise ValidationError(f"“{code}” is not a region. Use its ISO 3166-2 code, such as US-CA.")
        return code

    def clean_postal_prefix(self):
        return "".join(self.cleaned_data["postal_prefix"].split()).upper()

    def clean(self):
        cleaned = super().clean()
        country, region = cleaned.get("country"), cleaned.get("region")
        if country and region and not region.startswith(f"{country}-"):
            self.add_error("region", f"{region} is not a region of {country}.")
        return cleaned


class AreaInline(ScopedInline):
    model = TerritoryArea
    form = AreaForm


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
    list_display = ["country", "region", "postal_prefix", "territory"]
    list_select_related = ["territory"]
    list_filter = ["territory"]
    search_fields = ["country", "region", "postal_prefix", "territory__name"]
    autocomplete_fields = ["territory"]
