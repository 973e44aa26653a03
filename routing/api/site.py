"""The API as one object with its OpenAPI document; errors of every address become problem documents."""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from routing.api import acts, clocks, decide, pools, read, reports, review, sla
from routing.api.intake import intake
from routing.api.problems import Problem
from routing.api.reference import Reference

api = NinjaAPI(
    title="RevRoute",
    version="1",
    description="Post leads, read decisions, act on leads. Errors are RFC 9457 problem documents with a stable code.",
    urls_namespace="api",
    docs=Reference(),
)
read.add_to(api)
decide.add_to(api)
review.add_to(api)
clocks.add_to(api)
acts.add_to(api)
reports.add_to(api)
sla.add_to(api)
pools.add_to(api)

_ANY_FIELDS = {"type": "object", "additionalProperties": True, "description": "Contract fields in any usual spelling."}
_INTAKE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _ANY_FIELDS},
            "application/x-www-form-urlencoded": {"schema": _ANY_FIELDS},
        },
    },
    "parameters": [
        {"in": "header", "name": "Idempotency-Key", "schema": {"type": "string", "maxLength": 200}},
        {"in": "header", "name": "Prefer", "schema": {"type": "string"}, "example": "wait=2"},
        {"in": "query", "name": "token", "schema": {"type": "string"}, "description": "For senders without headers."},
    ],
    "responses": {
        200: {"description": "The same submission came before: the first result, with `duplicate`: true."},
        201: {"description": "Stored and decided within the wait; with the decision document."},
        202: {"description": "Stored; it is decided in a moment. See `status_url`."},
        400: {"description": "The body cannot be read. What could be kept is in review."},
        401: {"description": "The source's token is missing or wrong."},
        404: {"description": "There is no such source."},
        413: {"description": "The body is too large."},
        422: {"description": "The Idempotency-Key was used for another body."},
        429: {"description": "Too many posts for this source; see Retry-After."},
        503: {"description": "The lead could not be stored; send it again. See Retry-After."},
    },
    "security": [{"SourceToken": []}],
}


@api.post("/intake/{source_key}", tags=["intake"], summary="Post a lead", openapi_extra=_INTAKE)
def post_lead(request: HttpRequest, source_key: str) -> HttpResponse:
    """A lead as JSON or as a form, with the source's own token as bearer."""
    return intake(request, source_key)


@api.exception_handler(Problem)
def problem(request: HttpRequest, error: Problem) -> HttpResponse:
    return error.response()


@api.exception_handler(AuthenticationError)
def unauthorised(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return Problem(401, "unauthorised", headers={"WWW-Authenticate": "Bearer"}).response()


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = [{"field": ".".join(str(part) for part in row["loc"]), "message": row["msg"]} for row in error.errors]
    return Problem(400, "bad_request", "Some parameters cannot be used.", fields=fields).response()


@api.exception_handler(HttpError)
def unread(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Ninja's own refusal of a body that is no JSON, or is nested too deeply to be read."""
    return Problem(error.status_code, "malformed_json", "The body is no JSON that can be read.").response()


@api.exception_handler(RequestDataTooBig)
def too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return Problem(413, "body_too_large", f"At most {limit:,} bytes are taken.").response()


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return Problem(404, "not_found").response()


@api.exception_handler(DatabaseError)
def unavailable(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    connection.close()  # the next request gets a fresh one
    return Problem(503, "database_unavailable", headers={"Retry-After": "5"}).response()
