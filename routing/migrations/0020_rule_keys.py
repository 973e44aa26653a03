"""Give each rule the key that its copies in other versions share, then hold keys to once a version."""

from collections import Counter
from hashlib import sha256

from django.db import migrations, models


def fill_keys(apps, schema_editor):
    """Copies made so far are told by step, name and how many of that name came before."""
    rules = apps.get_model("routing", "Rule").objects
    met, rows = Counter(), []
    for rule in rules.order_by("version_id", "position", "id").only("id", "version_id", "step", "name").iterator(2000):
        same = (rule.step, rule.name)
        met[rule.version_id, *same] += 1
        rule.key = sha256("|".join((*same, str(met[rule.version_id, *same]))).encode()).hexdigest()[:12]
        rows.append(rule)
    rules.bulk_update(rows, ["key"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("routing", "0019_rules_editor")]

    operations = [
        migrations.RunPython(fill_keys, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.UniqueConstraint(fields=["version", "key"], name="rule_key_once_in_a_version"),
        ),
    ]
