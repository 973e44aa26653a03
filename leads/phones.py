"""A phone number as typed and a country in; its E.164 form out; nobody is called and no carrier is asked.

Numbering plans are those of phonenumbers (Google's libphonenumber); E.164 is the ITU's form, `+` and up to 15
digits.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    REGION_CODE_FOR_NON_GEO_ENTITY,
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
    enable_pattern_cache,
)

_LONGEST = 60
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15

_PLAIN = re.compile(r"\+[1-9][0-9]{6,14}")

# Numbers from many countries use more patterns than `re` keeps, and would compile them again and again.
enable_pattern_cache()


@dataclass(frozen=True, slots=True)
class Phone:
    """A usable number.

    `number` is E.164, or bare digits when neither `+` nor a country told which plan it belongs to, or the
    area code is missing (`without_country`); `possible_only` is a number that could exist but is not assigned
    to anyone.
    """

    number: str
    possible_only: bool
    without_country: bool = False

    @property
    def e164(self) -> str:
        """The number if it is E.164, else an empty text."""
        return "" if self.without_country else self.number


def read_phone(value: str, country: str = "") -> Phone | None:
    """Read a number with the country (ISO 3166-1 alpha-2, may be empty) as context; None when it can be none.

    A possible but unassigned number such as +1 555 123 4567 is kept: a plan may be newer than our tables, and
    a rep can try. A national number without any country is kept as digits, because it can be dialled.
    """
    value = value.strip().removeprefix("tel:")
    if _PLAIN.fullmatch(value) and (number := _unambiguous(value)):
        return _phone(number) if len(set(value)) > 2 else None
    digits = "".join(str(int(c)) for c in value[:_LONGEST] if c.isdecimal())
    # 000000 is what people type who do not want to be called.
    if len(value) > _LONGEST or len(set(digits)) < 2:
        return None
    if country == "" and value.startswith("00"):
        value = "+" + value.lstrip("0")
    return _within_plan(value, country) or _international(value, digits) or _undialled(value, digits, country)


def _within_plan(value: str, country: str) -> Phone | None:
    if not country and "+" not in value and "＋" not in value:
        return None
    try:
        number = phonenumbers.parse(value, country or None)
    except NumberParseException:
        return None
    return _phone(number)


def _unambiguous(value: str) -> PhoneNumber | None:
    """Split `+` and digits as `phonenumbers.parse` does, at a fraction of its cost; None if it may do more.

    With a plus the plan follows from the calling code, and none of these begins another. What is left to
    parse is a trunk prefix such as the 0 in +49 030, and zeros that belong to the number, as in Italy.
    """
    code, trunk = _plan(value[1:4])
    national = value[1 + len(code) :]
    if trunk is None or national.startswith("0") or trunk.match(national):
        return None
    return PhoneNumber(country_code=int(code), national_number=int(national))


@lru_cache(maxsize=1000)
def _plan(first: str) -> tuple[str, re.Pattern[str] | None]:
    """Find a number's calling code in its first three digits, and what may stand before the rest within its plan.

    The pattern is None where no country has the code, and matches nothing where the plan has no prefix.
    """
    code = next((c for c in (first[:1], first[:2], first) if int(c) in COUNTRY_CODE_TO_REGION_CODE), "")
    region = COUNTRY_CODE_TO_REGION_CODE[int(code)][0] if code else REGION_CODE_FOR_NON_GEO_ENTITY
    if region == REGION_CODE_FOR_NON_GEO_ENTITY:
        return code, None
    metadata = PhoneMetadata.metadata_for_region(region, None)
    return code, re.compile((metadata and metadata.national_prefix_for_parsing) or r"(?!)")


def _phone(number: PhoneNumber) -> Phone | None:
    # A number that is only possible within its town would turn into another's E.164 number.
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    text = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return Phone(text, not phonenumbers.is_valid_number(number))


def _international(value: str, digits: str) -> Phone | None:
    """Read `4930…` or `0049…`, an international number that lost its plus; only when it is assigned."""
    digits = digits.removeprefix("00")
    if "+" in value or not _FEWEST_DIGITS < len(digits) <= _MOST_DIGITS:
        return None
    try:
        found = _phone(phonenumbers.parse(f"+{digits}", None))
    except NumberParseException:
        return None
    return found if found and not found.possible_only else None


def _undialled(value: str, digits: str, country: str) -> Phone | None:
    """Keep the digits of a number that only somebody in the same country, or the same town, can dial."""
    if "+" in value or any(c.isalpha() for c in value):
        return None
    if not _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS:
        return None
    if country and not _is_possible_locally(value, country):
        return None
    return Phone(digits, possible_only=True, without_country=True)


def _is_possible_locally(value: str, country: str) -> bool:
    try:
        number = phonenumbers.parse(value, country)
    except NumberParseException:
        return False
    return bool(phonenumbers.is_possible_number(number))
