"""Country, region, postal code and time zone in any usual spelling in; their codes out.

Codes are ISO 3166-1 alpha-2, ISO 3166-2 and IANA zone names, names in many languages those of Debian's
iso-codes as pycountry ships them. The tables are built on first use and kept.
"""

# ruff: noqa: SIM905 (a list of words reads best as words)

import gettext
import re
import zoneinfo
from collections.abc import Iterator
from functools import lru_cache
from unicodedata import normalize

import pycountry

from owners.places import fold

# Languages of business forms. Of the 161 catalogues the small ones hold slips that name the wrong country.
_LOCALES = (
    "en de fr es it nl pt pt_BR pl cs sk sl hr hu ro bg el tr ru uk da nb_NO nn sv fi et lv lt ca eu gl ja ko"
    " zh_CN zh_TW ar he hi id vi th"
).split()

# Usual names that no catalogue has, folded. UK and EL are what the European Union writes for GB and GR; XK is
# the user-assigned code that banks and the EU use for Kosovo.
_COUNTRY_NAMES = {
    "uk": "GB", "great britain": "GB", "britain": "GB", "gb uk": "GB", "grossbritannien": "GB",
    "u k": "GB", "united kingdom of great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "el": "GR", "hellas": "GR", "usa": "US", "u s a": "US", "u s": "US",
    "america": "US", "united states of america": "US", "the united states": "US", "the states": "US",
    "estados unidos de america": "US", "eua": "US", "ee uu": "US", "eeuu": "US", "vsa": "US",
    "holland": "NL", "the netherlands": "NL", "russia": "RU", "south korea": "KR", "korea south": "KR",
    "korea": "KR", "north korea": "KP", "czech republic": "CZ", "macedonia": "MK", "swaziland": "SZ",
    "burma": "MM", "ivory coast": "CI", "cape verde": "CV", "vatican": "VA", "vatican city": "VA",
    "turkey": "TR", "turkiye": "TR", "uae": "AE", "u a e": "AE", "emirates": "AE", "hong kong": "HK",
    "hong kong sar": "HK", "taiwan": "TW", "roc": "TW", "prc": "CN", "mainland china": "CN", "vietnam": "VN",
    "laos": "LA", "syria": "SY", "iran": "IR", "tanzania": "TZ", "bolivia": "BO", "venezuela": "VE",
    "moldova": "MD", "palestine": "PS", "brunei": "BN", "east timor": "TL", "drc": "CD", "dr congo": "CD",
    "congo kinshasa": "CD", "congo brazzaville": "CG", "kosovo": "XK", "xk": "XK", "xkx": "XK", "macau": "MO",
    "suisse": "CH", "schweiz": "CH", "svizzera": "CH", "eire": "IE", "republic of ireland": "IE", "brd": "DE",
    "ksa": "SA", "saudi": "SA", "cote d ivoire": "CI", "micronesia": "FM", "the gambia": "GM",
    "the bahamas": "BS", "slovenska republika": "SK", "oesterreich": "AT",
    "st lucia": "LC", "st kitts and nevis": "KN", "trinidad": "TT", "bosnia": "BA",
}  # fmt: skip

# Countries of the United Kingdom are regions in ISO 3166-2; people write them as their country.
_PARTS = {"england": "GB-ENG", "scotland": "GB-SCT", "wales": "GB-WLS", "northern ireland": "GB-NIR"}

_REGION_NAMES = {
    "US": {"washington dc": "US-DC", "d c": "US-DC", "washington d c": "US-DC"},
    "GB": {"london": "GB-LND", "greater london": "GB-LND"},
    "DE": {
        "nrw": "DE-NW", "north rhine westphalia": "DE-NW", "saxony": "DE-SN", "lower saxony": "DE-NI",
        "saxony anhalt": "DE-ST", "hesse": "DE-HE", "thuringia": "DE-TH", "rhineland palatinate": "DE-RP",
        "freistaat bayern": "DE-BY", "freistaat sachsen": "DE-SN", "freistaat thuringen": "DE-TH",
        "baden wurttemberg": "DE-BW", "baden wuerttemberg": "DE-BW", "thueringen": "DE-TH",
    },
    "AT": {
        "tyrol": "AT-7", "styria": "AT-6", "carinthia": "AT-2", "upper austria": "AT-4",
        "lower austria": "AT-3", "kaernten": "AT-2",
    },
    "IT": {
        "lombardy": "IT-25", "tuscany": "IT-52", "piedmont": "IT-21", "sicily": "IT-82", "sardinia": "IT-88",
        "apulia": "IT-75", "latium": "IT-62",
    },
    "FR": {"brittany": "FR-BRE", "normandy": "FR-NOR", "corsica": "FR-20R", "75": "FR-75C"},
    "ES": {"catalonia": "ES-CT", "andalusia": "ES-AN", "basque country": "ES-PV"},
    "CA": {"pei": "CA-PE", "bc": "CA-BC", "newfoundland": "CA-NL", "quebec": "CA-QC"},
}  # fmt: skip

