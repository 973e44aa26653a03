"""The usual lead types, so that a new installation can name one; a company may change them and add its own."""

from django.db import migrations

HIGH_INTENT = ["demo", "quote", "trial", "diagnostic"]
OTHERS = ["contact", "webinar", "content", "chat", "referral", "partner", "import"]


def add_lead_types(apps, schema_editor):
    lead_type = apps.get_model("leads", "LeadType")
    for key in HIGH_INTENT + OTHERS:
        lead_type.objects.get_or_create(
            key=key, defaults={"name": key.capitalize(), "high_intent": key in HIGH_INTENT}
        )


def remove_lead_types(apps, schema_editor):
    """Those that a source still names stay: taking them away would take the source along."""
    in_use = apps.get_model("leads", "LeadType").objects.values("lead_type_id")
    lead_type = apps.get_model("leads", "LeadType")
    lead_type.objects.filter(key__in=HIGH_INTENT + OTHERS).exclude(pk__in=in_use).delete()


class Migration(migrations.Migration):
    dependencies = [("leads", "0002_initial")]

    operations = [migrations.RunPython(add_lead_types, remove_lead_types)]
