"""Which places belong to whom, as rows: territories and the areas that they consist of."""

from django.db import models
from django.db.models import F, Q

from owners.configuration import ConfigModel
from owners.models.people import Owner, Team, User


class Territory(ConfigModel):
    on_map = frozenset({"delete"})  # which takes its areas with it

    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    owner = models.ForeignKey(Owner, models.PROTECT, null=True, blank=True, related_name="territories")
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="territories")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "territories"
        constraints = [models.UniqueConstraint(fields=["key"], name="territory_key_once")]

    def __str__(self):
        return self.name


class TerritoryArea(ConfigModel):
    """A place that belongs to a territory: a country, or in it a region, a city, a postal prefix or a postal range.

    The most specific wins: by postal code the smallest part of all codes, then the city, the region, the country.
    Texts are in the form of `owners.places`, in which places are compared.
    """

    on_map = frozenset({"write", "delete"})

    territory = models.ForeignKey(Territory, models.CASCADE, related_name="areas")
    country = models.CharField(max_length=2, help_text="ISO 3166-1 alpha-2, such as DE.")
    region = models.CharField(
        max_length=10, blank=True, help_text="ISO 3166-2, such as US-CA; empty is the whole country."
    )
    postal_prefix = models.CharField(
        max_length=12, blank=True, help_text="First characters of the postal code; GB: SW, SW1, SW1A or SW1A 1."
    )

    city = models.CharField(
        max_length=80, blank=True, help_text="Whole name of the city; case and accents do not matter."
    )
    postal_from = models.CharField(max_length=12, blank=True, help_text="First postal code of a range, such as 10000.")
    postal_to = models.CharField(max_length=12, blank=True, help_text="Last postal code of the range, included.")

    class Meta:
        ordering = ["territory", "country", "region", "city", "postal_prefix", "postal_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["country", "region", "city", "postal_prefix", "postal_from", "postal_to"],
                name="area_in_one_territory",
            ),
            models.CheckConstraint(
                condition=Q(city="", postal_prefix="", postal_from="")
                | Q(region="", postal_prefix="", postal_from="")
                | Q(region="", city="", postal_from="")
                | Q(region="", city="", postal_prefix=""),
                name="area_by_region_city_or_postal_code",
            ),
            models.CheckConstraint(
                condition=Q(postal_from="", postal_to="")
                | ~Q(postal_from="") & ~Q(postal_to="") & Q(postal_to__gte=F("postal_from")),
                name="area_range_has_both_ends_in_order",
            ),
        ]

    def __str__(self):
        parts = (self.country, self.region, self.city.title(), self.postal_prefix)
        span = f"{self.postal_from} to {self.postal_to}" if self.postal_from else ""
        return " ".join(part for part in (*parts, span) if part)


class AreaImport(models.Model):
    """A spreadsheet of areas that was checked and waits to be applied: one of each person, for a day."""

    class Replace(models.TextChoices):
        NOTHING = "", "Keep them"
        TERRITORIES = "territories", "Remove them from the territories that the file names"
        COUNTRIES = "countries", "Remove them from the countries that the file names"

    user = models.OneToOneField(User, models.CASCADE, related_name="+")
    file_name = models.CharField(max_length=200)
    data = models.BinaryField(help_text="The file as it was uploaded.")
    replace = models.CharField(max_length=11, choices=Replace.choices, blank=True)
    made_at = models.DateTimeField()
    map_number = models.BigIntegerField(help_text="Of the map that it was compared with.")
    found = models.BinaryField(help_text="What was found line by line, as compressed JSON.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(replace__in=["", "territories", "countries"]), name="area_import_replaces"
            )
        ]

    def __str__(self):
        return self.file_name
