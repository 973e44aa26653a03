"""Territories beside their admin, under its addresses: a spreadsheet brought in and out, and who has a place."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from owners.models import AreaImport
from owners.roles import Act, may
from owners.scopes import visible_areas, visible_territories
from routing.areas import export
from routing.areas.check import KINDS, by_kind
from routing.areas.kept import apply, found_of, keep, kept_of
from routing.areas.sheet import COLUMNS
from routing.areas.who import NoPlace, able_now, read_place, who_has
from routing.offer import offered
from routing.pages.lists import chip, csv_file
from routing.refused import Refused
from routing.rerouting import Choice
from routing.spreadsheet import MOST_BYTES, BadFile

PAGE = 50
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WORDS = {
    "error": ("wrong", "bad"), "removed": ("removed", "warn"), "moved": ("moved", "warn"), "added": ("added", "good"),
    "same": ("there already", ""),
}  # fmt: skip
"""Each kind of line as people read it, with the tone of its badge."""


class ImportForm(forms.Form):
    file = forms.FileField(label="File", widget=forms.FileInput(attrs={"accept": ".csv,.xlsx,.tsv,.txt"}))
    replace = forms.ChoiceField(
        label="Areas that the file leaves out",
        choices=AreaImport.Replace.choices,
        required=False,
        widget=forms.RadioSelect,
        initial="",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(f"The file has {file.size:,} bytes; {MOST_BYTES:,} is the most. Split it.")
        return file


def _edits(request: HttpRequest) -> None:
    if not may(request.user, Act.EDIT_TERRITORIES):
        raise PermissionDenied


def _sees(request: HttpRequest) -> None:
    if not (may(request.user, Act.SEE_ADMIN) and request.user.has_perm("owners.view_territoryarea")):
        raise PermissionDenied


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """The form; a file that can be read leads to its preview."""
    _edits(request)
    now = timezone.now()
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            keep(request.user, file.name, file.read(), form.cleaned_data["replace"], now)
        except BadFile as error:
            form.add_error("file", str(error))
        else:
            return redirect("pages:territory-preview")
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "kept": kept_of(request.user, now), "columns": COLUMNS, "most": MOST_BYTES // 1_000_000}
    return render(request, "pages/territory_import.html", context, status=status)


@never_cache
@login_required
@require_safe
def preview(request: HttpRequest) -> HttpResponse:
    """What the file that this person uploaded would do, line by line."""
    _edits(request)
    kept = kept_of(request.user, timezone.now())
    if kept is None:
        return redirect("pages:territory-import")
    found = found_of(kept)
    totals = found.totals()
    chosen = request.GET.get("show", "")
    page = Paginator(by_kind(found.lines, chosen), PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "pages/territory_preview.html",
        {
            "kept": kept,
            "totals": [(totals[kind], *WORDS[kind]) for kind in WORDS],
            "chips": [chip(request, "show", kind, _counted(kind, totals)) for kind in WORDS if totals[kind]],
            "page": page,
            "lines": [(line, *WORDS[line.kind]) for line in page],
            "fresh": found.fresh,
            "notes": found.notes,
            "wrong": totals["error"],
            "good": totals["added"] + totals["moved"] + totals["removed"],
            "show": chosen if chosen in KINDS else "",
        },
    )


def _counted(kind: str, totals: dict[str, int]) -> str:
    return f"{WORDS[kind][0]}: {totals[kind]:,}"


@login_required
@require_POST
def applied(request: HttpRequest) -> HttpResponse:
    """Apply what the preview shows."""
    _edits(request)
    now = timezone.now()
    kept = kept_of(request.user, now)
    if kept is None or kept.made_at.isoformat() != request.POST.get("of"):
        messages.error(
            request, "Nothing was applied: the preview is of another file. Look at this one and apply again."
        )
        return redirect("pages:territory-preview" if kept else "pages:territory-import")
    try:
        totals = apply(kept, now)
    except Refused as error:
        messages.error(request, error.sentence)
        return redirect("pages:territory-preview")
    done = ", ".join(f"{totals[kind]:,} {WORDS[kind][0]}" for kind in ("added", "moved", "removed") if totals[kind])
    messages.success(request, f"{kept.file_name} is applied: {done}. Leads that come from now on follow the new map.")
    if sentence := offered(request.user, Choice(), now):
        messages.info(request, sentence)
    return redirect("admin:owners_territory_changelist")


@login_required
@require_safe
def wrong_lines(request: HttpRequest) -> HttpResponse:
    """The wrong lines as they stood, with what is wrong: to be mended and uploaded again."""
    _edits(request)
    kept = kept_of(request.user, timezone.now())
    lines = by_kind(found_of(kept).lines, "error") if kept else []
    if not lines:
        raise Http404("No line is wrong.")
    columns = [name for name in COLUMNS if any(name in line.cells for line in lines)]
    rows = ([*(line.cells.get(name, "") for name in columns), line.line, line.note] for line in lines)
    return csv_file("wrong-lines", [[*columns, "line", "what is wrong"], *rows])


@login_required
@require_safe
def exported(request: HttpRequest) -> HttpResponse:
    """The areas that this person sees, as a file that an import takes back."""
    _sees(request)
    areas = visible_areas(request.user)
    if request.GET.get("format") != "xlsx":
        return csv_file("territories", export.lines(areas))
    answer = HttpResponse(export.xlsx(areas), content_type=XLSX)
    answer["Content-Disposition"] = 'attachment; filename="territories.xlsx"'
    return answer


class PlaceForm(forms.Form):
    postal = forms.CharField(label="Postal code", max_length=20, required=False)
    country = forms.CharField(max_length=80, required=False, help_text="DE or Germany; a British postcode needs none.")
    region = forms.CharField(max_length=80, required=False)
    city = forms.CharField(max_length=80, required=False)


@never_cache
@login_required
@require_safe
def who(request: HttpRequest) -> HttpResponse:
    """Who has a place, why, and whether they could take a lead now."""
    _sees(request)
    form = PlaceForm(request.GET if request.GET else None)
    context: dict[str, Any] = {"form": form, "now": timezone.now()}
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        try:
            place = read_place(given["country"], given["postal"], given["region"], given["city"])
        except NoPlace as error:
            form.add_error(error.field, str(error))
        else:
            context |= {"place": place, **_holders(request, place)}
    return render(request, "pages/territory_who.html", context)


def _holders(request: HttpRequest, place: Any) -> dict[str, Any]:
    """Who has the place; of a territory outside this person's scope no more than that somebody has it."""
    holders = who_has(place)
    seen = visible_territories(request.user).filter(pk__in=[each.territory.id for each in holders])
    mine = set(seen.values_list("pk", flat=True))
    shown = [(holder, holder.territory.id in mine) for holder in holders]
    first = shown[0] if shown else None
    able = able_now(first[0].territory, timezone.now()) if first and first[1] else None
    return {"holders": shown, "first": first, "others": shown[1:], "able": able, "asked": True}
