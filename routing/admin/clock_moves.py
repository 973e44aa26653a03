"""A changed policy in; what its page says of the clocks under earlier terms, their preview, and the move, out."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from owners.admin.later import after_change
from routing import bulk, ladder_rules, retime
from routing.models import SlaLadder, SlaPolicy
from routing.moving import by_user
from routing.refused import Refused

LONGEST_PAGE = 2000


class Preview(Paginator):
    """Pages of a list of which only one was read."""

    def __init__(self, count: int) -> None:
        super().__init__(range(count), retime.PAGE)


def view(request: HttpRequest, model_admin, policy: SlaPolicy) -> HttpResponse:
    """GET shows the clocks that would move, and how; POST moves what was seen."""
    now = timezone.now()
    if request.method == "POST":
        try:
            move = retime.start(request.POST.get("seen", ""), request.POST.get("why", ""), by_user(request.user), now)
        except Refused as refused:
            messages.error(request, refused.sentence)
            return HttpResponseRedirect(request.path)
        bulk.begin(move.pk, timezone.now)
        messages.success(request, "The clocks are on their way.")
        return HttpResponseRedirect(reverse("pages:move", args=[move.pk]))
    number = request.GET.get("page", "")
    wanted = min(int(number), LONGEST_PAGE) if number.isascii() and number.isdigit() and number.strip("0") else 1
    found = retime.preview(policy.key, now, wanted)
    page = Preview(found.count).get_page(wanted)
    if page.number != wanted:
        found = retime.preview(policy.key, now, page.number)
    context = {
        **model_admin.admin_site.each_context(request), "title": f"Clocks under earlier terms of {policy}",
        "opts": model_admin.opts, "policy": policy, "found": found, "page": page, "now": now, "help_topic": "slas",
    }  # fmt: skip
    return TemplateResponse(request, "admin/routing/slapolicy/clocks.html", context)


@after_change(SlaPolicy)
def say_of_policy(request: HttpRequest, policy: SlaPolicy) -> None:
    """After a change: that running clocks keep their terms, and where to move them."""
    if count := retime.count(policy.key, timezone.now()):
        messages.info(request, sentence(policy, count))


@after_change(SlaLadder)
def say_of_ladder(request: HttpRequest, ladder: SlaLadder) -> None:
    for policy in ladder_rules.policies_of(ladder.pk):
        say_of_policy(request, policy)


def sentence(policy: SlaPolicy, count: int) -> str:
    """“3 running clocks of Fast were started under earlier terms and keep them. Look at them”."""
    address = reverse("admin:routing_slapolicy_clocks", args=[policy.pk])
    many = "clocks of {} were" if count != 1 else "clock of {} was"
    told = "{} running " + many + ' started under earlier terms and keep{} them. <a href="{}">Look at them</a>'
    return format_html(told, f"{count:,}", policy.name, "" if count != 1 else "s", address)
