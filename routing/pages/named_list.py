"""A named list in, its values searched and paged out; values typed, pasted or uploaded in, the changed list out."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from owners.roles import Act, may
from routing.engine.conditions import fold
from routing.list_imports import Change, asked_by, change_of, read_values
from routing.lists import add_entries, remove_entries, replace_entries
from routing.models import ListEntry, NamedList
from routing.offer import offered
from routing.pages.lists import csv_file, searched
from routing.refused import Refused
from routing.rerouting import Choice
from routing.spreadsheet import MOST_BYTES, BadFile, read_lines

PAGE = 300
LARGEST_ID = 2**63
LONGEST_PASTE = 2_000_000
MOST_SHOWN = 12


class ValuesForm(forms.Form):
    """Values as text or as a file, as more of them or in place of all."""

    text = forms.CharField(
        required=False, max_length=LONGEST_PASTE, label="Values, one a line",
        widget=forms.Textarea({"rows": 6, "spellcheck": "false"}),
        error_messages={"max_length": f"The text has more than {LONGEST_PASTE:,} characters. Upload it as a file."},
    )  # fmt: skip
    file = forms.FileField(
        required=False, label="or a file", widget=forms.FileInput({"accept": ".csv,.xlsx,.tsv,.txt"})
    )
    replace = forms.ChoiceField(
        required=False, choices=[("", "Add them"), ("all", "Put them in place of all")], widget=forms.RadioSelect,
        label="What to do with them", initial="",
    )  # fmt: skip

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file and file.size > MOST_BYTES:
            raise forms.ValidationError(f"The file has {file.size:,} bytes; {MOST_BYTES:,} is the most. Split it.")
        return file

    def clean(self) -> None:
        if self.cleaned_data.get("text") and self.cleaned_data.get("file"):
            self.add_error("file", "Give the values as text or as a file, not both.")


def _find(request: HttpRequest, named: int) -> NamedList:
    if not (request.user.is_staff and request.user.has_perm("routing.view_namedlist")):
        raise PermissionDenied
    row = NamedList.objects.select_related("edited_by").filter(pk=named).first() if named < LARGEST_ID else None
    if row is None:
        raise Http404
    return row


def _edits(request: HttpRequest) -> bool:
    return may(request.user, Act.EDIT_RULES) and request.user.has_perm("routing.change_namedlist")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def values(request: HttpRequest, named: int) -> HttpResponse:
    """GET: the values. POST: `do` = look (what would change), save it, or remove what was ticked."""
    row = _find(request, named)
    if request.method != "POST":
        return render(request, "pages/named_list.html", _context(request, row, ValuesForm()))
    if not _edits(request):
        raise PermissionDenied
    if request.POST.get("seen") != str(row.edition):
        return _second(request, row)
    try:
        return _remove(request, row) if request.POST.get("do") == "remove" else _take(request, row)
    except Refused as refused:
        if refused.code == "gone":
            raise Http404 from refused
        row.refresh_from_db()
        return _second(request, row)


def _second(request: HttpRequest, row: NamedList) -> HttpResponse:
    who = row.edited_by.get_full_name() or row.edited_by.username if row.edited_by else "Somebody"
    said = f"{who} changed this list since you opened it: it has {row.size:,} values now. Nothing of yours was done."
    context = _context(request, row, ValuesForm(request.POST)) | {"said": said}
    return render(request, "pages/named_list.html", context, status=409)


def _remove(request: HttpRequest, row: NamedList) -> HttpResponse:
    ids = [
        int(text)
        for text in request.POST.getlist("entry")[:PAGE]
        if text.isascii() and text.isdigit() and len(text) < 19
    ]
    if not ids:
        messages.error(request, "Nothing was taken out: tick the values that shall go.")
        return redirect(request.get_full_path())
    before = row.size
    row = remove_entries(row, ids, request.user, timezone.now(), row.edition)
    return _done(request, row, f"Took {_values(before - row.size)} out.")


def _values(count: int) -> str:
    return f"{count:,} value{'' if count == 1 else 's'}"


def _take(request: HttpRequest, row: NamedList) -> HttpResponse:
    form = ValuesForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "pages/named_list.html", _context(request, row, form), status=422)
    file, notes = form.cleaned_data["file"], []
    try:
        lines = list(read_lines(file.read(), notes)) if file else _lines(form.cleaned_data["text"])
    except BadFile as error:
        form.add_error("file", str(error))
        return render(request, "pages/named_list.html", _context(request, row, form), status=422)
    found = read_values(row.field, lines)
    if not found.values and not found.faults:
        form.add_error("text", "Give at least one value, one a line, or a file of them.")
    for sentence in _first(found.faults):
        form.add_error("file" if file else "text", sentence)
    if form.errors:
        return render(request, "pages/named_list.html", _context(request, row, form), status=422)
    replace = form.cleaned_data["replace"] == "all"
    if request.POST.get("do") != "save":
        return _look(request, row, found.values, replace, notes)
    change = change_of(row, found.values, replace=replace)
    act = replace_entries if replace else add_entries
    row = act(row, found.values, request.user, timezone.now(), row.edition)
    return _done(request, row, f"{_values(change.added)} came, {change.removed:,} went, {change.kept:,} stayed.")


def _first(faults: list[str]) -> list[str]:
    """As many as somebody mends at once."""
    left = len(faults) - MOST_SHOWN
    return faults if left <= 1 else [*faults[:MOST_SHOWN], f"And at least {left:,} more like these."]


def _lines(text: str) -> list[tuple[int, list[str]]]:
    return [(number, line.split("\t")) for number, line in enumerate(text.splitlines(), start=1)]


def _look(request: HttpRequest, row: NamedList, found: list[str], replace: bool, notes: list[str]) -> HttpResponse:
    """What would change, with the values as text to be sent again; more than one form may send come as a file again."""
    change: Change = change_of(row, found, replace=replace)
    text = "\n".join(found)
    again = len(text.encode()) > LONGEST_PASTE
    form = ValuesForm(initial={"text": "" if again else text, "replace": "all" if replace else ""})
    return render(
        request,
        "pages/named_list.html",
        _context(request, row, form) | {"change": change, "notes": notes, "again": again},
    )


def _done(request: HttpRequest, row: NamedList, said: str) -> HttpResponse:
    LogEntry.objects.log_actions(request.user.pk, [row], CHANGE, change_message=said, single_object=True)
    messages.success(request, f"{said} It holds from the next lead on.")
    if sentence := offered(request.user, Choice(), timezone.now()):
        messages.info(request, sentence)
    return redirect(request.get_full_path())  # to the page and the search where it was done


def _context(request: HttpRequest, row: NamedList, form: ValuesForm) -> dict[str, Any]:
    rows = ListEntry.objects.filter(list=row).order_by("folded")
    search = request.GET.get("q", "")
    for word in searched(search):
        rows = rows.filter(folded__contains=fold(word))
    page = Paginator(rows.values("id", "value"), PAGE).get_page(request.GET.get("page"))
    return {
        "list": row, "page": page, "form": form, "search": search[:100], "editing": _edits(request),
        "asked_by": asked_by(row), "help_topic": "lists", "now": timezone.now(),
    }  # fmt: skip


@never_cache
@login_required
@require_safe
def export(request: HttpRequest, named: int) -> HttpResponse:
    """All values as a CSV file that an import reads back."""
    row = _find(request, named)
    found = ListEntry.objects.filter(list=row).order_by("folded").values_list("value").iterator(chunk_size=5000)
    return csv_file(f"list-{row.key}", ((value,) for (value,) in found))
