"""A request that no page may read in, with why; the page that says what to do instead out. Nothing was changed by it.

Django refuses a form of too many fields or bytes before any page sees it, so each page's remedy stands here.
"""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

RULE = (
    "Keep many values of one field in a named list and ask whether the field is in it, or make the rule a decision"
    " table."
)
REMEDIES = {
    "pages:rule": RULE,
    "pages:rule-new": RULE,
    "pages:rule-table": "Save the table as CSV or XLSX and upload that file instead of pasting its text.",
    "pages:list-values": "Save the values as CSV or XLSX and upload that file instead of pasting them.",
}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: what the form sent too much of, and what to do on this page; the general words for anything else."""
    match = request.resolver_match
    remedy = REMEDIES.get(match.view_name if match else "")
    context = {
        "said": _said(exception), "remedy": remedy or "Send less at once.",
        "page": request.get_full_path() if remedy else "",
    }  # fmt: skip
    return render(request, "400.html", context, status=400)


def _said(exception: Exception | None) -> str:
    if isinstance(exception, TooManyFieldsSent):
        return (
            f"The form has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} fields, which is the most that is read."
        )
    if isinstance(exception, TooManyFilesSent):
        return (
            f"The form has more than {settings.DATA_UPLOAD_MAX_NUMBER_FILES:,} files, which is the most that is read."
        )
    if isinstance(exception, RequestDataTooBig):
        return f"The form has more than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes, which is the most that is read."
    return ""
