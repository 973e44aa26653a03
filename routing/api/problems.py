"""An error with a stable code in, an RFC 9457 problem document out."""

from typing import Any

from django.http import HttpResponse, JsonResponse

TITLES = {
    "bad_request": "The request cannot be understood",
    "unauthorised": "The token is missing or wrong",
    "forbidden": "The token does not allow this",
    "not_found": "Nothing here by that name",
    "unknown_source": "There is no source of that key",
    "method_not_allowed": "This address does not answer that method",
    "idempotency_key_reused": "This Idempotency-Key was used for another body",
    "bad_idempotency_key": "The Idempotency-Key cannot be used",
    "body_too_large": "The body is too large",
    "too_many_requests": "Too many posts for this source",
    "storage_unavailable": "The lead could not be stored; send it again",
    "database_unavailable": "The database cannot be had; ask again",
    "body_incomplete": "The connection ended before the body did",
    "taken": "Somebody was faster",
    "changed": "It moved on meanwhile",
    "rules_unsound": "The draft cannot be tried yet",
    "erased": "What it said was erased",
    "gone": "Nothing here by that name",
    "closed": "The lead is closed",
    "not_yours": "The lead is somebody else's",
    "no_owner": "The token stands for nobody who takes leads",
    "at_capacity": "There is no room",
    "not_available": "The person cannot take it",
    "no_change": "There is nothing to change",
    "unknown_owner": "There is no such owner",
    "unknown_field": "There is no such field",
    "unknown_kind": "There is no such kind",
    "unknown_action": "There is no such action",
    "why_missing": "A reason is missing",
    "no_lead": "There is no lead to act on",
    "in_the_future": "The time lies in the future",
    "bad_time": "The time cannot be read",
    "in_the_past": "The time is past",
    "too_long": "The time is too far away",
    "paused": "The buyer is waited for already",
    "not_paused": "The buyer is not waited for",
    "nothing_runs": "No clock runs",
    "needs_person": "A person has to do this",
    "not_replayable": "There is nothing to carry on",
    "not_yet": "This version does not do that",
    "source_inactive": "This source is switched off",
}


class Problem(Exception):
    """An error to be told to the caller: HTTP status, stable code, a sentence, further members and headers."""

    def __init__(self, status: int, code: str, detail: str = "", headers: dict[str, str] | None = None, **members: Any):
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.members = members

    def response(self) -> HttpResponse:
        """RFC 9457 with the members type, title, status, detail, and our `code`."""
        body = {
            "type": f"urn:revroute:problem:{self.code}",
            "title": TITLES.get(self.code, "The body cannot be read"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail or TITLES.get(self.code, ""),
            **self.members,
        }
        return JsonResponse(body, status=self.status, headers=self.headers, content_type="application/problem+json")
