"""A payload of any shape in; the candidates for each contract field, ids and the rest out, as sent.

Wrappers (`lead`, `data`, `fields`, …) are looked through, lists of {name, value} pairs and bracketed form
names (`contact[email]`) are read as what they mean. What a value is worth is for `leads.normalise` to say.
"""

# ruff: noqa: SIM905 (a list of words reads best as words)

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from leads.contract import (
    COMPANY_OBJECTS,
    EVENT_TYPE_RANKS,
    FIELDS,
    ID_WRAPPERS,
    SPELLINGS,
    SUBMISSION_RANKS,
    TEST_SPELLINGS,
    WRAPPERS,
    squash,
)

# Bounds that no form reaches and that keep a hostile body cheap.
MAX_LEAVES = 1000
MAX_DEPTH = 16
MAX_KEY = 200

_PAIR_NAMES = ("name", "key", "field", "column_id", "label", "question", "title", "ref")
_PAIR_VALUES = ("value", "values", "string_value", "answer", "text")
_LEAF_EXTRAS = frozenset(
    "value id name type title label key required raw_value timestamp source versions sourceId source_id".split()
)


class Leaf(NamedTuple):
    """A value at the end of a path; `wrapped` tells that it stood inside a wrapper of the lead."""

    path: tuple[str, ...]
    value: Any
    wrapped: bool


class Candidate(NamedTuple):
    """A value that may be a field's; the lowest `rank` is asked first."""

    rank: tuple[int, int]
    path: tuple[str, ...]
    value: Any


@dataclass(slots=True)
class Found:
    """What a payload holds, by meaning. `rest` are leaves that mean nothing to the contract."""

    candidates: dict[str, list[Candidate]] = field(default_factory=dict)
    submission: list[Candidate] = field(default_factory=list)
    event_type: list[Candidate] = field(default_factory=list)
    test: list[Any] = field(default_factory=list)
    rest: list[Leaf] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)


def flatten(payload: Mapping[str, Any], mapping: Mapping[str, str] | None = None) -> Found:
    """Find the contract in a payload.

    `mapping` is the source's own: payload key or dotted path (list places as numbers) to contract field,
    `submission_id`, `event_type` or `is_test`; any other target names a custom field. It goes before every
    spelling we know. Never raises.
    """
    found = Found(leaves=list(_leaves(payload)))
    mapped = {squash(str(key)): str(target) for key, target in mapping.items()} if mapping else {}
    for leaf in found.leaves:
        if not (mapped and _sort_mapped(found, leaf, mapped)):
            _sort(found, leaf)
    for candidates in (*found.candidates.values(), found.submission, found.event_type):
        if len(candidates) > 1:
            candidates.sort(key=_by_rank)
    return found


def _by_rank(candidate: Candidate) -> tuple[tuple[int, int], tuple[str, ...]]:
    # The path decides between equals, so that the order of keys in a JSON object never matters.
    return candidate.rank, candidate.path


def _sort_mapped(found: Found, leaf: Leaf, mapped: Mapping[str, str]) -> bool:
    """Put a leaf where the source's mapping says; tell whether it says anything."""
    target = mapped.get(squash("".join(leaf.path))) or mapped.get(_meaning(leaf.path)[0])
    if not target:
        return False
    candidate = Candidate((-1, 0), leaf.path, leaf.value)
    if target in FIELDS or target == "full_name":
        found.candidates.setdefault(target, []).append(candidate)
    elif target == "submission_id":
        found.submission.append(candidate)
    elif target == "event_type":
        found.event_type.append(candidate)
    elif target == "is_test":
        found.test.append(leaf.value)
    else:
        found.rest.append(Leaf((target.removeprefix("custom."),), leaf.value, leaf.wrapped))
    return True


def _sort(found: Found, leaf: Leaf) -> None:
    """Put a leaf where its own name says."""
    path, value, wrapped = leaf
    target, rank = _place(path, wrapped)
    if target == "":
        found.rest.append(leaf)
    elif target == "submission_id":
        found.submission.append(Candidate(rank, path, value))
    elif target == "event_type":
        found.event_type.append(Candidate(rank, path, value))
    elif target == "is_test":
        found.test.append(value)
    else:
        found.candidates.setdefault(target, []).append(Candidate(rank, path, value))


