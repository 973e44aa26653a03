"""A request comes in; what surrounds every page goes out: navigation by role with counts, theme, banners.

Writes nothing but the cookie of the theme. A page that draws no frame costs no query.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from owners.models import User
from owners.roles import Act, may, role_of
from routing import demo, health
from routing.models import ReviewItem, RuleSetVersion
from routing.scopes import visible_review_items

THEMES = ("light", "dark")
THEME_SECONDS = 400 * 86_400  # the longest that browsers keep a cookie
MANY = 99
"""Counts stop here: a number in a sidebar says whether to look, not how many there are."""


@dataclass(frozen=True)
class Entry:
    """A place to go. `urls`: names of addresses, of which the first that exists is taken."""

    key: str
    label: str
    icon: str
    urls: tuple[str, ...]
    permission: str = ""
    """What somebody must be permitted to see for an address of the admin; empty: every signed-in person."""
    act: Act | None = None
    """What the role must include for a page outside the admin."""
    demo: bool = False
    """Only where the demo company stands."""
    href: str = ""
    current: bool = False
    count: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Section:
    label: str
    entries: tuple[Entry, ...] = field(default=())


def _list(model: str) -> str:
    return f"admin:{model}_changelist"


NAVIGATION = (
    Section("", (Entry("today", "Today", "house", ("admin:index",), "routing.view_reviewitem"),)),
    Section(
        "Work",
        (
            Entry(
                "queue",
                "Queue",
                "inbox",
                ("pages:queue", _list("routing_reviewitem")),
                "routing.view_reviewitem",
                Act.SEE_LEADS,
            ),
            Entry("my", "My leads", "user-check", ("pages:my",), act=Act.WORK_LEADS),
            Entry("leads", "Leads", "users", ("pages:leads", _list("leads_lead")), "leads.view_lead", Act.SEE_LEADS),
            Entry("try", "Try it", "play", ("pages:try",), demo=True),
        ),
    ),
    Section(
        "Routing",
        (
            Entry("rules", "Rules", "route", (_list("routing_rulesetversion"),), "routing.view_rulesetversion"),
            Entry(
                "simulator",
                "Simulator",
                "sliders-horizontal",
                ("pages:rules-simulate",),
                "routing.view_rulesetversion",
                Act.SEE_LEADS,
            ),
            Entry("lists", "Lists", "list", (_list("routing_namedlist"),), "routing.view_namedlist"),
            Entry("pools", "Pools", "scale", ("pages:pools", _list("owners_pool")), "owners.view_pool", Act.SEE_LEADS),
            Entry("territories", "Territories", "map", (_list("owners_territory"),), "owners.view_territory"),
            Entry("people", "People", "users-round", (_list("owners_owner"),), "owners.view_owner"),
            Entry("calendars", "Calendars", "calendar", (_list("owners_calendar"),), "owners.view_calendar"),
            Entry("sources", "Sources", "plug", (_list("leads_source"),), "leads.view_source"),
            Entry("slas", "SLAs", "timer", (_list("routing_slapolicy"),), "routing.view_slapolicy"),
            Entry("moves", "Moves", "refresh-cw", ("pages:moves",), act=Act.REASSIGN_ANY),
        ),
    ),
    Section(
        "Reports",
        (
            Entry("reports", "Reports", "chart-column", ("pages:reports",), act=Act.SEE_REPORTS),
            Entry("sla", "SLA report", "target", ("pages:sla",), act=Act.SEE_REPORTS),
            Entry("decisions", "Decisions", "git-branch", (_list("routing_decision"),), "routing.view_decision"),
            Entry("clocks", "Clocks", "alarm-clock", (_list("routing_slaclock"),), "routing.view_slaclock"),
            Entry("alerts", "Alerts", "bell", (_list("routing_delivery"),), "routing.view_delivery"),
            Entry("events", "Raw events", "database", (_list("leads_rawevent"),), "leads.view_rawevent"),
        ),
    ),
    Section(
        "Set-up",
        (
            Entry("users", "Users", "shield", (_list("owners_user"),), "owners.view_user"),
            Entry("tokens", "API tokens", "key", (_list("routing_apitoken"),), "routing.view_apitoken"),
            Entry("company", "Company", "building", (_list("owners_installation"),), "owners.view_installation"),
            Entry("everything", "All screens", "layers", ("admin:everything",), "routing.view_reviewitem"),
        ),
    ),
)
HELP = {
    "today": "today", "queue": "queue", "my": "my-leads", "leads": "lead", "rules": "rules", "simulator": "simulator",
    "lists": "lists",
    "pools": "pools",
    "territories": "territories", "people": "people", "calendars": "calendars", "sources": "sources", "slas": "slas",
    "moves": "moves",
    "reports": "reports", "sla": "sla-report",
    "decisions": "lead", "clocks": "slas", "alerts": "escalation", "events": "sources", "users": "roles",
    "tokens": "api", "company": "people",
}  # fmt: skip
"""The topic of help for each entry; a page with another one says so in its context as `help_topic`."""
FOOT = ("today", "my", "queue", "leads", "rules", "reports", "decisions")
"""On a phone the first four of these that a person may see stand at the foot of the screen."""


@dataclass(frozen=True)
class Banner:
    """What everybody has to know on every screen. `tone`: warn or bad."""

    tone: str
    sentence: str
    href: str = ""
    link: str = ""


class Frame:
    """What surrounds the pages of one request. Each part is worked out when a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.user = getattr(request, "user", None)

    @property
    def theme(self) -> str:
        """light or dark when the reader chose one, else empty: the system decides."""
        chosen = self.request.COOKIES.get("theme", "")
        return chosen if chosen in THEMES else ""

    @cached_property
    def sections(self) -> list[Section]:
        """Where this person may go; nothing for strangers."""
        if not (self.user and self.user.is_authenticated):
            return []
        seen = [replace(section, entries=tuple(self._entries(section.entries))) for section in NAVIGATION]
        current = _current(self.request.path, [entry for section in seen for entry in section.entries])
        counts = counts_of(self.user)
        return [
            replace(
                section,
                entries=tuple(
                    replace(entry, current=entry.key == current, **counts.get(entry.key, {}))
                    for entry in section.entries
                ),
            )
            for section in seen
            if section.entries
        ]

    @property
    def banners(self) -> list[Banner]:
        """That background work is late, as this process saw it a few seconds ago: no query."""
        if not self.sections or not (sentence := health.banner()):
            return []
        return [Banner("bad", sentence, reverse("pages:help-topic", args=["health"]), "What to do")]

    def _entries(self, entries: Iterable[Entry]) -> Iterable[Entry]:
        for entry in entries:
            if entry.demo and not self._has_demo:
                continue
            for name in entry.urls:
                href = _address(name)
                if href and _may_go(self.user, href, entry):
                    yield replace(entry, href=href)
                    break

    @cached_property
    def _has_demo(self) -> bool:
        return settings.DEMO and demo.stands()

    @property
    def foot(self) -> list[Entry]:
        """The four entries that stand at the foot of a phone's screen."""
        entries = {entry.key: entry for section in self.sections for entry in section.entries}
        return [entries[key] for key in FOOT if key in entries][:4]

    @property
    def search(self) -> str:
        """The address of the list of leads, which takes ?q=; empty for those who may not see one."""
        return next((e.href for section in self.sections for e in section.entries if e.key == "leads"), "")

    @property
    def help(self) -> str:
        """The page of help for where the reader is; the contents where there is none."""
        if not (self.user and self.user.is_authenticated):
            return ""
        current = (entry.key for section in self.sections for entry in section.entries if entry.current)
        topic = HELP.get(next(current, ""))
        return reverse("pages:help-topic", args=[topic]) if topic else _address("pages:help")

    @property
    def name(self) -> str:
        return self.user.get_full_name() or self.user.get_username()

    @property
    def role(self) -> str:
        return role_of(self.user) or ""

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper() or "?"


