"""A rule in, its decision table page by page out; a pasted or uploaded spreadsheet in, the table it becomes, or every
fault by its line, out."""

import io
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from routing.engine.fields import FIELDS
from routing.engine.tables import OUTPUTS
from routing.models import Rule, RuleSetVersion
from routing.pages.lists import csv_file
from routing.pages.rule_versions import LARGEST_ID, may_edit, of_version
from routing.refused import Refused
from routing.rule_edit import Faulty, save_table
from routing.spreadsheet import MERGED, MOST_BYTES, BadFile, read_lines
from routing.tables import LONGEST_CELL, Read, lines_of, names_of, read_table, rows_of

PAGE = 100
LONGEST_PASTE = 500_000
AS_TEXT = 500
"""Rows that are edited as text in the page; longer tables are edited in a spreadsheet."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class TableForm(forms.Form):
    """A table as text, or as a file."""

    text = forms.CharField(
        required=False, max_length=LONGEST_PASTE, strip=False, label="The table as text",
        widget=forms.Textarea({"rows": 14, "spellcheck": "false", "wrap": "off"}),
        help_text="Paste it from a spreadsheet: the first line names the columns, and tabs stand between cells. Commas"
        " or semicolons do as well.",
        error_messages={"max_length": f"The text has more than {LONGEST_PASTE:,} characters. Upload it as a file."},
    )  # fmt: skip
    file = forms.FileField(
        required=False, label="or a file", widget=forms.FileInput({"accept": ".csv,.xlsx,.tsv,.txt"})
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file and file.size > MOST_BYTES:
            raise forms.ValidationError(f"The file has {file.size:,} bytes; {MOST_BYTES:,} is the most. Split it.")
        return file


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@of_version
def table(request: HttpRequest, version: RuleSetVersion, rule: int) -> HttpResponse:
    """GET: the rows. POST: `do` = save what was pasted or uploaded, or drop the table."""
    row = _find(version, rule)
    editing = version.state == RuleSetVersion.State.DRAFT and may_edit(request.user)
    if request.method != "POST":
        return render(request, "pages/rule_table.html", _context(request, version, row, None, editing=editing))
    if not editing:
        raise PermissionDenied
    form = TableForm(request.POST, request.FILES)
    context = _context(request, version, row, form, editing=True)
    notes: list[str] = []
    wanted, faults = (None, []) if request.POST.get("do") == "drop" else _read(form, notes)
    if faults or (wanted is None and request.POST.get("do") != "drop"):
        return render(request, "pages/rule_table.html", {**context, "faults": faults}, status=422)
    try:
        _, said = save_table(version.pk, row.pk, wanted, _seen(request), request.user, timezone.now())
    except Faulty as faulty:
        faults = [(None, fault.sentence) for fault in faulty.faults]
        return render(request, "pages/rule_table.html", {**context, "faults": faults}, status=422)
    except Refused as refused:
        row.refresh_from_db()
        return render(
            request, "pages/rule_table.html", {**context, "said": refused.sentence, "seen": row.edition}, status=409
        )
    messages.success(request, said)
    for note in notes:
        messages.warning(request, note)
    return redirect("pages:rule-table", version.pk, row.pk)


def _find(version: RuleSetVersion, rule: int) -> Rule:
    row = Rule.objects.filter(version=version, pk=rule).first() if rule < LARGEST_ID else None
    if row is None:
        raise Http404
    return row


def _seen(request: HttpRequest) -> int | None:
    text = request.POST.get("seen", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _read(form: TableForm, notes: list[str]) -> Read:
    """The table of a form. `notes`: grows by what people should know of the file."""
    if not form.is_valid():
        return Read(None, [(None, str(error)) for errors in form.errors.values() for error in errors])
    file, text = form.cleaned_data["file"], form.cleaned_data["text"]
    try:
        if file:
            lines = list(read_lines(file.read(), notes, LONGEST_CELL))
            if MERGED in notes:  # an empty cell of a table holds for everything, which nobody means who merges cells
                return Read(None, [(None, f"{MERGED} Unmerge them and fill each.")])
            return read_table(lines)
        if "\t" in text:
            return read_table(enumerate((line.split("\t") for line in text.splitlines()), start=1))
        return read_table(list(read_lines(text.encode(), notes, LONGEST_CELL)))
    except BadFile as error:
        return Read(None, [(None, str(error))])


def _context(
    request: HttpRequest, version: RuleSetVersion, row: Rule, form: TableForm | None, *, editing: bool
) -> dict[str, Any]:
    lines = lines_of(row.table) if row.table else []
    page = Paginator(row.table["rows"] if row.table else [], PAGE).get_page(request.GET.get("page"))
    shown = rows_of(row.table, list(page.object_list), names_of(row.table)) if row.table else []
    short = len(lines) - 1 <= AS_TEXT
    text = "\n".join("\t".join(line) for line in lines) if lines and short else ""
    return {
        "version": version, "rule": row, "editing": editing, "head": lines[0] if lines else [], "page": page,
        "shown": list(enumerate(shown, start=page.start_index())),
        "inputs": len(row.table["inputs"]) if row.table else 0, "rows": max(len(lines) - 1, 0), "short": short,
        "form": form or TableForm(initial={"text": text}), "seen": request.POST.get("seen") or row.edition,
        "fields": [label for _, label in FIELDS.items()], "outputs": list(OUTPUTS.values()), "help_topic": "conditions",
    }  # fmt: skip


@never_cache
@require_safe
@of_version
def export(request: HttpRequest, version: RuleSetVersion, rule: int) -> HttpResponse:
    """The table as CSV, or with `?as=xlsx` as a workbook; both are read back as the same table."""
    row = _find(version, rule)
    if not row.table:
        raise Http404
    lines = lines_of(row.table)
    if request.GET.get("as") != "xlsx":
        return csv_file(f"table-of-rule-{row.pk}", lines)
    answer = HttpResponse(_workbook(lines), content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="table-of-rule-{row.pk}.xlsx"'
    return answer


def _workbook(lines: list[list[str]]) -> bytes:
    from openpyxl import Workbook  # a quarter of a second that only an export pays
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Table")
    for line in lines:
        cells = [WriteOnlyCell(sheet, value) for value in line]
        for cell in cells:
            cell.data_type = "s"  # nothing is calculated, no zero is lost
        sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
