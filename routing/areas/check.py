"""The lines of a file and the map as it is in; what each line would do, or why it cannot, out. Writes nothing.

Nothing is half good: a line is an area that is added, moves here from another territory, is there already, or is
wrong and says why.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from leads.places import country_code, region_code
from owners.areas import Area, NoArea, crossing, read_area, sentence
from owners.models import Owner, Team, Territory, TerritoryArea
from owners.models.places import AreaImport
from owners.places import Unreadable, fold, whole_code
from routing.areas.sheet import Sheet
from routing.spreadsheet import LONGEST_CELL

Kind = Literal["added", "moved", "same", "removed", "error"]
KINDS: tuple[Kind, ...] = ("added", "moved", "same", "removed", "error")
Replace = AreaImport.Replace


@dataclass(slots=True)
class Line:
    """`line`: its number in the file, 0 for an area that the file leaves out. `row`: id of the area that is there.

    `territory`: its name. `note`: where it comes from, or why it cannot be. `cells`: of a wrong line, as they stand.
    """

    line: int
    kind: Kind
    territory: str
    area: Area | None
    note: str = ""
    row: int | None = None
    cells: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Fresh:
    """A territory that the file makes: key, name, ids of owner and team."""

    key: str
    name: str
    owner: int | None
    team: int | None


@dataclass(slots=True)
class Found:
    """What a file would do. `fresh`: territories to be made; `ids`: those that are there, by name."""

    lines: list[Line] = field(default_factory=list)
    fresh: list[Fresh] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def totals(self) -> dict[str, int]:
        counted = Counter(line.kind for line in self.lines)
        return {kind: counted[kind] for kind in KINDS}


def check(sheet: Sheet, replace: str) -> Found:
    """What the file would do to the map as it is, in a fixed number of queries.

    `replace`: what becomes of areas that it leaves out. Raises BadFile, when a line of the file cannot even be read.
    """
    reader = _Reader()
    lines = [reader.line(number, cells) for number, cells in sheet.lines]
    found = Found(lines, list(reader.fresh.values()), dict(reader.names), sheet.notes)
    held = _held()
    removed = _left_out(lines, held, replace)
    _no_crossing(lines, {area: name for area, (_, name) in held.items() if area not in removed})
    for line in lines:
        if line.kind != "error" and line.area in held:
            line.row, name = held[line.area]
            line.kind, line.note = ("same", "") if name == line.territory else ("moved", f"from {name}")
    if removed and any(line.kind == "error" for line in lines):
        found.notes.append(
            "Nothing is removed while lines are wrong: an area that cannot be read would count as left out."
        )
        removed = {}
    found.lines += [Line(0, "removed", name, area, "not in the file", row) for area, (row, name) in removed.items()]
    used = {line.territory for line in lines if line.kind in ("added", "moved", "same")}
    found.fresh = [fresh for fresh in found.fresh if fresh.name in used]
    return found


Held = Mapping[Area, tuple[int, str]]
"""The areas that are there, with their id and the name of their territory."""


def territory_names() -> dict[int, str]:
    """Names by id, with the key where two territories have the same name."""
    rows = list(Territory.objects.values_list("id", "key", "name"))
    often = Counter(name for *_, name in rows)
    return {pk: name if often[name] == 1 else f"{name} ({key})" for pk, key, name in rows}


def _held() -> dict[Area, tuple[int, str]]:
    names = territory_names()
    rows = TerritoryArea.objects.order_by().values_list(*Area._fields, "id", "territory_id")
    return {Area(*area): (row, names[territory]) for *area, row, territory in rows.iterator(chunk_size=5000)}


def _left_out(lines: list[Line], held: Held, replace: str) -> dict[Area, tuple[int, str]]:
    good = [line for line in lines if line.area is not None and line.kind != "error"]
    given = {line.area for line in good}
    if replace == Replace.TERRITORIES:
        territories = {line.territory for line in good}
        return {area: at for area, at in held.items() if at[1] in territories and area not in given}
    if replace == Replace.COUNTRIES:
        countries = {line.area.country for line in good if line.area}
        return {area: at for area, at in held.items() if area.country in countries and area not in given}
    return {}


def _no_crossing(lines: list[Line], held: Mapping[Area, str]) -> None:
    """Mark lines whose ranges cross one that is there, or one of an earlier line."""
    by_area = {line.area: line for line in lines if line.kind != "error" and line.area and line.area.postal_from}
    if not by_area:
        return
    countries = {area.country for area in by_area}
    rank = {area: (0, 0) for area in held if area.postal_from and area.country in countries}
    rank |= {area: (1, line.line) for area, line in by_area.items() if area not in rank}
    for stays, goes in crossing(rank, rank):
        if line := by_area.get(goes):
            other = by_area.get(stays)
            where = f"line {other.line}" if other and stays not in held else f"territory {held[stays]}"
            line.kind, line.note = "error", sentence(goes, stays, where)
            line.cells = line.cells or _cells_of(line)


def _cells_of(line: Line) -> dict[str, str]:
    return {"territory": line.territory, **{k: v for k, v in (line.area or Area(""))._asdict().items() if v}}


class _Reader:
    """Reads lines one after the other; knows the territories, owners and teams there are."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.territories: dict[str, str] = {}
        self.holders: dict[str, tuple[int | None, int | None]] = {}
        names = territory_names()
        for pk, key, owner, team in Territory.objects.values_list("id", "key", "owner_id", "team_id"):
            name = names[pk]
            self.names[name] = pk
            self.holders[name] = (owner, team)
            self.territories |= {fold(name): name, key.casefold(): name}
        self.owners: dict[str, int] = {}
        for pk, key, name, email in Owner.objects.values_list("id", "key", "name", "email"):
            self.owners |= {fold(name): pk, key.casefold(): pk, email.casefold(): pk}
        self.owners.pop("", None)
        teams = Team.objects.values_list("id", "key", "name")
        self.teams = {word: pk for pk, key, name in teams for word in (fold(name), key.casefold())}
        self.fresh: dict[str, Fresh] = {}
        self.seen: dict[Area, tuple[int, str]] = {}

    def line(self, number: int, cells: dict[str, str]) -> Line:
        """What one line says, by itself and beside the lines before it."""
        name, wrong = self._territory(cells)
        area, unreadable = _area(cells)
        wrong = [*wrong, *unreadable]
        if not wrong and area in self.seen:
            first, other = self.seen[area]
            if other != name:
                wrong.append(
                    f"{area} stands in line {first} already, for territory {other}. Keep one of the two lines."
                )
            else:
                return Line(number, "same", name, area, f"as in line {first}")
        if wrong:
            return Line(number, "error", name, area, " ".join(wrong), cells=cells)
        self.seen[area] = (number, name)
        return Line(number, "added", name, area)

    def _territory(self, cells: Mapping[str, str]) -> tuple[str, list[str]]:
        """The territory's name; made by the file where it is new and has an owner or a team."""
        given = cells.get("territory", "")
        if not given or len(given) > 120:
            return given[:120], ["The territory is missing." if not given else "The territory's name is too long."]
        wrong: list[str] = []
        owner = _one(self.owners, cells.get("owner", ""), "owner", wrong)
        team = _one(self.teams, cells.get("team", ""), "team", wrong)
        name = self.territories.get(given.casefold()) or self.territories.get(fold(given))
        if wrong:
            return name or given, wrong
        if name:
            return name, self._other_holder(name, owner, team)
        if owner is None and team is None:
            return given, [f"There is no territory “{given}”. Name its owner or team in this line, and it is made."]
        key = _key(given, {fresh.key for fresh in self.fresh.values()} | self.territories.keys())
        self.fresh[given] = Fresh(key, given, owner, team)
        self.territories |= {given.casefold(): given, fold(given): given, key: given}
        self.holders[given] = (owner, team)
        return given, []

    def _other_holder(self, name: str, owner: int | None, team: int | None) -> list[str]:
        """The file does not quietly hand a territory to somebody else."""
        has = self.holders[name]
        for word, given, held in (("owner", owner, has[0]), ("team", team, has[1])):
            if given is not None and given != held:
                return [f"{name} has another {word}. Change it on the territory’s page, or leave the cell empty."]
        return []


