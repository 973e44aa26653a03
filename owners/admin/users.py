"""Admin of users: who signs in, in which role, and which owner they are. Entry to the admin follows from the role."""

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import Q

from owners.admin.base import LockedAdmin
from owners.models import Owner, User
from owners.roles import Act, Role, give_role, may, role_of


class RoleFields(forms.Form):
    """Role and owner, which are no fields of a user."""

    role = forms.ChoiceField(
        required=False, choices=[("", "no role: signs in and sees nothing"), *Role.choices],
        help_text="What they may do and see. Administrators, RevOps, managers and auditors enter the admin.",
    )  # fmt: skip
    owner = forms.ModelChoiceField(
        Owner.objects.none(), required=False, empty_label="nobody: takes no leads",
        help_text="The owner they are: their leads, their turn, their teams.",
    )  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        user = self.instance
        self.fields["owner"].queryset = (
            Owner.objects.filter(Q(user=None) | Q(user=user.pk)) if user.pk else (Owner.objects.filter(user=None))
        )
        if user.pk:
            self.initial.setdefault("role", role_of(user) or _role_at_rest(user))
            self.initial.setdefault("owner", Owner.objects.filter(user=user.pk).first())


def _role_at_rest(user: User) -> str:
    """The role of somebody who is switched off, so that saving does not take it away."""
    names = set(user.groups.values_list("name", flat=True))
    return next((role.value for role in Role if role in names), "")


class NewUserForm(RoleFields, AdminUserCreationForm):
    pass


class UserForm(RoleFields, UserChangeForm):
    person: User
    """Who fills the form in."""

    def clean(self):
        cleaned = super().clean()
        if self.instance.pk == self.person.pk:
            self._keep_oneself(cleaned)
        return cleaned

    def _keep_oneself(self, cleaned) -> None:
        if cleaned.get("is_active") is False:
            raise ValidationError("You cannot switch yourself off. Another administrator can.", code="own_account")
        if not self.person.is_superuser and cleaned.get("role") != Role.ADMINISTRATOR:
            self.add_error("role", "You cannot give up your own role. Another administrator can take it.")


@admin.register(User)
class PeopleAdmin(LockedAdmin, UserAdmin):
    """Users are switched off, never deleted: what they did stays under their name."""

    form = UserForm
    add_form = NewUserForm
    list_display = ["username", "first_name", "last_name", "role_shown", "owner_shown", "is_active", "last_login"]
    list_filter = ["groups", "is_active"]
    list_select_related = ["owner"]
    secret = ("password",)
    filter_horizontal = ()
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "is_active"]}),
        ("Role", {"fields": ["role", "owner"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("When", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["username", "usable_password", "password1", "password2"]}),
        ("Role", {"fields": ["role", "owner"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
    ]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="role")
    def role_shown(self, user):
        if user.is_superuser:
            return f"{Role.ADMINISTRATOR.label}, superuser"
        names = {group.name for group in user.groups.all()}
        return next((role.label for role in Role if role in names), "no role")

    @admin.display(description="owner", ordering="owner__name")
    def owner_shown(self, user):
        return getattr(user, "owner", None) or "nobody"

    def get_fieldsets(self, request, obj=None):
        fieldsets = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return fieldsets
        return [row if row[0] != "Role" else ("Role", {"fields": ["role_shown", "owner_shown"]}) for row in fieldsets]

    def get_readonly_fields(self, request, obj=None):
        shown = super().get_readonly_fields(request, obj)
        return shown if self.has_change_permission(request, obj) else [*shown, "role_shown", "owner_shown"]

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        form.person = request.user
        return form

    def has_add_permission(self, request):
        return may(request.user, Act.MANAGE_USERS)

    def has_change_permission(self, request, obj=None):
        """Only a superuser touches a superuser: else an administrator could become one by a password."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return may(request.user, Act.MANAGE_USERS)

    def has_delete_permission(self, request, obj=None):
        return False

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        user, owner = form.instance, form.cleaned_data.get("owner")
        give_role(user, Role(form.cleaned_data["role"]) if form.cleaned_data.get("role") else None)
        held = Owner.objects.filter(user=user)
        if owner not in held:
            held.update(user=None)
            if owner:
                Owner.objects.filter(pk=owner.pk).update(user=user)
