"""What keeps every admin screen within the row scope of the person who looks; leaves the scopes to each app.

Lists, counts, pages, histories, autocompletes, exports and actions all start from `get_queryset`; choices of
fields and filters from the two methods below. A row outside is answered as one that never was: 404.
"""

from typing import ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpResponseRedirect

from owners.admin.typed import Choice, Rows, is_id
from owners.roles import OURS, Reach, reach_of
from owners.scopes import visible


def is_ours(model: type[models.Model]) -> bool:
    """Whether scopes are kept for this model; others are for superusers."""
    return model._meta.app_label in OURS


class ScopedMixin:
    """For a model admin or an inline, before Django's own class."""

    secret: ClassVar[tuple[str, ...]] = ()
    """Fields that no address may ask by: a list that answers `starts with` gives them away letter by letter."""

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        if reach_of(request.user) == Reach.ALL:
            return rows
        return rows.filter(pk__in=visible(self.model, request.user).order_by().values("pk"))

    def get_field_queryset(self, db, db_field, request):
        rows = super().get_field_queryset(db, db_field, request)
        model = db_field.remote_field.model
        if not is_ours(model) or reach_of(request.user) == Reach.ALL:
            return rows
        seen = visible(model, request.user)
        return seen if rows is None else rows.filter(pk__in=seen.order_by().values("pk"))

    def get_readonly_fields(self, request, obj=None):
        return [*super().get_readonly_fields(request, obj), *self._out_of_reach(request, obj)]

    def _out_of_reach(self, request, obj) -> list[str]:
        """Links to what this person has no door to, or that lead out of their scope: shown, not changed."""
        keys = [field for field in self.opts.fields if field.many_to_one or field.one_to_one]
        shut = [field.name for field in keys if not _may_view(request, field.related_model)]
        if isinstance(obj, self.model) and reach_of(request.user) != Reach.ALL:
            shut += [field.name for field in keys if field.name not in shut and _leads_out(request, obj, field)]
        return shut

    def lookup_allowed(self, lookup, value, request):
        return lookup.split("__")[0] not in self.secret and super().lookup_allowed(lookup, value, request)

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if "widget" not in kwargs and db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = Choice(db_field, self.admin_site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changelist(self, request, **kwargs):
        return Rows

    def changelist_view(self, request, extra_context=None):
        """Django drops the filters of an address that it cannot read, and does not say so."""
        answer = super().changelist_view(request, extra_context)
        if isinstance(answer, HttpResponseRedirect) and answer.url == f"{request.path}?{ERROR_FLAG}=1":
            messages.warning(
                request, "A filter in the address cannot be read, so the list shows all rows. Filter anew."
            )
        return answer

    def response_action(self, request, queryset):
        if not all(is_id(chosen) for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            messages.error(request, "Nothing was done: what was chosen is no row of this list. Choose again.")
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset)

    def history_view(self, request, object_id, extra_context=None):
        """Django looks for the row first, and would tell who may see none whether it is there."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def _get_obj_does_not_exist_redirect(self, request, opts, object_id):
        """Django would go to the index with a message; nothing here is nothing here."""
        raise Http404(f"There is no {opts.verbose_name} {object_id}.")


def _may_view(request, model: type[models.Model]) -> bool:
    opts = model._meta
    return not is_ours(model) or any(
        request.user.has_perm(f"{opts.app_label}.{verb}_{opts.model_name}") for verb in ("view", "change")
    )


def _leads_out(request, obj, field) -> bool:
    target = getattr(obj, field.attname)
    return target is not None and not visible(field.related_model, request.user).filter(pk=target).exists()


class ScopedRelatedFilter(admin.RelatedFieldListFilter):
    """A filter that offers only what the person may see."""

    def field_choices(self, field, request, model_admin):
        model = field.related_model
        if not is_ours(model) or reach_of(request.user) == Reach.ALL:
            return super().field_choices(field, request, model_admin)
        ordering = self.field_admin_ordering(field, request, model_admin)
        seen = visible(model, request.user).order_by().values("pk")
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to={"pk__in": seen})


admin.FieldListFilter.register(lambda field: bool(field.remote_field), ScopedRelatedFilter, take_priority=True)