def _one(known: Mapping[str, int], given: str, word: str, wrong: list[str]) -> int | None:
    if not given:
        return None
    found = known.get(given.casefold()) or known.get(fold(given))
    if found is None:
        wrong.append(f"There is no {word} “{given[:60]}”. Write the key or the whole name.")
    return found


def _key(name: str, taken: Any) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", fold(name))[:70].strip("-") or "territory"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}-{number}", number + 1
    return key


def _area(cells: Mapping[str, str]) -> tuple[Area | None, list[str]]:
    """The area of a line; a whole postal code is a prefix of full length."""
    if long := [name for name, cell in cells.items() if len(cell) > LONGEST_CELL]:
        return None, [f"The {long[0]} has more than {LONGEST_CELL} characters."]
    given = {name: cells.get(name, "") for name in Area._fields}
    if not given["country"]:
        return None, ["The country is missing. Write its code, such as DE, or its name."]
    country = country_code(given["country"])
    if not country:
        return None, [f"“{given['country'][:40]}” is no country. Write its code, such as DE, or its name."]
    if region := given["region"]:
        given["region"] = region_code(region, country)
        if not given["region"]:
            return None, [f"“{region[:40]}” is no region of {country}. Write its ISO 3166-2 code, such as US-CA."]
    if code := cells.get("postal_code"):
        if given["postal_prefix"]:
            return None, ["A line has a postal code or a prefix, not both."]
        try:
            given["postal_prefix"] = whole_code(code, country)
        except Unreadable as error:
            return None, [str(error)]
    try:
        return read_area({**given, "country": country}), []
    except NoArea as error:
        return None, list(error.sentences.values())


def by_kind(lines: Iterable[Line], kind: str) -> list[Line]:
    """The lines of one kind, or all of them, what needs a look first."""
    if kind in KINDS:
        return [line for line in lines if line.kind == kind]
    order = {name: place for place, name in enumerate(("error", "removed", "moved", "added", "same"))}
    return sorted(lines, key=lambda line: order[line.kind])
