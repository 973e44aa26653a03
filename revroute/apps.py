from django.apps import AppConfig
from django.contrib.admin import apps as admin


class RevRouteConfig(AppConfig):
    default = True
    name = "revroute"


class AdminConfig(admin.AdminConfig):
    default = False
    default_site = "revroute.site.Site"
