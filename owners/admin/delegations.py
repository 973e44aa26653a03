"""Admin of teams that somebody besides their lead manages for a while."""

from django.contrib import admin

from owners.admin.base import LockedAdmin, PlainForm
from owners.models import Delegation, Owner, Team
from owners.roles import Act, Role, may


class DelegationForm(PlainForm):
    sentences = {"team_delegated_once_to_each": "This team is delegated to them already. Change that one."}


@admin.register(Delegation)
class DelegationAdmin(LockedAdmin):
    """A lead delegates the teams they lead; who holds a team by delegation does not hand it on."""

    form = DelegationForm
    list_display = ["team", "to", "until"]
    list_select_related = ["team", "to"]
    list_filter = ["team"]
    search_fields = ["team__name", "to__name"]

    def get_field_queryset(self, db, db_field, request):
        if db_field.name == "to":  # managers stand outside each other's scope, and have to be found here
            return Owner.objects.filter(user__is_active=True, user__groups__name=Role.MANAGER).distinct()
        if not may(request.user, Act.EDIT_PEOPLE):
            return Team.objects.filter(lead__user=request.user.pk)
        return super().get_field_queryset(db, db_field, request)

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and self._is_theirs(request, obj)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and self._is_theirs(request, obj)

    def _is_theirs(self, request, obj) -> bool:
        if obj is None or may(request.user, Act.EDIT_PEOPLE):
            return True
        return obj.team.lead is not None and obj.team.lead.user_id == request.user.pk
