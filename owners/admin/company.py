"""Admin of the one row that says whose RevRoute this is and until when a lead counts as open."""

from django.contrib import admin

from owners.admin.base import LockedAdmin
from owners.models import Installation


@admin.register(Installation)
class InstallationAdmin(LockedAdmin):
    """The row comes with the set-up. Saved under the writer lock, with all counts that depend on it."""

    fields = ["company_name", "time_zone", "open_until"]
    list_display = ["__str__", "time_zone", "open_until"]

    def has_add_permission(self, request):
        return super().has_add_permission(request) and not Installation.objects.exists()

    def has_delete_permission(self, request, obj=None):
        return False

    def save_model(self, request, obj, form, change):
        obj.pk = 1
        super().save_model(request, obj, form, change)
