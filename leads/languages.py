"""A language in any usual spelling in; its ISO 639-1 code out, or ISO 639-3 where there is no shorter one.

Names come from Debian's iso-codes as pycountry ships them: English, the language's own, and those in the
large business languages. The table is built on first use and kept.
"""

# ruff: noqa: SIM905 (a list of words reads best as words)

import gettext
import re
from functools import lru_cache

import pycountry

from leads.places import fold

_LOCALES = "de fr es it nl pt pl cs da sv nb_NO fi hu ru uk tr ja ko zh_CN ar he el".split()

_NAMES = {
    "mandarin": "zh", "cantonese": "zh", "chinese simplified": "zh", "castellano": "es", "flemish": "nl",
    "farsi": "fa", "norsk": "no", "bokmal": "nb", "nynorsk": "nn", "greek": "el", "gr": "el",
    "brasileiro": "pt", "portugues": "pt", "espanol": "es", "francais": "fr", "中文": "zh", "srpski": "sr",
    "slovenian": "sl",
}  # fmt: skip

_TAG = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{2,8})*(?:\s*[;,.@].*)?", re.IGNORECASE | re.ASCII)


def language_code(value: str) -> str:
    """Give the code of a language, or an empty text.

    Takes tags with script and region (`de-CH`, `pt_BR.UTF-8`, the first of `en-US,en;q=0.9`), ISO 639 codes,
    and names, also with a country in brackets (`English (US)`).
    """
    return _language_code(value[:120])


@lru_cache(maxsize=4096)
def _language_code(value: str) -> str:
    table = _table()
    name = fold(value)
    if name in table:
        return table[name]
    tag = _TAG.fullmatch(value.strip())
    if tag and tag[1].lower() in table:
        return table[tag[1].lower()]
    return table.get(fold(re.split(r"[(\[,/|]", value)[0]), "")


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    short = [language for language in pycountry.languages if hasattr(language, "alpha_2")]
    table = {fold(language.alpha_2): language.alpha_2 for language in short}
    for language in pycountry.languages:
        table.setdefault(language.alpha_3, getattr(language, "alpha_2", language.alpha_3))
        if hasattr(language, "bibliographic"):
            table.setdefault(language.bibliographic, getattr(language, "alpha_2", language.alpha_3))
    table |= _NAMES
    for language in short:
        for name in (*language.name.split(";"), *_own_and_translated(language.name, language.alpha_2)):
            plain = fold(re.sub(r"\(.*?\)", "", name))
            if len(plain) > 3 or not plain.isascii():
                table.setdefault(plain, language.alpha_2)
    return table


def _own_and_translated(name: str, code: str) -> set[str]:
    return {_catalogue(locale).gettext(name) for locale in (code, *_LOCALES)}


@lru_cache(maxsize=256)
def _catalogue(locale: str) -> gettext.NullTranslations:
    return gettext.translation("iso639-3", pycountry.LOCALES_DIR, languages=[locale], fallback=True)
