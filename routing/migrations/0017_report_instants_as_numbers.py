from django.db import migrations, models

CACHE = ("ReportArrival", "ReportBlock", "ReportSpan", "ReportState")


def throw_away(apps, schema_editor):
    """It is a cache: the worker makes it anew from the facts."""
    for name in CACHE:
        apps.get_model("routing", name).objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("routing", "0016_report_cache")]

    operations = [
        migrations.RunPython(throw_away, throw_away),
        migrations.RemoveIndex("reportarrival", "report_arrival_at"),
        migrations.RemoveIndex("reportarrival", "report_arrival_of_owner"),
        migrations.RemoveIndex("reportarrival", "report_arrival_of_rep"),
        migrations.RemoveField("reportarrival", "at"),
        migrations.AddField(
            "reportarrival",
            "at",
            models.BigIntegerField(default=0, help_text="When it arrived, in microseconds since 1970."),
            preserve_default=False,
        ),
        migrations.AddIndex("reportarrival", models.Index(fields=["at"], name="report_arrival_at")),
        migrations.AddIndex("reportarrival", models.Index(fields=["owner", "at"], name="report_arrival_of_owner")),
        migrations.AddIndex("reportarrival", models.Index(fields=["rep", "at"], name="report_arrival_of_rep")),
    ]
