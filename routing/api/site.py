"""The API as one object with its OpenAPI document; errors of every address become problem documents."""

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

from routing.api import read
from routing.api.problems import Problem

api = NinjaAPI(
    title="RevRoute",
    version="1",
    description="Post leads, read decisions. Errors are RFC 9457 problem documents with a stable code.",
    urls_namespace="api",
)
read.add_to(api)


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


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return Problem(404, "not_found").response()
