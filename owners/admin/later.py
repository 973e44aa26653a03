"""Screens of this app in, what later apps have to say on them out: those register here, for this app knows none."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

Say = Callable[[HttpRequest, Any], None]
Object = Callable[[Any, dict[str, Any]], tuple[str, Any] | None]

_after: dict[type[Model], list[Say]] = {}
_against: dict[type[Model], list[Object]] = {}


def after_change(*models: type[Model]) -> Callable[[Say], Say]:
    """Have a function called with (request, row) once such a row was changed on its form: to say what may follow."""

    def register(say: Say) -> Say:
        for model in models:
            _after.setdefault(model, []).append(say)
        return say

    return register


def before_change(model: type[Model]) -> Callable[[Object], Object]:
    """Have a function called with (row as it was, cleaned values): it gives (field, sentence) to refuse, or None."""

    def register(call: Object) -> Object:
        _against.setdefault(model, []).append(call)
        return call

    return register


def say_after(request: HttpRequest, row: Model) -> None:
    for say in _after.get(type(row), ()):
        say(request, row)


def objections(row: Model, values: dict[str, Any]) -> list[tuple[str, Any]]:
    """What speaks against these values for the saved `row`: (field, sentence)."""
    return [said for call in _against.get(type(row), ()) if (said := call(row, values))]
