"""One version as a file out; such a file in, what it would change, then the draft that it makes, out."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from routing.compare import changes
from routing.models import RuleSetVersion
from routing.names import read_names
from routing.pages.rule_versions import may_edit, of_version
from routing.spreadsheet import MOST_BYTES
from routing.version_files import Refused, bring_in
from routing.version_files import export as text_of

SHOWN = 30
LONGEST_TEXT = 2_000_000
"""Bytes that a form carries; a longer file is chosen again."""
MOST_PROBLEMS = 50


class FileForm(forms.Form):
    """A file of rules, or its text."""

    file = forms.FileField(required=False, label="File", widget=forms.FileInput({"accept": ".json"}))
    text = forms.CharField(
        required=False, strip=False, label="or its text",
        widget=forms.Textarea({"rows": 10, "spellcheck": "false", "wrap": "off"}),
    )  # fmt: skip

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file and file.size > MOST_BYTES:
            raise forms.ValidationError(f"The file has {file.size:,} bytes; {MOST_BYTES:,} is the most.")
        return file

    def clean_text(self) -> str:
        text = self.cleaned_data["text"]
        if (size := len(text.encode())) > LONGEST_TEXT:
            raise forms.ValidationError(
                f"The text has {size:,} bytes; {LONGEST_TEXT:,} is the most. Save it, and choose the file."
            )
        return text

    def clean(self) -> None:
        if not self.errors and not self.cleaned_data["file"] and not self.cleaned_data["text"].strip():
            self.add_error("file", "Choose a file, or paste its text below.")


@never_cache
@require_safe
@of_version
def export(request: HttpRequest, version: RuleSetVersion) -> HttpResponse:
    """The canonical text, to be saved."""
    answer = HttpResponse(text_of(version), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="rules-{version.pk}.json"'
    return answer


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def bring(request: HttpRequest) -> HttpResponse:
    """GET asks for a file; POST looks what it would change, and with `do` = make makes the draft."""
    if not may_edit(request.user):
        raise PermissionDenied
    form = FileForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form, "help_topic": "rules", "problems": []}
    if request.method != "POST":
        return render(request, "pages/rules_import.html", context)
    if not form.is_valid():
        return render(request, "pages/rules_import.html", context, status=422)
    file = form.cleaned_data["file"]
    data = file.read() if file else form.cleaned_data["text"].encode()
    make = request.POST.get("do") == "make"
    try:
        draft, content = bring_in(data, request.user, timezone.now(), dry_run=not make)
    except Refused as refused:
        told, more = refused.problems[:MOST_PROBLEMS], max(len(refused.problems) - MOST_PROBLEMS, 0)
        context |= {"problems": told, "more_problems": more}
        return render(request, "pages/rules_import.html", context, status=422)
    if make:
        messages.success(request, f"Draft {draft.pk} holds the rules of the file. Look at it before you publish it.")
        return redirect("pages:rules", draft.pk)
    live = RuleSetVersion.objects.filter(state=RuleSetVersion.State.PUBLISHED).first()
    found = changes(live.content, content, read_names()) if live else []
    kept = len(data) <= LONGEST_TEXT
    again = FileForm(initial={"text": data.decode("utf-8-sig") if kept else ""})
    looked = {
        "form": again, "looked": True, "kept": kept, "live": live, "rules": len(content["rules"]),
        "changes": found[:SHOWN], "more": max(len(found) - SHOWN, 0), "total": len(found),
    }  # fmt: skip
    return render(request, "pages/rules_import.html", {**context, **looked})
