"""Named lists that rules ask about: companies, postal codes, campaigns. What a list held at any time is kept as a text
by its digest, which configuration revisions cite."""

from django.db import models
from django.db.models import Q

from owners.configuration import ConfigModel
from owners.models import User
from routing.engine.rules import FIELD_KINDS, FIELDS

LISTED_KINDS = ("text", "words")


class NamedList(ConfigModel):
    """A list of values of one field. Its entries change through `routing.lists` alone, which keeps the digest."""

    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)
    field = models.CharField(
        max_length=60,
        choices=[(name, label) for name, label in FIELDS.items() if FIELD_KINDS[name] in LISTED_KINDS],
        help_text="What its values are compared with.",
    )
    note = models.CharField(max_length=300, blank=True, help_text="What it is for, and where it comes from.")
    digest = models.CharField(max_length=64, blank=True, editable=False)
    size = models.PositiveIntegerField(default=0, editable=False)
    edition = models.PositiveIntegerField(default=1, editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)
    edited_by = models.ForeignKey(User, models.SET_NULL, null=True, editable=False, related_name="+")

    class Meta:
        ordering = ["name", "id"]
        verbose_name = "named list"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="named_list_key_once"),
            models.CheckConstraint(condition=~Q(digest="") | Q(size=0), name="named_list_with_entries_has_a_digest"),
        ]

    def __str__(self):
        return self.name


class ListEntry(models.Model):
    """One value, as it was written and as comparisons see it."""

    list = models.ForeignKey(NamedList, models.CASCADE, related_name="entries", db_index=False)
    value = models.CharField(max_length=200)
    folded = models.CharField(max_length=200, editable=False)

    class Meta:
        ordering = ["list", "folded"]
        verbose_name = "entry"
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["list", "folded"], name="list_entry_once"),
            models.CheckConstraint(condition=~Q(folded=""), name="list_entry_says_something"),
        ]

    def __str__(self):
        return self.value


class ListText(models.Model):
    """What a list held: the folded values as a JSON list in their order. Never changed, kept while cited."""

    digest = models.CharField(max_length=64, primary_key=True)
    content = models.TextField()

    def __str__(self):
        return self.digest[:12]
