"""An icon's name comes in, its drawing from the sprite goes out; what it means is said beside it or in `label`."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """The icon `name` of static/img/icons.svg; hidden from readers of the screen unless it carries a `label`."""
    says = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html('<svg class="icon" {}><use href="{}#{}"></use></svg>', says, static("img/icons.svg"), name)
