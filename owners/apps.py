from django.apps import AppConfig


class OwnersConfig(AppConfig):
    name = "owners"
    verbose_name = "People"

    def ready(self) -> None:
        from owners import query, scopes  # noqa: F401 - registers who follows pools' queries, and who sees which rows
