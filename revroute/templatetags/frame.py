"""Names of icons, rows and filters of a list come in; their markup in our frame goes out."""

from typing import Any

from django import template
from django.contrib.admin.views.main import ChangeList
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

register = template.Library()


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """The icon `name` of static/img/icons.svg; hidden from readers of the screen unless it carries a `label`."""
    says = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html('<svg class="icon" {}><use href="{}#{}"></use></svg>', says, static("img/icons.svg"), name)


@register.simple_tag(takes_context=True)
def page_of(context: Any, name: str, number: int) -> str:
    """The address's query with page `number` of the list `name`, one of several on the screen."""
    asked = context["request"].GET.copy()
    asked[f"page-{name}"] = str(number)
    return f"?{asked.urlencode()}"


@register.filter
def labelled(cells: list[str], headers: list[dict[str, Any]]) -> list[str]:
    """A row's cells as the admin made them, each telling its column's name, which a phone shows beside it."""
    return [
        mark_safe(cell.replace("<td", format_html('<td data-label="{}"', capfirst(header["text"])), 1))
        if header["text"] and "action-checkbox" not in cell
        else cell
        for cell, header in zip(cells, headers, strict=False)
    ]


@register.simple_tag
def filters_of(changelist: ChangeList) -> list[dict[str, Any]]:
    """The list's filters with their choices, what is chosen now (None: everything) and the address without it.

    `chips`: shown as a row of words above the list; all others wait in the drawer.
    """
    found = []
    for spec in changelist.filter_specs:
        choices = list(spec.choices(changelist))
        active = next((choice["display"] for choice in choices[1:] if choice["selected"]), None)
        without = choices[0]["query_string"] if choices else "?"
        chips = getattr(spec, "chips", False)
        found.append({"title": spec.title, "choices": choices, "active": active, "without": without, "chips": chips})
    return found
