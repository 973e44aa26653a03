"""The text of a file in, its document in the one normal form out, or every problem with its path.

Says what is wrong with the shape: other files, other versions, unknown and doubled names, wrong types, keys of
nothing. What a model forbids is found when it is written.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from owners.models import LONGEST_MINUTES
from routing.engine.rules import check_condition
from routing.engine.tables import check_table
from routing.ladder_rules import order_problems
from routing.transfer.shape import COMPANY, FORMAT, LISTS, RULE, RULES, SECTIONS, SORTED, VERSION, Field
from routing.transfer.slas import rung_in

MOST_BYTES = 20_000_000
TOP = ("format", "version", "company", *SECTIONS, "rules")
NEEDED = {
    "text": "a text", "flag": "true or false", "number": "a whole number", "words": "a list of texts",
    "numbers": "a list of whole numbers",
    "object": "an object", "ref": "a key", "instant": "an instant with its offset, such as 2026-05-01T09:00:00+00:00",
}  # fmt: skip
LARGEST = 2**31 - 1
MOST_CONDITIONS = 1000
"""Of one rule; more are values of a list, or rows of a table."""
_SPOILED = re.compile(r"\\u0000|[\ud800-\udfff]")
CHANNELS = {"in_app", "email"}

Known = Mapping[str, set[str]]
"""The keys that exist, by section; `stages` as pipeline/stage."""


class Refused(Exception):
    """A file that cannot be brought in: `problems` are sentences, each beginning with its path where it has one."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Doubled(ValueError):
    """A name stands twice in one object."""


