"""Models registered by the apps' admin modules come in; the admin site in our frame goes out, Today first."""

from functools import update_wrapper
from typing import Any

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from owners.roles import Reach, reach_of
from routing.doctor import Finding, findings
from routing.pages.rule_versions import may_read
from routing.today import Waiting, today

QUEUE = "django_q"
"""The queue's own app. Whoever may add a schedule runs any code, so its screens are for superusers alone."""


RULE_PAGES = {"rules_due_for_review": "pages:rules", "scheduled_publish_refused": "pages:rules-publish"}


class SuperusersOnly:
    """Mixed into the queue's screens: permissions given by hand do not open them."""

    def has_module_permission(self, request):
        return request.user.is_superuser

    def has_view_permission(self, request, obj=None):
        return request.user.is_superuser

    def has_add_permission(self, request):
        return request.user.is_superuser and super().has_add_permission(request)

    def has_change_permission(self, request, obj=None):
        return request.user.is_superuser and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        return request.user.is_superuser and super().has_delete_permission(request, obj)


class Site(admin.AdminSite):
    """The admin of RevRoute. Its first page is Today; all lists by name stand one page further."""

    site_header = site_title = "RevRoute"
    index_title = "Today"
    enable_nav_sidebar = False  # the frame has its own
    login_form = AuthenticationForm  # everybody signs in here; the stock form turns those away who are no staff

    def register(self, model_or_iterable, admin_class=None, **options):
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        for model in models:
            chosen = admin_class or admin.ModelAdmin
            if model._meta.app_label == QUEUE:
                chosen = type(chosen.__name__, (SuperusersOnly, chosen), {})
            super().register(model, chosen, **options)

    def get_urls(self):
        """Signing out and the password are everybody's, who enters the admin or not."""
        return [
            path("all/", self.admin_view(self.everything), name="everything"),
            path("logout/", never_cache(self.logout), name="logout"),
            path("password_change/", never_cache(login_required(self.password_change)), name="password_change"),
            path("password_change/done/", login_required(self.password_change_done), name="password_change_done"),
            *super().get_urls(),
        ]

    def login(self, request, extra_context=None):
        """The one door for everybody; who comes without an address in mind goes to their own first page."""
        asked = REDIRECT_FIELD_NAME in request.GET or REDIRECT_FIELD_NAME in request.POST
        return super().login(request, extra_context if asked else {REDIRECT_FIELD_NAME: reverse("start")})

    def admin_view(self, view, cacheable=False):
        """As Django's, but whoever is signed in and may not enter is told so, not asked to sign in again."""
        guarded = super().admin_view(view, cacheable)

        def answer(request, *args, **kwargs):
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied
            return guarded(request, *args, **kwargs)

        return update_wrapper(answer, view)

    def each_context(self, request):
        """The stock context without its list of all models, which only its own sidebar reads."""
        return {
            "site_title": self.site_title,
            "site_header": self.site_header,
            "site_url": self.site_url,
            "has_permission": self.has_permission(request),
            "is_popup": False,
            "is_nav_sidebar_enabled": False,
            "log_entries": self.get_log_entries(request),
        }

    def index(self, request, extra_context=None):
        """Today: what waits for a person, and what is wrong, for those who can mend it."""
        now = timezone.now()
        seen = today(request.user, now)
        context = {
            **self.each_context(request),
            "title": "Today",
            "now": now,
            "tiles": [(tile, f"{_list(tile.list)}?show={tile.show}") for tile in seen.tiles],
            "waiting": [(row, _address_of(row)) for row in seen.waiting],
            "more": _list("routing_reviewitem") + "?show=open",
            "problems": _problems(request, now) if reach_of(request.user) == Reach.ALL else None,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/index.html", context)

    def everything(self, request):
        """Every list there is, by app, for whoever looks for one that the navigation does not name."""
        apps = self.get_app_list(request)
        context = {**self.each_context(request), "title": "All screens", "subtitle": "", "app_list": apps}
        return TemplateResponse(request, "admin/everything.html", context)


def _list(model: str) -> str:
    return reverse(f"admin:{model}_changelist")


def _address_of(row: Waiting) -> str:
    """The lead's own page, where there is one, for there it is mended; else the row in the admin."""
    if row.lead is not None:
        try:
            return reverse("pages:lead", args=[row.lead])
        except NoReverseMatch:
            pass
    model, pk = ("reviewitem", row.item) if row.item is not None else ("slaclock", row.clock)
    return reverse(f"admin:routing_{model}_change", args=[pk])


def _problems(request, now) -> list[dict[str, Any]]:
    """The doctor's sentences, each with the address that mends it."""
    return [
        {"severity": finding.severity, "sentence": finding.sentence, "href": _mends(request, finding)}
        for finding in findings(now)
    ]


def _mends(request, finding: Finding) -> str:
    """Where the finding's row is mended; empty where no screen that this person may open does it."""
    if finding.code == "background_late":
        return reverse("pages:help-topic", args=["health"])
    if finding.code == "move_unfinished":
        return reverse("pages:moves")
    if finding.code == "leads_of_the_gone":
        return reverse("pages:leave", args=[finding.pk])
    if finding.code in RULE_PAGES and may_read(request.user):
        return reverse(RULE_PAGES[finding.code], args=[finding.pk])
    if not finding.app or not request.user.has_perm(f"{finding.app}.view_{finding.model}"):
        return ""
    name = f"admin:{finding.app}_{finding.model}"
    try:
        return reverse(f"{name}_changelist") if finding.pk is None else reverse(f"{name}_change", args=[finding.pk])
    except NoReverseMatch:
        return ""
