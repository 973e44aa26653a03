"""A parsed payload in; the routing contract with its problems named out (steps 2 and 3 of a lead's way).

It reads no clock, no database and no network, and never raises for any JSON value. Who the lead is and who
gets it is left alone: matching and deciding come later.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from leads import values
from leads.clean import clean_text
from leads.contract import FIELDS, PROBLEM_CODES, VOCABULARY_KINDS, Field
from leads.domains import Domain, DomainLists, read_domain, standard_lists
from leads.emails import Email, read_email
from leads.flatten import Candidate, Found, Leaf, flatten
from leads.languages import language_code
from leads.phones import Phone, read_phone
from leads.places import country_code, country_part, postal_code, region_code, time_zone
from leads.spam import spam_reason

Value = str | int | float | bool | list[str]

MAX_CUSTOM = 60
MAX_CUSTOM_KEY = 80
MAX_CUSTOM_VALUE = 1000
MAX_RAW = 1000
MAX_PROBLEMS = 50
MAX_SUBMISSION_ID = 200

VALIDITIES = ("usable", "missing_contact_data", "no_usable_contact", "spam")

# What Meta's lead ads testing tool writes into every field.
_META_TEST = "<test lead:"

# Country gives the context of region, postal code and phone, so it is read before them.
_ORDER = tuple(sorted(FIELDS.items(), key=lambda item: item[0] != "country"))


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read: a stable code, the contract field, and the value as sent (cut)."""

    code: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Normalised:
    """A lead in the routing contract. Blank is unknown, and unknown is absent from `fields`.

    `raw` holds the value as sent wherever it differs from the one in `fields`, also where none could be read.
    `unknown_values` are (field, value) pairs of a vocabulary that has no such word. `flags` holds only what
    is known. `validity` is one of `VALIDITIES`; `spam` its reason or empty. All of it is plain JSON.
    """

    fields: dict[str, Value]
    raw: dict[str, str]
    problems: tuple[Problem, ...]
    unknown_values: tuple[tuple[str, str], ...]
    flags: dict[str, bool]
    custom: dict[str, str]
    submission_id: str
    event_type: str
    spam: str
    is_test: bool
    validity: str

    def as_dict(self) -> dict[str, Any]:
        """Give the value as JSON types, keys as the attributes are named."""
        return {
            "fields": self.fields,
            "raw": self.raw,
            "problems": [asdict(problem) for problem in self.problems],
            "unknown_values": [list(pair) for pair in self.unknown_values],
            "flags": self.flags,
            "custom": self.custom,
            "submission_id": self.submission_id,
            "event_type": self.event_type,
            "spam": self.spam,
            "is_test": self.is_test,
            "validity": self.validity,
        }


@dataclass(slots=True)
class _Reading:
    """The contract while it is being read."""

    lists: DomainLists
    lead_types: frozenset[str]
    fields: dict[str, Value] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    losers: list[Leaf] = field(default_factory=list)
    email: Email | None = None
    phone: Phone | None = None
    domain: Domain | None = None

    def problem(self, code: str, name: str, text: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(code, name, clean_text(text, 200)))


def normalise(
    payload: Mapping[str, Any], defaults: Mapping[str, Any], mapping: Mapping[str, str] | None = None
) -> Normalised:
    """Read a payload into the routing contract; never raises.

    `defaults` come from the source: contract fields that fill what the payload leaves out, and besides
    `event_type`, `is_test`, `lead_types` (keys the company added), `blocked_patterns`, `honeypot_fields` and
    `domain_lists` (a `DomainLists`). `mapping` is the source's own field mapping, as
    `leads.flatten.flatten` takes it.
    """
    return normalise_found(flatten(payload, mapping), defaults)


def normalise_found(found: Found, defaults: Mapping[str, Any]) -> Normalised:
    """The same for a payload that was flattened already: intake has to, for its submission id."""
    reading = _Reading(
        lists=defaults.get("domain_lists") or standard_lists(),
        lead_types=frozenset(map(str, defaults.get("lead_types") or ())),
    )
    candidates = found.candidates
    for name, spec in _ORDER:
        if name in candidates or name in defaults:
            _read_field(reading, spec, candidates.get(name, ()), defaults)
    _derive_region(reading)
    _read_full_name(reading, found.candidates.get("full_name", ()))
    _derive_company_domain(reading)
    spam = spam_reason(
        found.leaves,
        disposable_only=bool(reading.email and reading.email.disposable and not reading.phone),
        blocked_patterns=defaults.get("blocked_patterns") or (),
        honeypot_fields=defaults.get("honeypot_fields") or (),
    )
    return Normalised(
        fields=reading.fields,
        raw=reading.raw,
        problems=tuple(reading.problems),
        unknown_values=tuple(dict.fromkeys(reading.unknown)),
        flags=_flags(reading),
        custom=_custom((*found.rest, *reading.losers)),
        submission_id=submission_id(found),
        event_type=_first_text(found.event_type, 100) or clean_text(str(defaults.get("event_type") or ""), 100),
        spam=spam,
        is_test=_is_test(found, defaults),
        validity=_validity(reading, spam),
    )


