"""What versions say is moved to a table of its own, so that no look at a version reads megabytes, and no change of its
state writes them again."""

import django.db.models.deletion
from django.db import migrations, models

COPY = """
INSERT INTO routing_rulesetcontent (version_id, content)
SELECT id, content FROM routing_rulesetversion WHERE content IS NOT NULL
"""
BACK = """
UPDATE routing_rulesetversion
   SET content = (SELECT kept.content FROM routing_rulesetcontent kept WHERE kept.version_id = routing_rulesetversion.id)
"""
FROZEN = "published_version_is_frozen"


class Migration(migrations.Migration):
    dependencies = [("routing", "0023_processes_are_ready")]

    operations = [
        migrations.CreateModel(
            name="RuleSetContent",
            fields=[
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="frozen",
                        serialize=False,
                        to="routing.rulesetversion",
                    ),
                ),
                ("content", models.JSONField()),
            ],
        ),
        migrations.RemoveConstraint(model_name="rulesetversion", name=FROZEN),
        migrations.RunSQL(COPY, BACK),
        migrations.RemoveField(model_name="rulesetversion", name="content"),
        migrations.AddConstraint(
            model_name="rulesetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "draft"),
                    models.Q(models.Q(("digest", ""), _negated=True), ("published_at__isnull", False)),
                    _connector="OR",
                ),
                name=FROZEN,
            ),
        ),
    ]
