"""One value of a payload in; its texts, or the number, flag or word of a fixed vocabulary it stands for, out.

Readers give None for what they cannot read and never guess; naming the problem is left to `leads.normalise`.
"""

# ruff: noqa: SIM905 (a list of words reads best as words)

import math
import re
from typing import Any
from unicodedata import normalize

from leads.clean import clean_text

MAX_LIST = 50
MAX_NUMBER = 10**15
MAX_COMPANY_SIZE = 10_000_000
_EXACT_DIGITS = 15  # as many as a float holds exactly

# What systems write where a person wrote nothing. Signs are blank everywhere; words are not in a person's
# name, where Null and None are real.
_BLANK_SIGNS = frozenset(
    (
        "",
        "-",
        "--",
        "---",
        "–",
        "—",
        ".",
        "?",
        "n/a",
        "#n/a",
        "undefined",
        "(not set)",
        "[object object]",
        "(none)",
    )
)
_BLANK_WORDS = frozenset(("null", "none", "nil", "unknown", "not set", "not provided", "not specified"))
_LONGEST_BLANK = max(map(len, _BLANK_SIGNS | _BLANK_WORDS))

_TRUE = frozenset(
    (
        "true t yes y 1 on checked x ok agree agreed accept accepted given granted opt-in opted-in optin"
        " subscribed ja oui si sí sì sim tak da hai"
    ).split()
)
_FALSE = frozenset(
    (
        "false f no n 0 off unchecked disagree declined denied refused withdrawn revoked opt-out opted-out"
        " optout unsubscribed nein non não nao nie nej"
    ).split()
)

_LEAD_TYPES = {
    "demo": ("demo request|request demo|book demo|book a demo|request a demo|schedule demo|demo form|product demo"),
    "quote": ("quotation|request quote|quote request|request a quote|rfq|rfp|pricing|price|proposal|offer|angebot"),
    "trial": "free trial|trial request|start trial|signup|sign up|free trial request",
    "contact": ("contact us|contact form|contact request|general|general inquiry|inquiry|enquiry|kontakt|question"),
    "diagnostic": "diagnostics|diagnosis|audit|assessment|health check|diagnostic request",
    "webinar": "webinars|webinar registration|event|event registration|workshop",
    "content": ("content download|download|ebook|e book|whitepaper|white paper|guide|newsletter|report|case study"),
    "chat": "live chat|livechat|chatbot|messenger|conversation",
    "referral": "refer|referred|recommendation|referral program",
    "partner": "partnership|partners|reseller|affiliate|partner request",
    "import": "imported|csv|list|upload|list import",
}
_URGENCIES = {
    "low": "p4|4|lowest|minor|no rush|not urgent|whenever|niedrig|later",
    "normal": "p3|3|medium|moderate|standard|default|mid|regular|mittel",
    "high": "p2|2|urgent|important|soon|major|hoch|high priority|dringend",
    "critical": ("p1|p0|1|asap|emergency|immediate|immediately|blocker|highest|sev1|sev 1|kritisch|very urgent|now"),
}


def _synonyms(table: dict[str, str]) -> dict[str, str]:
    words = {spelling: word for word, spellings in table.items() for spelling in spellings.split("|")}
    return words | {word: word for word in table}


_LEAD_TYPE_WORDS = _synonyms(_LEAD_TYPES)
_URGENCY_WORDS = _synonyms(_URGENCIES)

_NUMBER = re.compile(r"\d[\d.,'\u2019 \u00a0\u202f]*\s*(?:k\b|m\b|tsd\b)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d)[.,'\u2019 \u00a0\u202f](?=\d{3}(?!\d))")
_AT_MOST = re.compile(r"^\s*(?:<|≤|up to|under|less than|fewer than|bis|max)", re.IGNORECASE)
_ALONE = frozenset(("just me", "only me", "self-employed", "self employed", "freelancer", "solo", "myself only"))


def texts(value: Any, limit: int) -> list[str]:
    """Give the clean texts of a JSON value: one of a text or number, several of a list, none of null."""
    if isinstance(value, str):
        return [clean_text(value, limit)]
    if isinstance(value, list | tuple):
        flat = (item for item in value[:MAX_LIST] if not isinstance(item, list | tuple))
        return [text for item in flat for text in texts(item, limit)]
    text = number_text(value)
    return [text] if text else []


