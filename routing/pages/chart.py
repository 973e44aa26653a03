"""Numbers by day or week in, the coordinates of a small chart out. The template draws them; style comes from the sheet.

Bars are days. The line is the share of the seven days that end there, because a day of few leads says little.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from routing.pages.timing import lasting
from routing.reporting.values import Figure, Point
from routing.reporting.values import Measure as Goal
from routing.reports import Day, Measure

WIDTH, HEIGHT = 360, 150
LEFT, RIGHT, TOP, BOTTOM = 34, 6, 10, 22
RUN = 7


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Chart:
    """`lines`: points of each unbroken run. `ticks`: (y, words). `target`: (y, words), or None."""

    label: str
    bars: tuple[Bar, ...]
    strong: tuple[Bar, ...] = ()
    lines: tuple[str, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()
    target: tuple[float, str] | None = None
    days: tuple[tuple[float, str, str], ...] = ()
    size: str = field(default=f"0 0 {WIDTH} {HEIGHT}")
    left: int = LEFT
    right: int = WIDTH - RIGHT


def percent(share: float | None) -> str:
    """“97 %”, “3.4 %”, never broken before the sign; a dash for None."""
    return "–" if share is None else f"{100 * share:.1f}".removesuffix(".0") + "\N{NO-BREAK SPACE}%"


def counts_chart(dates: Sequence[date], days: dict[date, Day]) -> Chart:
    """Leads of each day, demo requests in the strong colour."""
    leads = [days[day].leads if day in days else 0 for day in dates]
    demos = [days[day].demos if day in days else 0 for day in dates]
    top = max(5, *leads)
    titles = [
        f"{_day(day)}: {many} lead{'' if many == 1 else 's'}, {some} demo request{'' if some == 1 else 's'}"
        for day, many, some in zip(dates, leads, demos, strict=True)
    ]
    return Chart(
        "Leads", _bars(leads, top, titles), strong=_bars(demos, top, titles),
        ticks=tuple((_y(value, top), str(value)) for value in (0, top)), days=_ends(dates),
    )  # fmt: skip


def share_chart(measure: Measure, dates: Sequence[date], days: dict[date, Day]) -> Chart:
    """The share of each day, of the seven days up to it, and the target."""
    pairs = [(n.count, n.base) if day in days and (n := days[day].numbers[measure.key]) else (0, 0) for day in dates]
    shares = [count / base if base else None for count, base in pairs]
    runs = [_run(pairs[max(0, n - RUN + 1) : n + 1]) for n in range(len(pairs))]
    known = [share for share in (*shares, *runs) if share is not None]
    top = min(1.0, max([0.1, 1.5 * (measure.target or 0), *known]))
    titles = [
        f"{_day(day)}: {percent(share)}, {count} of {base}"
        for day, share, (count, base) in zip(dates, shares, pairs, strict=True)
    ]
    target = None
    if measure.target is not None:
        target = (_y(measure.target, top), f"target {percent(measure.target)}")
    return Chart(
        measure.label, _bars([share or 0 for share in shares], top, titles), lines=_lines(runs, top),
        ticks=((_y(0, top), "0"), (_y(top, top), percent(round(top, 2)))), target=target, days=_ends(dates),
    )  # fmt: skip


def samples_chart(points: Sequence[Point], names: Sequence[str]) -> Chart:
    """New leads of each day or week; `names`: what each is called."""
    counts = [point.sample for point in points]
    top = max(5, *counts)
    titles = [f"{name}: {many:,} lead{'' if many == 1 else 's'}" for name, many in zip(names, counts, strict=True)]
    return Chart(
        "New leads", _bars(counts, top, titles), ticks=tuple((_y(value, top), f"{value:,}") for value in (0, top)),
        days=_ends(_days(points)),
    )  # fmt: skip


def figures_chart(key: str, points: Sequence[Point], names: Sequence[str], daily: bool) -> Chart:
    """A measure of each day or week with its target; of shares by day also that of the seven days up to it.

    Seconds beyond four times the target end at the top of the chart; so does a median that is longer than any.
    """
    figures = [point.figures[key] for point in points]
    measure = figures[0].measure
    titles = [f"{name}: {told(figure)}" for name, figure in zip(names, figures, strict=True)]
    pairs = [(figure.count, figure.base) for figure in figures]
    runs = [_run(pairs[max(0, n - RUN + 1) : n + 1]) for n in range(len(pairs))] if daily else []
    if measure.unit == "seconds":
        runs = []
        most = 4 * (measure.target or 900)
        values = [most if figure.value is None and figure.base else figure.value or 0 for figure in figures]
        cut = any(value >= most for value in values)
        top = min(most, max([60, 1.5 * (measure.target or 0), *values]))
        ticks = ((_y(0, top), "0"), (_y(top, top), lasting(top) + ("+" if cut else "")))
        values = [min(value, top) for value in values]
    else:
        values = [figure.value or 0 for figure in figures]
        top = min(1.0, max([0.1, 1.5 * (measure.target or 0), *values, *(run or 0 for run in runs)]))
        ticks = ((_y(0, top), "0"), (_y(top, top), percent(round(top, 2))))
    aim = None if measure.target is None else (_y(measure.target, top), f"target {target_said(measure)}")
    return Chart(
        measure.label, _bars(values, top, titles), lines=_lines(runs, top), ticks=ticks, target=aim,
        days=_ends(_days(points)),
    )  # fmt: skip


def told(figure: Figure) -> str:
    """“9 min, 14 leads”, “4 %, 2 of 50”."""
    if not figure.base:
        return "no leads"
    if figure.measure.unit == "seconds":
        return f"{said(figure)}, {figure.base:,} lead{'' if figure.base == 1 else 's'}"
    return f"{said(figure)}, {figure.count:,} of {figure.base:,}"


def said(figure: Figure) -> str:
    """“9 min”, “4 %”; a dash where nothing was judged, “none” for a median that is longer than any."""
    if figure.measure.unit != "seconds":
        return percent(figure.value)
    return "–" if not figure.base else "none" if figure.value is None else lasting(figure.value)


def target_said(measure: Goal) -> str:
    """“15 min”, “95 %”; empty without one."""
    if measure.target is None:
        return ""
    return lasting(measure.target) if measure.unit == "seconds" else percent(measure.target)


def _run(pairs: Sequence[tuple[int, int]]) -> float | None:
    base = sum(base for _, base in pairs)
    return sum(count for count, _ in pairs) / base if base else None


def _y(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top, 1)


def _step(count: int) -> float:
    return (WIDTH - LEFT - RIGHT) / max(1, count)


def _bars(values: Sequence[float], top: float, titles: Sequence[str]) -> tuple[Bar, ...]:
    step = _step(len(values))
    width = round(min(24.0, step * 0.7), 2)
    floor = _y(0, top)
    found = []
    for n, (value, title) in enumerate(zip(values, titles, strict=True)):
        if value:
            x, y = round(LEFT + n * step + (step - width) / 2, 2), _y(value, top)
            found.append(Bar(x, y, width, round(floor - y, 1), title))
    return tuple(found)


def _lines(values: Sequence[float | None], top: float) -> tuple[str, ...]:
    step = _step(len(values))
    runs: list[list[str]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{round(LEFT + (n + 0.5) * step, 1)},{_y(value, top)}")
    return tuple(" ".join(run) for run in runs if len(run) > 1)


def _ends(dates: Sequence[date]) -> tuple[tuple[float, str, str], ...]:
    form = "%-d %b" if dates[0].year == dates[-1].year else "%-d %b %Y"
    ends = [(float(LEFT), f"{dates[0]:{form}}", "start")]
    return tuple(ends if len(dates) == 1 else [*ends, (float(WIDTH - RIGHT), f"{dates[-1]:{form}}", "end")])


def _days(points: Sequence[Point]) -> list[date]:
    """The first and the last one."""
    first, last = points[0].part.dates[0], points[-1].part.dates[-1]
    return [first] if first == last else [first, last]


def _day(day: date) -> str:
    return f"{day:%a %-d %b}"
