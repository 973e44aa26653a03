"""Who may call the HTTP API, as rows."""

from django.db import models

from owners.models import User


class ApiToken(models.Model):
    """A bearer token, kept as a hash."""

    class Scope(models.TextChoices):
        READ = "read", "read leads and decisions"
        WRITE = "write", "read, and act on leads"
        REPORTS = "reports", "read reports"

    name = models.CharField(max_length=120)
    scope = models.CharField(max_length=20, choices=Scope.choices, default=Scope.READ)
    token_hash = models.CharField(max_length=64, editable=False)
    user = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="api_tokens",
        help_text="Sees what this person sees; empty, or an integrator: everything.",
    )  # fmt: skip
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["token_hash"], name="api_token_once")]

    def __str__(self):
        return self.name
