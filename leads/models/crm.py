"""The built-in CRM, as rows: companies, contacts, pipelines, deals, and what happened with them."""

from django.db import models
from django.db.models import Q

from leads.ids import new_id
from owners.configuration import ConfigModel
from owners.models import Owner


class Company(models.Model):
    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200, blank=True)
    domain = models.CharField(max_length=255, blank=True, help_text="Registrable domain, lower case.")
    is_customer = models.BooleanField(default=False)
    owner = models.ForeignKey(
        Owner,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="companies",
        help_text="Named-account or customer owner.",
    )
    external_id = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "companies"
        constraints = [
            models.UniqueConstraint(
                fields=["external_id"], condition=~Q(external_id=""), name="company_external_id_once"
            )
        ]
        indexes = [models.Index(fields=["domain"], condition=Q(domain__gt=""), name="company_domain")]

    def __str__(self):
        return self.name or self.domain or f"company {self.pk}"


class Contact(models.Model):
    """A person. Two rows may carry one e-mail (some CRMs do): then matching says so instead of guessing."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    email = models.CharField(max_length=320, blank=True, help_text="Lower case.")
    phone = models.CharField(max_length=20, blank=True, help_text="E.164.")
    first_name = models.CharField(max_length=200, blank=True)
    last_name = models.CharField(max_length=200, blank=True)
    job_title = models.CharField(max_length=200, blank=True)
    company = models.ForeignKey(Company, models.PROTECT, null=True, blank=True, related_name="contacts")
    owner = models.ForeignKey(Owner, models.PROTECT, null=True, blank=True, related_name="contacts")
    external_id = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["external_id"], condition=~Q(external_id=""), name="contact_external_id_once"
            )
        ]
        indexes = [
            models.Index(fields=["email"], condition=Q(email__gt=""), name="contact_email"),
            models.Index(fields=["phone"], condition=Q(phone__gt=""), name="contact_phone"),
        ]

    def __str__(self):
        return f"{self.first_name} {self.last_name}".strip() or self.email or self.phone or f"contact {self.pk}"


class Pipeline(ConfigModel):
    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["key"], name="pipeline_key_once")]

    def __str__(self):
        return self.name


class Stage(ConfigModel):
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="stages")
    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["pipeline", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["pipeline", "key"], name="stage_key_once_per_pipeline")]

    def __str__(self):
        return f"{self.pipeline}: {self.name}"


class Deal(models.Model):
    class State(models.TextChoices):
        OPEN = "open", "open"
        WON = "won", "won"
        LOST = "lost", "lost"

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200, blank=True)
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, blank=True, related_name="deals")
    company = models.ForeignKey(Company, models.PROTECT, null=True, blank=True, related_name="deals")
    pipeline = models.ForeignKey(Pipeline, models.PROTECT, db_index=False, related_name="deals")
    stage = models.ForeignKey(Stage, models.PROTECT, db_index=False, related_name="deals")
    owner = models.ForeignKey(Owner, models.PROTECT, null=True, blank=True, related_name="deals")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    routed = models.BooleanField(default=False, help_text="Made by RevRoute for a lead that is no test.")
    external_id = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "pipeline"],
                condition=Q(state="open", routed=True),
                name="one_open_routed_deal_per_contact_and_pipeline",
            ),
            models.UniqueConstraint(fields=["external_id"], condition=~Q(external_id=""), name="deal_external_id_once"),
        ]
        indexes = [
            models.Index(fields=["company"], condition=Q(state="open"), name="deal_open_company"),
            models.Index(fields=["contact"], condition=Q(state="open"), name="deal_open_contact"),
        ]

    def __str__(self):
        return self.name or f"deal {self.pk}"


class TimelineRow(models.Model):
    """Something that stands on a lead's timeline."""

    lead = models.ForeignKey("leads.Lead", models.PROTECT, related_name="%(class)ss")
    created_at = models.DateTimeField()

    class Meta:
        abstract = True


class Activity(TimelineRow):
    """What was done with the lead. `happened_at` is what was said; clocks believe `created_at`, the recording."""

    class Kind(models.TextChoices):
        CALL = "call", "call"
        EMAIL = "email", "e-mail"
        MESSAGE = "message", "message"
        MEETING = "meeting", "meeting"
        BOOKING = "booking", "meeting booked"
        VIEW = "view", "view"
        AUTOMATIC = "automatic", "automatic mail"
        IMPORT = "import", "import"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    actor = models.ForeignKey(Owner, models.PROTECT, null=True, blank=True, related_name="+")
    happened_at = models.DateTimeField()
    outcome = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "activities"

    def __str__(self):
        return f"{self.get_kind_display()} on lead {self.lead_id}"


class Note(TimelineRow):
    """A sentence for sales: the routing reason, or what a person wrote."""

    deal = models.ForeignKey(Deal, models.SET_NULL, db_index=False, null=True, blank=True, related_name="notes")
    text = models.TextField()

    class Meta:
        ordering = ["-id"]

    def __str__(self):
        return self.text[:60]


class Task(TimelineRow):
    """Something its owner has to do until `due_at`."""

    owner = models.ForeignKey(Owner, models.PROTECT, related_name="tasks")
    decision_id = models.BigIntegerField(help_text="The routing decision that asked for it.")
    sequence = models.CharField(max_length=80, blank=True)
    step = models.PositiveSmallIntegerField(default=1)
    text = models.CharField(max_length=300)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True, help_text="When its lead went to somebody else.")

    class Meta:
        ordering = ["due_at"]
        constraints = [models.UniqueConstraint(fields=["decision_id", "step"], name="one_task_per_sequence_step")]

    def __str__(self):
        return self.text