def warm_up() -> None:
    """Load the tables and patterns that the first lead would otherwise wait for (about a second)."""
    sample = {"email": "a@example.com", "phone": "+49 30 1234567", "country": "Germany", "region": "Bayern"}
    normalise(sample | {"language": "German", "timezone": "Europe/Berlin"}, {})


def _read_field(
    reading: _Reading,
    spec: Field,
    candidates: tuple[Candidate, ...] | list[Candidate],
    defaults: Mapping[str, Any],
) -> None:
    """Take the first candidate that can be read; else the source's default, where the payload said nothing.

    A value that we could not read is not replaced by a guess, except the lead type: every lead has one, and
    the source's is the best known.
    """
    for candidate in candidates:
        _take(reading, spec, candidate)
    name = spec.name
    if name in reading.fields or name not in defaults:
        return
    if name in reading.given and spec.kind != "lead_type":
        return
    for _text, value in _values(reading, spec, defaults[name]):
        if value is not None:
            reading.fields[name] = value  # nothing in raw: that is what the sender wrote, and a default is ours
            return


def _take(reading: _Reading, spec: Field, candidate: Candidate) -> None:
    """Read one candidate into the field or name its problem; of a taken field it goes to `custom`."""
    name = spec.name
    for text, value in _values(reading, spec, candidate.value):
        if name in reading.fields:
            if text != reading.raw.get(name) and text != reading.fields[name]:
                reading.losers.append(Leaf(candidate.path, text, False))
            return
        reading.given.add(name)
        if value is None:
            code = "consent_unclear" if name == "consent_to_contact" else PROBLEM_CODES[spec.kind]
            reading.problem(code, name, text)
            reading.raw.setdefault(name, text[:MAX_RAW])
            if spec.kind in VOCABULARY_KINDS:
                reading.unknown.append((name, clean_text(text, 100)))
        else:
            _store(reading, spec, text, value)


def _values(reading: _Reading, spec: Field, given: Any) -> Iterable[tuple[str, Value | None]]:
    """Give (text as sent, value or None) for each non-blank text of a given value, best first."""
    kind, limit = spec.kind, max(spec.limit, MAX_RAW)
    found = [text for text in values.texts(given, limit) if not values.is_blank(text, kind == "name")]
    if not found:
        return ()
    if kind in ("text", "name"):
        text = ", ".join(found)
        is_clean = len(found) == 1 and len(text) <= spec.limit  # cleaning twice changes nothing
        return ((text, text if is_clean else clean_text(text, spec.limit)),)
    if kind == "list":
        choices = values.read_list(found)
        return ((", ".join(found), choices),) if choices else ()
    if kind == "flag":
        # Of a check box with a hidden field before it, as Rails and ASP.NET write them, the last value
        # counts.
        return ((found[-1], values.read_flag(found[-1])),)
    return _each_read(reading, spec, found)


def _each_read(reading: _Reading, spec: Field, found: list[str]) -> Iterator[tuple[str, Value | None]]:
    read = _READERS[spec.kind]
    for text in found:
        # Once one could be read the others are only kept, so they must leave no trace as if read.
        yield text, None if spec.name in reading.fields else read(reading, text)


def _store(reading: _Reading, spec: Field, text: str, value: Value) -> None:
    reading.fields[spec.name] = value
    shown: Value
    if isinstance(value, str):
        shown = value
    else:
        shown = ", ".join(value) if isinstance(value, list) else values.number_text(value) or value
    if text != shown:
        reading.raw[spec.name] = text[:MAX_RAW]
    else:
        reading.raw.pop(spec.name, None)


def _read_email(reading: _Reading, text: str) -> str | None:
    reading.email = read_email(text, reading.lists)
    return reading.email.address if reading.email else None


def _read_phone(reading: _Reading, text: str) -> str | None:
    reading.phone = read_phone(text, _country(reading))
    return reading.phone.number if reading.phone else None


def _read_company_domain(reading: _Reading, text: str) -> str | None:
    """Read a website or domain; one that strangers share is known, but is nobody's company domain."""
    domain = read_domain(text, reading.lists)
    reading.domain = domain
    return (domain.company or None) if domain else None


def _read_region(reading: _Reading, text: str) -> str | None:
    country = _country(reading)
    code = region_code(text, country)
    if code and not country:
        reading.fields["country"] = code[:2]  # a full code, US-TX, says its country
    return code or None


