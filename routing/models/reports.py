"""What reports have read out of the facts, as rows: a cache that can be thrown away and made anew (manage.py recount).

Nothing else may rest on these rows, and nothing that routes writes them.
"""

from django.db import models
from django.db.models import Q


class ReportArrival(models.Model):
    """One inquiry with what became of its lead. Its id is its event's. The measures are 1 (counted), 0 (not) or empty
    (not asked of this one, or too early to judge). Knows other rows by their ids alone."""

    id = models.BigIntegerField(primary_key=True, editable=False)
    lead = models.BigIntegerField()
    at = models.BigIntegerField(help_text="When it arrived, in microseconds since 1970.")
    new = models.BooleanField(help_text="A lead of its own, and no rejected one.")
    high = models.BooleanField()
    lead_type = models.CharField(max_length=40, blank=True)
    source = models.BigIntegerField()
    path = models.CharField(max_length=40, blank=True)
    team = models.BigIntegerField(null=True)
    rep = models.BigIntegerField(null=True, help_text="The first owner.")
    owner = models.BigIntegerField(null=True, help_text="The present one.")
    wait = models.IntegerField(null=True, help_text="Seconds of working time to the first touch; -1: no touch.")
    within = models.SmallIntegerField(null=True)
    unworked_60 = models.SmallIntegerField(null=True)
    owned_1 = models.SmallIntegerField(null=True)
    inactive_30 = models.SmallIntegerField(null=True)
    exceptions = models.SmallIntegerField(null=True)
    duplicates = models.SmallIntegerField(null=True)
    accepted = models.SmallIntegerField(null=True)
    booked = models.SmallIntegerField(null=True)
    reassigned = models.SmallIntegerField(null=True)
    reassigned_touched = models.SmallIntegerField(null=True)
    first_right = models.SmallIntegerField(null=True)
    breached = models.SmallIntegerField(null=True)
    late = models.TextField(blank=True, help_text="Seconds between due and answered, of each clock that ran out.")
    unanswered = models.PositiveSmallIntegerField(help_text="Clocks that ran out and that nobody answered.")
    ripe_at = models.DateTimeField(null=True, help_text="When something that was too early to judge can be judged.")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["at"], name="report_arrival_at"),
            models.Index(fields=["owner", "at"], name="report_arrival_of_owner"),
            models.Index(fields=["rep", "at"], name="report_arrival_of_rep"),
            models.Index(fields=["lead"], name="report_arrival_of_lead"),
            models.Index(fields=["ripe_at"], condition=Q(ripe_at__isnull=False), name="report_arrival_ripe"),
        ]

    def __str__(self):
        return f"arrival {self.pk}"


class ReportSpan(models.Model):
    """So many days from one on, in the company's zone, whose blocks stand. `stale`: rows have changed since."""

    GRAINS = (84, 28, 7, 1)

    grain = models.PositiveSmallIntegerField()
    start = models.DateField()
    stale = models.BooleanField(default=False)
    built_at = models.DateTimeField()

    class Meta:
        ordering = ["start", "-grain"]
        constraints = [
            models.UniqueConstraint(fields=["start", "grain"], name="report_span_once"),
            models.CheckConstraint(condition=Q(grain__in=[84, 28, 7, 1]), name="report_span_of_known_grain"),
        ]

    def __str__(self):
        return f"{self.grain} days from {self.start}"


class ReportBlock(models.Model):
    """What the arrivals of a span add up to, of all leads or of those with one value: `kind` names what has to be
    `key`. Packed (routing.reporting.packing): `total` together, `tables` by each dimension."""

    kind = models.CharField(max_length=10)
    key = models.CharField(max_length=40, blank=True)
    grain = models.PositiveSmallIntegerField()
    start = models.DateField()
    total = models.BinaryField()
    tables = models.BinaryField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["grain", "start", "kind", "key"], name="report_block_once")]

    def __str__(self):
        return f"{self.kind} {self.key}, {self.grain} days from {self.start}"


class ReportState(models.Model):
    """The one row that says how far the facts have been read. `number` is raised by whoever writes the cache, so that
    of two only one does; `gaps` are ids below `mark` that were not there yet: [first, last, since when]."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    number = models.BigIntegerField(default=0)
    mark = models.BigIntegerField(default=0, help_text="Id of the newest fact that was read.")
    gaps = models.JSONField(default=list)
    zone = models.CharField(max_length=64, blank=True, help_text="Whose midnights divide the spans.")
    looked_at = models.DateTimeField(null=True, help_text="When it was last looked for spans to build.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_report_state_row")]

    def __str__(self):
        return f"facts read up to {self.mark}"