_GENERIC = re.compile(
    r"\b(?:state|free state|province|provincia|provincie|region|canton|cantone|kanton|county|prefecture"
    r"|land|lan|oblast|departement|departamento|comunidad autonoma|estado|kraj|shi|sheng|sar|of|de"
    r"|di|du|la|the)\b"
)

# Digits that a postal code has where it has nothing but digits; a number that passed through a spreadsheet or
# a JSON number has lost its leading zeros.
_DIGITS = {
    "US": 5, "DE": 5, "FR": 5, "IT": 5, "ES": 5, "FI": 5, "EE": 5, "HR": 5, "MX": 5, "TR": 5, "UA": 5,
    "AT": 4, "CH": 4, "BE": 4, "DK": 4, "NO": 4, "AU": 4, "HU": 4, "LU": 4, "SI": 4, "NZ": 4,
    "RU": 6, "IN": 6, "CN": 6, "SG": 6, "RO": 6,
}  # fmt: skip

# Where the code is written in two parts: (pattern of the code without spaces, length of the last part,
# joint).
_JOINED = {
    "GB": (re.compile(r"[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}"), 3, " "),
    "CA": (re.compile(r"[A-Z]\d[A-Z]\d[A-Z]\d"), 3, " "),
    "NL": (re.compile(r"\d{4}[A-Z]{2}"), 2, " "),
    "SE": (re.compile(r"\d{5}"), 2, " "),
    "CZ": (re.compile(r"\d{5}"), 2, " "),
    "SK": (re.compile(r"\d{5}"), 2, " "),
    "GR": (re.compile(r"\d{5}"), 2, " "),
    "PL": (re.compile(r"\d{5}"), 3, "-"),
    "PT": (re.compile(r"\d{7}"), 3, "-"),
    "JP": (re.compile(r"\d{7}"), 4, "-"),
    "BR": (re.compile(r"\d{8}"), 3, "-"),
}
_POSTAL_PREFIX = re.compile(r"^(?:[A-Z]{1,3})-(?=\d)")
_ZIP_PLUS_4 = re.compile(r"\d{5}-?\d{4}")
_LONGEST_POSTAL = 12


def country_code(value: str) -> str:
    """Give the ISO 3166-1 alpha-2 code of a country, or an empty text.

    Takes alpha-2, alpha-3 and three-digit codes, names in many languages, and a name with its code in
    brackets such as `Germany (DE)`.
    """
    return _country_code(value[:120])


@lru_cache(maxsize=4096)
def _country_code(value: str) -> str:
    table = _country_table()
    name = fold(value)
    parts = re.split(r"[()\[\],|]| [-/] ", value)
    for candidate in (name, name.removeprefix("the "), *map(fold, parts)):
        if candidate in table:
            return table[candidate]
    return ""


@lru_cache(maxsize=1024)
def country_part(value: str) -> str:
    """Give the ISO 3166-2 code of a country that is part of one (`England` is `GB-ENG`), or an empty text."""
    return _PARTS.get(fold(value[:120]), "")


@lru_cache(maxsize=1)
def _country_table() -> dict[str, str]:
    """Map folded names to codes; a name that two catalogues give to two countries is left out."""
    table: dict[str, str] = {}
    for country in pycountry.countries:
        for code in (country.alpha_2, country.alpha_3, country.numeric):
            table[fold(code)] = country.alpha_2
    table |= _COUNTRY_NAMES
    for attribute in ("name", "common_name", "official_name"):
        names: dict[str, set[str]] = {}
        for country in pycountry.countries:
            for name in _in_all_languages(getattr(country, attribute, ""), "iso3166-1"):
                names.setdefault(fold(name), set()).add(country.alpha_2)
        for name, codes in names.items():
            # Three Latin letters or fewer are a code, or a syllable that could be taken for one.
            if len(codes) == 1 and (len(name) > 3 or not name.isascii()):
                table.setdefault(name, next(iter(codes)))
    return table