def load_json(data: bytes) -> Any:
    """What a file of JSON says. Raises Refused with one sentence for what is no JSON, or none that can be kept."""
    if len(data) > MOST_BYTES:
        raise Refused(f"The file has {len(data):,} bytes; a configuration has {MOST_BYTES:,} at most.")
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
        spoiled = _SPOILED.search(json.dumps(value, ensure_ascii=False))
    except UnicodeDecodeError:
        raise Refused("The file is no UTF-8 text.") from None
    except _Doubled as error:
        raise Refused(str(error)) from None
    except json.JSONDecodeError as error:
        raise Refused(f"The file is no JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except RecursionError:
        raise Refused("The file is nested too deeply to be a configuration.") from None
    except ValueError as error:
        raise Refused(f"The file cannot be read: {error}.") from None
    if spoiled:
        raise Refused("The file holds characters that no database keeps: U+0000 or half of a surrogate pair.")
    return value


def load(data: bytes) -> dict[str, Any]:
    """The object of a configuration file. Raises Refused with one sentence when it is another kind of file."""
    value = load_json(data)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise Refused(f"This is no RevRoute configuration: “format” has to be “{FORMAT}”.")
    if value.get("version") != VERSION or isinstance(value["version"], bool):
        raise Refused(f"This is version {value.get('version')!r:.20} of the format, and this program reads {VERSION}.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Doubled(f"“{twice[:60]}” stands twice in one object; which one is meant?")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def keys_of(document: Mapping[str, Any]) -> dict[str, set[str]]:
    """The keys that a document makes, by section, as far as they can be read."""
    found: dict[str, set[str]] = {"stages": set()}
    for name in SECTIONS:
        rows = document.get(name)
        rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        found[name] = {row["key"] for row in rows if isinstance(row.get("key"), str)}
        for row in rows if name == "pipelines" else ():
            stages = row.get("stages")
            for stage in stages if isinstance(stages, list) else ():
                if isinstance(stage, dict):
                    found["stages"].add(f"{row.get('key')}/{stage.get('key')}")
    return found


def parse(value: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """The document in normal form, sections that the file leaves out left out. Raises Refused with every problem.

    `known`: the keys that are there already; what the file itself makes is added to them.
    """
    own = keys_of(value)
    reader = _Reader({name: known.get(name, set()) | own[name] for name in own})
    document = reader.document(value)
    if reader.problems:
        raise Refused(*reader.problems)
    return document


def parse_rules(value: Any, known: Known) -> dict[str, Any]:
    """The rules of one version in normal form. Raises Refused with every problem."""
    reader = _Reader(known)
    rules = reader.rules(value)
    if reader.problems or rules is None:
        raise Refused(*reader.problems)
    return rules


class _Reader:
    """Reads values and keeps what is wrong with them."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.problems: list[str] = []

    def wrong(self, path: str, sentence: str) -> None:
        self.problems.append(f"{path}: {sentence}")

    def document(self, value: Mapping[str, Any]) -> dict[str, Any]:
        self._names(value, TOP, "")
        document: dict[str, Any] = {"format": FORMAT, "version": VERSION}
        if "company" in value:
            document["company"] = self.object(value["company"], COMPANY, "company")
        for name in SECTIONS:
            if name in value:
                document[name] = self._section(name, value[name])
        if value.get("rules") is not None:
            document["rules"] = self.rules(value["rules"])
        return document

    def _names(self, value: Mapping[str, Any], known: Iterable[str], path: str) -> None:
        for name in value.keys() - set(known):
            self.wrong(f"{path}.{name[:60]}" if path else name[:60], "there is no field of that name here.")

    def _section(self, name: str, value: Any) -> list[dict[str, Any]]:
        section, found = SECTIONS[name], []
        keys: set[str] = set()
        for path, row in self._list(value, name):
            if (item := self.object(row, (Field("key"), *section.fields), path, section.lists)) is None:
                continue
            if not (key := item.get("key")):
                self.wrong(f"{path}.key", f"each {section.word} needs a key.")
            elif key in keys:
                self.wrong(f"{path}.key", f"there are two with the key “{key}”.")
            keys.add(key or "")
            found.append(item)
        return found

    def _list(self, value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if not isinstance(value, list):
            self.wrong(path, "a list is needed.")
            return
        for number, row in enumerate(value):
            yield f"{path}[{number}]", row

    def object(
        self, value: Any, fields: tuple[Field, ...], path: str, lists: tuple[str, ...] = ()
    ) -> dict[str, Any] | None:
        """The fields that the object gives, each as it has to be; None when it is no object."""
        if not isinstance(value, dict):
            self.wrong(path, "an object is needed.")
            return None
        self._names(value, [*(field.name for field in fields), *lists], path)
        found = {
            field.name: self._field(value[field.name], field, f"{path}.{field.name}")
            for field in fields
            if field.name in value
        }
        for name in lists:
            if name in value:
                found[name] = self._rows(name, value[name], f"{path}.{name}")
        return found

    def _rows(self, name: str, value: Any, path: str) -> list[Any]:
        if name == "teams":
            rows = [self._field(row, Field("", "ref", to="teams"), place) for place, row in self._list(value, path)]
        elif name == "values":
            rows = [self._field(row, Field(""), place) for place, row in self._list(value, path)]
        else:
            rows = [self._whole(row, LISTS[name], place) for place, row in self._list(value, path)]
        rows = [row for row in rows if row is not None]
        if name == "rungs":
            return self._rungs(rows, path)
        self._no_twins(name, rows, path)
        return sorted(rows, key=_as_text) if name in SORTED else rows

    def _whole(self, value: Any, fields: tuple[Field, ...], path: str) -> dict[str, Any] | None:
        """An object that has to give all its fields."""
        found = self.object(value, fields, path)
        for field in fields if found is not None else ():
            if field.name not in found and field.absent is not None:
                found[field.name] = field.absent
            elif field.name not in found and not field.sparse:
                self.wrong(f"{path}.{field.name}", "it is missing.")
            if field.sparse and (found.get(field.name) in (None, "") or found[field.name] is False):
                found.pop(field.name, None)
        return found

    def _rungs(self, rows: list[dict[str, Any]], path: str) -> list[dict[str, Any]]:
        """The rungs of a ladder, in the one order that stands in files; each kind has to rise as it is given."""
        for place, sentence in order_problems([rung_in(row) for row in rows]):
            self.wrong(f"{path}[{place}]", sentence)
        return sorted(rows, key=lambda row: (row.get("percent") or 0, row.get("minutes") or 0))

    def _no_twins(self, name: str, rows: list[Any], path: str) -> None:
        identity = {"members": "owner", "stages": "key"}.get(name)
        seen: set[str] = set()
        for row in rows:
            what = str(row.get(identity)) if identity else _as_text(row)
            if what in seen:
                self.wrong(path, f"{what} is there twice.")
            seen.add(what)

    def _field(self, value: Any, field: Field, path: str) -> Any:
        if value is None and field.optional:
            return None
        if not _fits(value, field):
            self.wrong(
                path, f"{NEEDED[field.kind]} is needed{', or null' if field.optional else ''}, not {value!r:.60}."
            )
            return None
        if field.name.endswith("_minutes") and not 1 <= value <= LONGEST_MINUTES:
            self.wrong(path, f"minutes are from 1 to {LONGEST_MINUTES}, which is a year, not {value}.")
            return None
        if field.kind == "instant":
            return datetime.fromisoformat(value).astimezone(UTC).isoformat()
        if field.kind == "ref" and field.to != "stages" and value not in self.known[field.to]:
            self.wrong(path, f"there is no {SECTIONS[field.to].word} “{value}”.")
        if field.name == "alert_channels" and (unknown := [word for word in value if word not in CHANNELS]):
            self.wrong(path, f"there is no channel “{unknown[0]}”; there are in_app and email.")
        return value

    # --- rules -------------------------------------------------------------------------------------------

    def rules(self, value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            self.wrong("rules", "an object is needed, or null.")
            return None
        found = self._whole({name: row for name, row in value.items() if name != "rules"}, RULES, "rules") or {}
        rules = [self._rule(row, path) for path, row in self._list(value.get("rules"), "rules.rules")]
        order = found.get("step_order") or []
        rules.sort(key=lambda rule: order.index(rule["step"]) if rule.get("step") in order else len(order))
        return {**found, "rules": rules}

    def _rule(self, value: Any, path: str) -> dict[str, Any]:
        fields = {name: row for name, row in value.items() if name != "groups"} if isinstance(value, dict) else value
        found = self._whole(fields, RULE, path) or {}
        target = found.get("target")
        if target in ("owner", "pool", "team") and found.get(target) is None:
            self.wrong(f"{path}.{target}", f"a rule whose target is “{target}” names one.")
        stage = found.get("stage")
        if stage is not None and f"{found.get('pipeline')}/{stage}" not in self.known["stages"]:
            self.wrong(f"{path}.stage", f"there is no stage “{stage}” in pipeline “{found.get('pipeline') or ''}”.")
        if "table" in found:
            for fault in check_table(found["table"]):
                self.wrong(f"{path}.table", fault.sentence)
        groups = value.get("groups", []) if isinstance(value, dict) else []
        read = [self._group(rows, place) for place, rows in self._list(groups, f"{path}.groups")]
        if (count := sum(map(len, read))) > MOST_CONDITIONS:
            most = f"a rule has {MOST_CONDITIONS:,} conditions at most"
            self.wrong(f"{path}.groups", f"{most}, not {count:,}. Make a list of the values, or a table.")
        return {**found, "groups": read}

    def _group(self, value: Any, path: str) -> list[dict[str, Any]]:
        rows = []
        for place, row in self._list(value, path):
            if not isinstance(row, dict) or row.keys() != {"field", "operator", "value"}:
                self.wrong(place, "a condition has field, operator and value.")
            elif not (isinstance(row["field"], str) and isinstance(row["operator"], str)):
                self.wrong(place, "field and operator are texts.")
            elif problem := check_condition(row["field"], row["operator"], row["value"]):
                self.wrong(place, problem)
            rows.append(row)
        if isinstance(value, list) and not value:
            self.wrong(path, "a group without conditions always holds; leave it out.")
        return rows


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(str(part) for part in value.values())


def _fits(value: Any, field: Field) -> bool:
    if field.kind == "flag":
        return isinstance(value, bool)
    if field.kind == "number":
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST
    if field.kind == "words":
        return isinstance(value, list) and all(isinstance(word, str) for word in value)
    if field.kind == "numbers":
        return isinstance(value, list) and all(type(number) is int and 0 <= number <= LARGEST for number in value)
    if field.kind == "object":
        return isinstance(value, dict)
    if field.kind == "instant":
        return isinstance(value, str) and _is_instant(value)
    return isinstance(value, str)


def _is_instant(text: str) -> bool:
    try:
        at = datetime.fromisoformat(text)
        return at.tzinfo is not None and bool(at.astimezone(UTC))
    except (ValueError, OverflowError):  # the year 1 with an offset lies before the first one
        return False
