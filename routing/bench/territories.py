"""A number of areas in; how long their import, a look-up among them, and an absence beside them take, out."""

import resource
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

from django.utils import timezone

from owners.models import Absence, Owner, Territory, TerritoryArea, User
from owners.writer import writing
from routing import maps
from routing.areas import export
from routing.areas.kept import apply, found_of, keep
from routing.bench.data import Say
from routing.engine.map import Map
from routing.revision import current_revision

KEY = "bench-map"
TERRITORIES = 200
LOOKUPS = 20_000


def run(areas: int, repeats: int, say: Say) -> dict[str, Any]:
    """Postal prefixes of TERRITORIES territories, imported as CSV and read back as XLSX; seconds unless named."""
    Territory.objects.filter(key__startswith=KEY).delete()
    user = User.objects.create(username=KEY)
    try:
        return _import(user, areas, say) | _routing(repeats)
    finally:
        user.delete()


def _import(user: User, areas: int, say: Say) -> dict[str, Any]:
    figures: dict[str, Any] = {"areas": areas}
    say(f"importing {areas:,} lines")
    text = _csv(areas).encode()
    before = _memory()
    kept = _timed(figures, "check_csv", lambda: keep(user, "areas.csv", text, "", timezone.now()))
    figures["memory_mb"] = round(_memory() - before)
    _timed(figures, "preview_page", lambda: found_of(kept))
    _timed(figures, "apply", lambda: apply(kept, timezone.now()))
    say("writing and reading XLSX")
    mine = TerritoryArea.objects.filter(territory__key__startswith=KEY)
    file = _timed(figures, "export_xlsx", lambda: export.xlsx(mine))
    _timed(figures, "check_xlsx", lambda: keep(user, "areas.xlsx", file, "", timezone.now()))
    return figures


def _csv(areas: int) -> str:
    owner = Owner.objects.order_by("id").values_list("key", flat=True)[0]
    lines = (f"{KEY} {number % TERRITORIES},BR,{number:08},{owner}" for number in range(areas))
    return "\n".join(["territory,country,postal_prefix,owner", *lines])


def _timed(figures: dict[str, Any], name: str, act: Callable[[], Any]) -> Any:
    """Do it, and note how long it took."""
    start = time.perf_counter()
    result = act()
    figures[f"{name}_s"] = round(time.perf_counter() - start, 3)
    return result


def _routing(repeats: int) -> dict[str, Any]:
    """What the map costs those who route: once after a change of it, for each lead, and after an absence."""
    rows = maps.areas()
    start = time.perf_counter()
    held = Map(rows)
    built = time.perf_counter()
    for number in range(LOOKUPS):
        held.find("BR", "", "", f"{number:08}")
    looked = time.perf_counter()
    owner = Owner.objects.order_by("id")[0]
    spent, now = [], timezone.now()
    for number in range(repeats + 1):
        with writing():
            at = now + timedelta(days=number)
            absence = Absence.objects.create(owner=owner, starts_at=at, ends_at=at + timedelta(hours=1))
            begun = time.perf_counter()
            current_revision(now)
            spent.append(time.perf_counter() - begun)
            absence.delete()
    return {
        "build_map_ms": round((built - start) * 1e3, 1),
        "look_up_us": round((looked - built) / LOOKUPS * 1e6, 2),
        "revision_of_a_new_map_ms": round(spent[0] * 1e3, 1),
        "revision_after_an_absence_ms": round(median(spent[1:]) * 1e3, 1),
    }


def _memory() -> float:
    """The most that the process has held so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
