"""The design's colours, read from tokens.css: every pair of text and ground can be read, light and dark."""

import re

import pytest
from django.conf import settings

CSS = (settings.BASE_DIR / "static/css/tokens.css").read_text()
TOKENS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", CSS)
}
GROUNDS = ("page", "surface", "raised", "sunken")
PAIRS = [
    *((text, ground) for text in ("text", "muted", "accent", "accent-strong") for ground in GROUNDS),
    *((state, f"{state}-tint") for state in ("good", "warn", "bad", "info", "accent")),
    *((state, ground) for state in ("good", "warn", "bad", "info") for ground in ("page", "surface")),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
]


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read_on_its_ground(theme):
    colours = {name: values[theme] for name, values in TOKENS.items()}
    assert [pair for pair in PAIRS if contrast(*(colours[name] for name in pair)) < 4.5] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_borders_of_inputs_can_be_seen(theme):
    colours = {name: values[theme] for name, values in TOKENS.items()}
    assert [g for g in GROUNDS if contrast(colours["control-border"], colours[g]) < 3.0] == []