def _address(name: str) -> str:
    """The address of that name, or empty while there is none."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _may_go(user: User, href: str, entry: Entry) -> bool:
    """Pages of ours beneath the admin's address ask for both: the permission and the act."""
    in_admin = href.startswith(_address("admin:index"))
    if in_admin and not (user.is_staff and (not entry.permission or user.has_perm(entry.permission))):
        return False
    return entry.act is None or may(user, entry.act)


def _current(path: str, entries: list[Entry]) -> str:
    """The key of the entry with the longest address that begins `path`; the start page only when it is it."""
    index = _address("admin:index")
    under = [
        (len(address), entry.key)
        for entry in entries
        for address in {entry.href, *map(_address, entry.urls)}
        if address and (path == address or (address != index and path.startswith(address)))
    ]
    return max(under)[1] if under else ""


def counts_of(user: User) -> dict[str, dict[str, str]]:
    """What the entries say of how much waits, by key: three statements at most, each stopping at a hundred rows."""
    waiting = _capped(visible_review_items(user).filter(state=ReviewItem.State.OPEN).order_by().values("pk"))
    draft = may(user, Act.EDIT_RULES) and RuleSetVersion.objects.filter(state=RuleSetVersion.State.DRAFT).exists()
    return {
        "queue": {"count": waiting},
        "rules": {"count": "draft" if draft else ""},
    }


def _capped(rows) -> str:
    found = rows[: MANY + 1].count()
    return "" if not found else str(found) if found <= MANY else f"{MANY}+"


def frame(request: HttpRequest) -> dict[str, Frame]:
    """The context processor: one frame a request."""

    def once() -> Frame:
        if not hasattr(request, "_frame"):
            request._frame = Frame(request)
        return request._frame

    return {"frame": SimpleLazyObject(once)}


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark in this browser, or leave it to the system, and go back to where the reader was."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = "/"
    response = HttpResponseRedirect(back)
    if (theme := request.POST.get("theme")) in THEMES:
        response.set_cookie("theme", theme, THEME_SECONDS, secure=request.is_secure(), httponly=True, samesite="Lax")
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response