def region_code(value: str, country: str) -> str:
    """Give the ISO 3166-2 code of a region of `country` (alpha-2), or an empty text.

    Takes the code with or without its country, the name in many languages, and names with a generic word such
    as `State of New York`. Without a country only a full code is understood: names repeat across the world.
    """
    return _region_code(value[:120], country)


@lru_cache(maxsize=4096)
def _region_code(value: str, country: str) -> str:
    full = value.strip().upper().replace("_", "-").replace(" ", "-")
    prefix = full.partition("-")[0]
    if not country:
        return full if len(prefix) == 2 and full in _region_table(prefix).values() else ""
    table = _region_table(country)
    if prefix == country and full in table.values():
        return full
    name = fold(value)
    return table.get(name) or table.get(" ".join(_GENERIC.sub(" ", name).split())) or ""


@lru_cache(maxsize=300)
def _region_table(country: str) -> dict[str, str]:
    """Map folded codes and names of a country's regions to full codes; larger units win over smaller ones."""
    if not re.fullmatch("[A-Z]{2}", country):
        return {}
    regions = [region for region in pycountry.subdivisions if region.country_code == country]
    regions.sort(key=lambda region: (region.parent_code is not None, region.code))
    table = {fold(region.code.partition("-")[2]): region.code for region in regions}
    table |= _REGION_NAMES.get(country, {})
    for region in regions:
        for name in _spellings(region.name):
            table.setdefault(name, region.code)
    for region in regions:
        for translated in _in_all_languages(region.name, "iso3166-2"):
            for name in _spellings(translated):
                table.setdefault(name, region.code)
    return table


def _spellings(name: str) -> Iterator[str]:
    """Give the folded spellings in a name such as `A Coruña [La Coruña]` or `Skåne län [SE-12]`."""
    for part in re.split(r"[\[\]()/;]", name):
        folded = fold(part)
        yield from filter(None, (folded, " ".join(_GENERIC.sub(" ", folded).split())))


def _in_all_languages(name: str, domain: str) -> set[str]:
    if not name:
        return set()
    return {name, *(catalogue.gettext(name) for catalogue in _catalogues(domain))}


@lru_cache(maxsize=4)
def _catalogues(domain: str) -> tuple[gettext.NullTranslations, ...]:
    return tuple(
        gettext.translation(domain, pycountry.LOCALES_DIR, languages=[locale], fallback=True) for locale in _LOCALES
    )


def postal_code(value: str, country: str) -> tuple[str, bool]:
    """Give a postal code as its country writes it, and whether it can be one there.

    What does not fit the country is kept in capitals with single spaces: the country may be what is wrong.
    """
    text = " ".join(normalize("NFC", value.upper()).split())[:_LONGEST_POSTAL].rstrip()
    text = _POSTAL_PREFIX.sub("", text)
    packed = text.replace(" ", "").replace("-", "")
    if country in _DIGITS:
        return _postal_digits(text, packed, country)
    if country in _JOINED:
        pattern, tail, joint = _JOINED[country]
        if pattern.fullmatch(packed):
            return f"{packed[:-tail]}{joint}{packed[-tail:]}", True
        return text, False
    return text, any(c.isalnum() for c in text)


def _postal_digits(text: str, packed: str, country: str) -> tuple[str, bool]:
    if country == "US" and _ZIP_PLUS_4.fullmatch(text):
        return f"{packed[:5]}-{packed[5:]}", True
    length = _DIGITS[country]
    if packed.isascii() and packed.isdigit() and length - 2 <= len(packed) <= length:
        return packed.zfill(length), True
    return text, False


def time_zone(value: str) -> str:
    """Give the IANA name of a time zone in its own spelling, or an empty text."""
    return _zones().get(value.strip().replace(" ", "_").casefold(), "")


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in zoneinfo.available_timezones()}
