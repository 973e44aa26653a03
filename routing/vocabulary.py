"""A word of a condition as people type it in, the word that leads carry out; leaves all other fields' texts alone.

Leads are compared after `leads.normalise` has read them, so `country is Germany` would never hold: leads say
DE. The readers here are the same; a word that none of them knows is refused, because no lead can have it.
"""

from collections.abc import Callable

from django.core.exceptions import ValidationError

from leads.domains import read_domain
from leads.languages import language_code
from leads.models import LeadType
from leads.places import country_code, region_code, time_zone
from leads.values import read_lead_type, read_urgency
from owners.models import Territory


def read_word(field: str, text: str) -> str:
    """The word that leads carry in this field; the text itself where the field has no vocabulary.

    Raises ValidationError (`not_in_vocabulary`) with a sentence that names the text and what to write.
    """
    if field not in _VOCABULARIES:
        return text
    read, remedy = _VOCABULARIES[field]
    if word := read(text):
        return word
    shown = f"{text[:40]}…" if len(text) > 40 else text
    raise ValidationError(f"“{shown}” is {remedy}", code="not_in_vocabulary")


def comparable(field: str, other: str) -> bool:
    """Whether a value of one field can be one of another: of the same field, or where neither has a vocabulary."""
    return field == other or not {field, other} & _VOCABULARIES.keys()


def _lead_type(text: str) -> str | None:
    keys = {key.lower(): key for key in LeadType.objects.values_list("key", flat=True)}
    return keys.get(text.lower()) or read_lead_type(text, frozenset(keys.values()))


def _territory(text: str) -> str | None:
    territories = list(Territory.objects.values_list("key", "name"))
    keys = {name.lower(): key.lower() for key, name in territories} | {
        key.lower(): key.lower() for key, _ in territories
    }
    return keys.get(text.lower())


def _company_domain(text: str) -> str | None:
    domain = read_domain(text)
    return domain.company if domain else None


_VOCABULARIES: dict[str, tuple[Callable[[str], str | None], str]] = {
    "country": (country_code, "not a country. Write its name or its ISO 3166-1 code, such as DE."),
    "region": (
        lambda text: region_code(text, ""),
        "not a region's code. Write its ISO 3166-2 code, country first, such as US-CA.",
    ),
    "language": (language_code, "not a language. Write its name or its ISO 639-1 code, such as de."),
    "timezone": (time_zone, "not a time zone. Write its IANA name, such as Europe/Berlin."),
    "urgency": (read_urgency, "not an urgency. Write low, normal, high or critical."),
    "lead_type": (_lead_type, "not a lead type. Write the key of one, such as demo, or add the lead type first."),
    "territory": (_territory, "not a territory. Write the key of one that exists, or add the territory first."),
    "company_domain": (
        _company_domain,
        "not the domain of one company. Write it as example.com; free-mail and shared hosts are no company's.",
    ),
}
