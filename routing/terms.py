"""Digests of terms in, the ladders they stand for out. Terms never change, so each is read once in a process."""

from collections.abc import Iterable, Mapping

from routing.engine.ladder import Ladder, read_ladder
from routing.models import SlaTerms

_known: dict[str, Ladder] = {}


def ladders(digests: Iterable[str | None]) -> Mapping[str, Ladder]:
    """The ladders by digest; one statement where one of them is new to this process."""
    new = {digest for digest in digests if digest} - _known.keys()
    if new:
        rows = SlaTerms.objects.filter(digest__in=new).values_list("digest", "content")
        _known.update({digest: read_ladder(content) for digest, content in rows})
    return _known
