"""Where leads come from and which types they have, as rows."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from owners.configuration import ConfigModel, ToldModel
from owners.models import Owner, WordsField


class LeadType(ToldModel):
    """A type of lead; the usual ones come with the first migration, a company may add its own."""

    told_fields: ClassVar[frozenset[str]] = frozenset({"key", "fills_caps"})

    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    high_intent = models.BooleanField(default=False, help_text="Routed first, with the shorter SLA.")
    fills_caps = models.BooleanField(default=True, help_text="Counts as an open lead where caps look.")

    class Meta:
        ordering = ["-high_intent", "name"]
        constraints = [models.UniqueConstraint(fields=["key"], name="lead_type_key_once")]

    def __str__(self):
        return self.name


class Source(ConfigModel):
    """An entry point, with a named person who answers for it."""

    class Kind(models.TextChoices):
        GENERIC = "generic", "generic form or JSON"
        DEMO_FORM = "demo_form", "demo form"
        CONTACT_FORM = "contact_form", "contact form"
        LANDING_PAGE = "landing_page", "landing page"
        CHAT = "chat", "chat"
        WEBINAR = "webinar", "webinar"
        PARTNER = "partner", "partner"
        IMPORT = "import", "import"
        AD_FORM = "ad_form", "ad form"
        ENRICHMENT = "enrichment", "enrichment"

    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.GENERIC)
    system_name = models.CharField(max_length=80, blank=True, help_text="How decisions name it; empty: the key.")
    owner = models.ForeignKey(
        Owner, models.PROTECT, related_name="sources", help_text="Answers for what this source sends."
    )
    lead_type = models.ForeignKey(LeadType, models.PROTECT, related_name="+", help_text="Of leads that name none.")
    active = models.BooleanField(default=True)
    token_hash = models.CharField(max_length=64, blank=True, editable=False)
    previous_token_hash = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="Still accepted, so that a token can be changed without a gap.",
    )
    defaults = models.JSONField(
        default=dict, blank=True, help_text="Contract fields for leads that bring none, such as country."
    )
    field_mapping = models.JSONField(default=dict, blank=True, help_text="Payload key to contract field.")
    blocked_patterns = WordsField(help_text="A lead with one of these texts is spam; * stands for anything.")
    rate_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Posts a minute, per web process.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="source_key_once"),
            models.CheckConstraint(
                condition=Q(previous_token_hash="") | ~Q(token_hash=""),
                name="source_previous_token_has_successor",
            ),
        ]

    def __str__(self):
        return self.name
