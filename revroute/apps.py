from django.apps import AppConfig


class RevRouteConfig(AppConfig):
    name = "revroute"
