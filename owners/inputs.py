"""Texts that people type into one line of a form in, lists and minutes out, and back."""

import re

from django import forms
from django.core.exceptions import ValidationError

from owners.words import join_words, split_words

_CLOCK = re.compile(r"([01]?[0-9]|2[0-4])[:.]([0-5][0-9])")


class WordsFormField(forms.CharField):
    """One line with commas for a list of short texts; every word once."""

    def __init__(self, **kwargs):
        kwargs.setdefault("required", False)
        kwargs.setdefault("max_length", 4000)
        kwargs.setdefault("widget", forms.TextInput(attrs={"class": "vTextField"}))
        super().__init__(**kwargs)

    def prepare_value(self, value):
        return join_words(value) if isinstance(value, list) else value

    def clean(self, value):
        words = list(dict.fromkeys(split_words(super().clean(value))))
        for word in words:
            if len(word) > 80:
                raise ValidationError(
                    "“%(word)s…” is longer than 80 characters.", code="not_words", params={"word": word[:40]}
                )
        return words

    def has_changed(self, initial, data):
        return super().has_changed(join_words(initial or []), data)


class ClockField(forms.CharField):
    """A time of day such as 09:00, up to 24:00, as minutes after midnight; None for nothing."""

    def __init__(self, **kwargs):
        kwargs.setdefault("widget", forms.TextInput(attrs={"size": 5, "placeholder": "09:00"}))
        super().__init__(**kwargs)

    def prepare_value(self, value):
        return f"{value // 60:02d}:{value % 60:02d}" if isinstance(value, int) else value

    def clean(self, value):
        text = super().clean(value)
        if not text:  # where the field is not required
            return None
        match = _CLOCK.fullmatch(text)
        minutes = int(match[1]) * 60 + int(match[2]) if match else None
        if minutes is None or minutes > 24 * 60:
            raise ValidationError(
                "“%(text)s” is not a time of day. Write it as 09:00.",
                code="not_a_clock",
                params={"text": text},
            )
        return minutes

    def has_changed(self, initial, data):
        return super().has_changed(self.prepare_value(initial), data)
