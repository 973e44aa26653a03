"""The OpenAPI document in, a page that people read out: every call with its parameters, bodies and answers.

The stock viewer weighs over a megabyte and cannot be used with a screen reader; this page needs no script.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

METHODS = ("get", "post", "put", "patch", "delete")


class Reference(DocsBase):
    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        document = api.get_openapi_schema(path_params=kwargs)
        context = {
            "api": api,
            "document_url": reverse(f"{api.urls_namespace}:openapi-json", kwargs=kwargs),
            "calls": list(calls(document)),
            "schemas": list(schemas(document)),
            "security": document.get("components", {}).get("securitySchemes", {}),
        }
        return render(request, "pages/reference.html", context)


def calls(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each method of each address, in the document's order."""
    for address, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield _call(address, method, methods[method])


def _call(address: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    bodies = operation.get("requestBody", {}).get("content", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "address": address,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "parameters": [_parameter(parameter) for parameter in operation.get("parameters", [])],
        "bodies": [{"type": kind, **type_of(body.get("schema", {}))} for kind, body in bodies.items()],
        "answers": [_answer(code, answer) for code, answer in operation.get("responses", {}).items()],
        "security": [name for entry in operation.get("security", []) for name in entry],
    }


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = parameter.get("schema", {})
    return {
        "name": parameter["name"],
        "where": parameter["in"],
        "required": parameter.get("required", False),
        "note": parameter.get("description", ""),
        **type_of(schema),
    }


def _answer(code: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    schema = next((body.get("schema", {}) for body in answer.get("content", {}).values()), {})
    return {"code": code, "description": answer.get("description", ""), **type_of(schema)}


def schemas(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The named shapes of bodies and answers with their fields."""
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        required = schema.get("required", [])
        fields = [
            {"name": key, "required": key in required, "note": field.get("description", ""), **type_of(field)}
            for key, field in schema.get("properties", {}).items()
        ]
        if fields:
            yield {"name": name, "fields": fields}


def type_of(schema: Mapping[str, Any]) -> dict[str, str]:
    """A schema's kind in words with its limits, and the name of the shape that it refers to."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return {"kind": name, "shape": name}
    if parts := schema.get("anyOf") or schema.get("oneOf"):
        found = [type_of(part) for part in parts]
        shape = next((part["shape"] for part in found if part["shape"]), "")
        return {"kind": " or ".join(part["kind"] for part in found), "shape": shape}
    if schema.get("type") == "array":
        item = type_of(schema.get("items", {}))
        return {"kind": f"list of {item['kind'] or 'anything'}", "shape": item["shape"]}
    return {"kind": _plain(schema), "shape": ""}


def _plain(schema: Mapping[str, Any]) -> str:
    kind = schema.get("format") or schema.get("type", "")
    if "enum" in schema:
        kind = ", ".join(str(value) for value in schema["enum"])
    limits = [
        f"{word} {schema[key]}"
        for key, word in (("minimum", "from"), ("maximum", "to"), ("maxLength", "up to"), ("default", "default"))
        if key in schema and schema[key] != 2**63 - 1
    ]
    return " ".join(part for part in (str(kind), ", ".join(limits)) if part)
