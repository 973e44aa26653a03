from django.apps import AppConfig


class OwnersConfig(AppConfig):
    name = "owners"
    verbose_name = "People"

    def ready(self) -> None:
        from owners import scopes  # noqa: F401 - registers who sees which rows
