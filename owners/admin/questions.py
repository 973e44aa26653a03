"""Questions that people ask of a list come in, filters that answer them out: shown as a row of words above it."""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone

Answer = Callable[[datetime], Q]
"""An instant in, the rows that answer the question at it out."""


class Question(admin.SimpleListFilter):
    """A filter whose choices are questions; `questions` maps the address's word to the label and the answer."""

    title = "show"
    parameter_name = "show"
    chips = True
    questions: ClassVar[dict[str, tuple[str, Answer]]] = {}

    def lookups(self, request, model_admin):
        return [(key, label) for key, (label, _) in self.questions.items()]

    def queryset(self, request, queryset):
        if self.value() not in self.questions:
            return queryset
        _, answer = self.questions[self.value()]
        return queryset.filter(answer(timezone.now()))
