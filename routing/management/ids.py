"""A word of the command line in, the id that it is out; what is none is one sentence and status 1. Asks nothing."""

from django.core.management.base import CommandError

LARGEST = 2**63 - 1
"""Of a row's id, in both databases."""


def id_of(word: str, what: str) -> int:
    """The id of one `what` ("a lead"). Raises CommandError."""
    if not (word.isascii() and word.isdigit() and len(word) <= 19 and int(word) <= LARGEST):
        raise CommandError(f"“{word[:40]}” is not the number of {what}. Give its number, such as 1042.")
    return int(word)
