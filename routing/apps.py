from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "routing"
    verbose_name = "Routing"

    def ready(self) -> None:
        from django.db.models.signals import post_save

        from leads.models import Source
        from routing import checks, ledger, loads, scopes  # noqa: F401 - registers checks, what edits write, who sees what
        from routing.prepare import forget_sources

        post_save.connect(forget_sources, sender=Source, dispatch_uid="forget_sources")