def number_text(value: Any) -> str:
    """Give a number or truth value as text, or an empty text: `5000.0` is `5000`, `True` is `true`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 256 else ""
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < MAX_NUMBER else repr(value)
    return ""


def is_blank(text: str, is_name: bool = False) -> bool:
    """Tell whether a text stands for nothing: empty, `n/a`, `null`, or a placeholder nobody filled in."""
    if len(text) > _LONGEST_BLANK:  # folding case never makes a text shorter
        return len(text) <= 60 and text.startswith("{{") and text.endswith("}}")
    word = text.casefold()
    if word in _BLANK_SIGNS or (word.startswith("{{") and word.endswith("}}")):
        return True
    return not is_name and word in _BLANK_WORDS


def read_flag(text: str) -> bool | None:
    """Read a truth value in the words of forms and check boxes."""
    word = text.casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def read_score(text: str) -> int | None:
    """Read a lead score, 0 to 100, also as `91 %`, `91/100` or `91.4` (whole points count)."""
    number = text.removesuffix("%").removesuffix("/100").strip().replace(",", ".")
    try:
        score = float(number)
    except ValueError:
        return None
    return int(score) if 0 <= score <= 100 else None


def read_size(text: str) -> int | None:
    """Read a number of employees; of a range the lower bound, as it is what is surely there.

    `11-50` is 11, `1,000+` and `1k+` are 1000, `up to 10` is 1.
    """
    if text.isascii() and text.isdigit() and len(text) <= _EXACT_DIGITS:
        size = int(text)
        return size if size <= MAX_COMPANY_SIZE else None
    if text.casefold() in _ALONE or _AT_MOST.match(text):
        return 1
    found = _NUMBER.search(text[:100])
    if found is None or text[: found.start()].rstrip().endswith("-"):
        return None
    return _whole(found[0])


def _whole(text: str) -> int | None:
    number = _THOUSANDS.sub("", text.strip().lower().rstrip(".,'’"))
    factor = 1_000_000 if number.endswith("m") else 1000 if number.endswith(("k", "tsd")) else 1
    try:
        size = float(number.rstrip("kmtsd \u00a0\u202f").split()[0].replace(",", ".")) * factor
    except (ValueError, IndexError):
        return None
    return int(size) if size <= MAX_COMPANY_SIZE else None


def read_lead_type(text: str, more: frozenset[str] = frozenset()) -> str | None:
    """Read a lead type; `more` are the types that the company has, as keys: `site-visit` is also “Site visit”."""
    word = _words(text)
    own = next((key for key in more if _words(key) == word), None)
    return own or _LEAD_TYPE_WORDS.get(word)


def read_urgency(text: str) -> str | None:
    """Read an urgency; numbers count as priorities, 1 being the most urgent."""
    return _URGENCY_WORDS.get(_words(text))


def _words(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", text[:80].casefold()).split())


def read_key(text: str) -> str | None:
    """Read a key such as a territory's: lower case, every run of other characters an underscore."""
    key = re.sub(r"[^\w-]+", "_", normalize("NFC", text.casefold())).strip("_")
    return normalize("NFC", key) or None


def read_list(values: list[str]) -> list[str] | None:
    """Read several choices, each once and in order; a single text is split at commas, semicolons and bars."""
    if len(values) == 1:
        values = re.split(r"[,;|\n]", values[0])
    clean = (clean_text(value) for value in values)
    return list(dict.fromkeys(value for value in clean if not is_blank(value)))[:MAX_LIST] or None


def split_name(name: str) -> tuple[str, str]:
    """Split a whole name into first and last name.

    The last word is the last name, `Last, First` is turned round, and a single word is a first name. Names do
    not follow rules; the whole name is kept beside it.
    """
    last, comma, first = (part.strip() for part in name.partition(","))
    if comma and first and last:
        return first, last
    words = name.replace(",", " ").split()
    if len(words) < 2:
        return " ".join(words), ""
    return " ".join(words[:-1]), words[-1]