# A source sends the same paths again and again.
@lru_cache(maxsize=4096)
def _place(path: tuple[str, ...], wrapped: bool) -> tuple[str, tuple[int, int]]:
    """Give the contract field, `submission_id`, `event_type` or `is_test` of a path, or nothing, and its rank."""
    name, named_in = _meaning(path)
    if name in SPELLINGS:
        # Inside a wrapper stands the lead, outside it the envelope, which may have a `source` of its own.
        return SPELLINGS[name][0], (SPELLINGS[name][1], 0 if wrapped else 1)
    if name in SUBMISSION_RANKS and (name != "id" or named_in == "" or named_in in ID_WRAPPERS):
        return "submission_id", (SUBMISSION_RANKS[name], len(path))
    if name in EVENT_TYPE_RANKS:
        return "event_type", (EVENT_TYPE_RANKS[name], len(path))
    return ("is_test" if name in TEST_SPELLINGS else ""), (0, 0)


@lru_cache(maxsize=4096)
def _meaning(path: tuple[str, ...]) -> tuple[str, str]:
    """Give the name to look a path up by, and the squashed name of the object that holds it.

    Wrappers add nothing to a name; any other object does, so that `owner.email` is not the lead's e-mail
    while `company.name` is `companyname` and `utm.source` is `utmsource`.
    """
    parts = [squash(part) for part in path]
    kept = [part for part in parts[:-1] if part not in WRAPPERS and not part.isdigit()]
    kept = ["company" if part in COMPANY_OBJECTS else part for part in kept]
    return "".join((*kept, parts[-1])), parts[-2] if len(parts) > 1 else ""


def _leaves(payload: Mapping[str, Any]) -> Iterator[Leaf]:
    """Walk a payload in its order; yields at most MAX_LEAVES leaves and goes at most MAX_DEPTH deep."""
    # Each holder that is being walked: its path, whether it is inside a wrapper, and its children still to come.
    holders = [((), False, iter((_children(dict(payload)) or [])[:MAX_LEAVES]))]
    count = 0
    while holders:
        parent, inside, children = holders[-1]
        for name, value in children:
            path, wrapped = ((*parent, name), inside) if "[" not in name else _stepped(parent, name, inside)
            below = _children(value) if len(path) < MAX_DEPTH else None
            if below is not None:
                holders.append((path, wrapped or squash(path[-1]) in WRAPPERS, iter(below[:MAX_LEAVES])))
                break
            if not isinstance(value, dict):
                yield Leaf(path, value, wrapped)
                count += 1
                if count == MAX_LEAVES:
                    return
        else:
            holders.pop()


def _stepped(parent: tuple[str, ...], name: str, inside: bool) -> tuple[tuple[str, ...], bool]:
    """Give the path of a bracketed name, and whether it leads into a wrapper."""
    steps = _steps(name)
    return (*parent, *steps), inside or any(squash(step) in WRAPPERS for step in steps[:-1])


def _children(value: Any) -> list[tuple[str, Any]] | None:
    """Give what a value holds by name, or None when it is itself a value (a list of texts is)."""
    if isinstance(value, str):
        return None
    if isinstance(value, dict):
        return [
            (str(name)[:MAX_KEY], _unboxed(child) if isinstance(child, dict) else child)
            for name, child in value.items()
        ]
    if isinstance(value, list | tuple) and any(isinstance(item, dict | list | tuple) for item in value):
        return [_pair(item) or (str(place), item) for place, item in enumerate(value[:MAX_LEAVES])]
    return None


def _pair(item: Any) -> tuple[str, Any] | None:
    """Read `{"name": "email", "values": ["x"]}` and its kin as one name and value."""
    if not isinstance(item, dict):
        return None
    value_key = next((key for key in _PAIR_VALUES if key in item), None)
    names = [item[key] for key in _PAIR_NAMES if isinstance(item.get(key), str) and item[key].strip()]
    if value_key is None or not names:
        return None
    known = (name for name in names if squash(name) in SPELLINGS or squash(name) in SUBMISSION_RANKS)
    return next(known, names[0])[:MAX_KEY], item[value_key]


def _unboxed(value: dict[Any, Any]) -> Any:
    """Give the value in a box such as HubSpot's `{"value": "x", "source": "FORM"}`."""
    if "value" in value and _LEAF_EXTRAS.issuperset(value):
        return value["value"]
    return value


def _steps(name: str) -> tuple[str, ...]:
    """Split a bracketed form name, `contact[email]`, into its steps; every other name is one step."""
    if "[" not in name or not name.endswith("]") or len(name) >= MAX_KEY:
        return (name,)
    return tuple(step for step in name.replace("]", "").split("[") if step) or (name,)
