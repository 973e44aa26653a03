"""Ids and filters as an address or a form may name them, in; what a database can be asked, or Django's own refusal
of it, out.

Django checks neither: a choice that is no number, or a month of twenty digits, ends as a server error.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import DataError

UNREAD = (ValueError, OverflowError, DataError)
"""What Python and the databases say of a value that no row can have: NUL, a year 0, more digits than a column has."""


def is_id(value: Any) -> bool:
    """Whether `value`, a text or a number, can be the id of a row."""
    text = str(value)
    return text.isascii() and text.isdigit() and len(text) < 19


class Choice(AutocompleteSelect):
    """A choice that is looked up while one types; what was sent and is no id is refused by the field, not looked up."""

    def optgroups(self, name: str, value: Sequence[Any], attr: Any = None) -> Any:
        return super().optgroups(name, [chosen for chosen in value if is_id(chosen)], attr)


class Rows(ChangeList):
    """The rows of a list; a filter that no database can be asked is refused as any other unreadable one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(*args, **kwargs)
        except UNREAD as error:
            raise IncorrectLookupParameters(error) from error