def _read_postal_code(reading: _Reading, text: str) -> str | None:
    code, fits = postal_code(text, _country(reading))
    if not fits:
        reading.problem("postal_code_unlikely", "postal_code", text)
    return code or None


def _country(reading: _Reading) -> str:
    return str(reading.fields.get("country", ""))


# How one text of a field is read, by the field's kind; None when it cannot be read.
_READERS: Mapping[str, Callable[[_Reading, str], Value | None]] = {
    "email": _read_email,
    "phone": _read_phone,
    "domain": _read_company_domain,
    "country": lambda _reading, text: country_code(text) or None,
    "region": _read_region,
    "postal": _read_postal_code,
    "language": lambda _reading, text: language_code(text) or None,
    "timezone": lambda _reading, text: time_zone(text) or None,
    "score": lambda _reading, text: values.read_score(text),
    "size": lambda _reading, text: values.read_size(text),
    "urgency": lambda _reading, text: values.read_urgency(text),
    "lead_type": lambda reading, text: values.read_lead_type(text, reading.lead_types),
    "key": lambda _reading, text: values.read_key(text),
}


def _read_full_name(reading: _Reading, candidates: tuple[Candidate, ...] | list[Candidate]) -> None:
    """Split a whole name when the payload has no first and no last name."""
    name = _first_text(candidates, FIELDS["first_name"].limit, is_name=True)
    if not name or "first_name" in reading.fields or "last_name" in reading.fields:
        reading.losers.extend(Leaf(candidate.path, candidate.value, False) for candidate in candidates)
        return
    for part, text in zip(("first_name", "last_name"), values.split_name(name), strict=True):
        if text and not values.is_blank(text, is_name=True):
            reading.fields[part] = text
    reading.raw["full_name"] = name


def _derive_region(reading: _Reading) -> None:
    """Take the region from a country that is part of one, England say, when no region was given."""
    part = country_part(reading.raw.get("country", ""))
    if part and "region" not in reading.given and reading.fields.get("country") == part[:2]:
        reading.fields.setdefault("region", part)


def _derive_company_domain(reading: _Reading) -> None:
    """Take the company's domain from the e-mail when the payload names none that can stand for a company."""
    domain = reading.email.domain if reading.email else None
    if domain and domain.company:
        reading.fields.setdefault("company_domain", domain.company)


def _flags(reading: _Reading) -> dict[str, bool]:
    flags: dict[str, bool] = {}
    if reading.email:
        flags["email_free"] = reading.email.free
        flags["email_role"] = reading.email.role
        flags["email_disposable"] = reading.email.disposable
    if reading.phone:
        flags["phone_possible_only"] = reading.phone.possible_only
        flags["phone_without_country"] = reading.phone.without_country
    domains = [d for d in (reading.domain, reading.email.domain if reading.email else None) if d]
    if domains:
        flags["domain_shared"] = any(domain.shared for domain in domains)
    return flags


def _validity(reading: _Reading, spam: str) -> str:
    if spam:
        return "spam"
    if reading.email or reading.phone:
        return "usable"
    given = "email" in reading.given or "phone" in reading.given
    return "no_usable_contact" if given else "missing_contact_data"


def _custom(leaves: tuple[Leaf, ...]) -> dict[str, str]:
    """Name what the contract does not know by its last key, or by its whole path where that is taken."""
    custom: dict[str, str] = {}
    for leaf in leaves:
        if len(custom) >= MAX_CUSTOM:
            break
        text = clean_text(", ".join(values.texts(leaf.value, MAX_CUSTOM_VALUE)), MAX_CUSTOM_VALUE)
        short, whole = (
            clean_text(leaf.path[-1], MAX_CUSTOM_KEY),
            clean_text(".".join(leaf.path), MAX_CUSTOM_KEY),
        )
        if text:
            custom.setdefault(whole if short in custom or short in FIELDS else short, text)
    return custom


def _first_text(candidates: tuple[Candidate, ...] | list[Candidate], limit: int, is_name: bool = False) -> str:
    for candidate in candidates:
        for text in values.texts(candidate.value, limit):
            if not values.is_blank(text, is_name):
                return text
    return ""


def submission_id(found: Found) -> str:
    """Give the sender's own id of this submission, a very long one as its digest: cut, two could be one."""
    given = [c for c in found.submission if not isinstance(c.value, bool)]
    text = _first_text(given, 1_000_000)
    if len(text) <= MAX_SUBMISSION_ID:
        return text
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _is_test(found: Found, defaults: Mapping[str, Any]) -> bool:
    """Tell whether the sender, or our own probe, says that the lead is a test."""
    if defaults.get("is_test") is True:
        return True
    if any(values.read_flag(text) for value in found.test for text in values.texts(value, 20)):
        return True
    return any(isinstance(leaf.value, str) and _META_TEST in leaf.value[:200] for leaf in found.leaves)
