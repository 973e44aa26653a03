"""Lists, times, hours of the week and tables: the compiled answer is what a naive scan of the JSON gives."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.engine import index
from routing.engine.conditions import fold
from routing.engine.rules import FIELD_KINDS, compile_rules
from tests.engine.rule_content import STEP, content, rule
from tests.engine.test_index import WORDS, conditions, facts_strategy, scan_condition, words
from tests.once import examples

ZONES = ["UTC", "Europe/Berlin"]
DAYS = ["2026-03-28", "2026-03-29", "2026-03-30"]
INSTANTS = ["2026-03-28T00:00:00", "2026-03-29T01:30:00+01:00"]
SIZES = [0, 1, 10, 11]  # few values, so that facts often lie on a border


def first_and_end(text, zone):
    """The half-open span of a day or of an instant (a microsecond long), in UTC."""
    if "T" not in text:
        day = datetime.fromisoformat(text)
        following = day + timedelta(days=1)
        return tuple(each.replace(tzinfo=zone).astimezone(UTC) for each in (day, following))
    at = datetime.fromisoformat(text)
    at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    return at, at + timedelta(microseconds=1)


def scan_moment(operator, value, fact, zone):
    try:
        seen = datetime.fromisoformat(fact)
    except (TypeError, ValueError):
        seen = None
    if seen is None or seen.tzinfo is None:
        return operator == "is_blank"
    if operator in ("is_blank", "is_not_blank"):
        return operator == "is_not_blank"
    if operator == "between":
        return first_and_end(value[0], zone)[0] <= seen < first_and_end(value[1], zone)[1]
    first, end = first_and_end(value, zone)
    return seen < first if operator == "before" else seen >= end


def scan_row(row, facts, zone, lists):
    operator, value = row["operator"], row["value"]
    if FIELD_KINDS[row["field"]] == "moment":
        return scan_moment(operator, value, facts.get(row["field"]), zone)
    if operator in ("in_list", "not_in_list"):
        values = lists.get(value, [])
        if not values:  # a list that holds nothing, or is gone: nobody is in it
            known = not scan_condition({"field": row["field"], "operator": "is_blank", "value": None}, facts)
            return known and operator == "not_in_list"
        row = {**row, "operator": "one_of" if operator == "in_list" else "none_of", "value": values}
    return scan_condition(row, facts)


def scan_hours(entry, now, zone):
    days, start, end = entry.get("weekdays") or range(7), entry.get("from_minute"), entry.get("until_minute")
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    if start is None:
        return local.weekday() in days
    if start < end:
        return local.weekday() in days and start <= minute < end
    evening, morning = minute >= start, minute < end
    return (evening and local.weekday() in days) or (morning and (local.weekday() - 1) % 7 in days)


def cell_condition(column, cell):
    if column["operator"] == "is_true":
        return {"field": column["field"], "operator": "is_true" if cell else "is_false", "value": None}
    return {**column, "value": cell}


def scan(document, facts, now, lists):
    """Rule by rule, of a table row by row: (rule, number of the row or 0)."""
    found, zone = [], ZoneInfo(document["zone"])
    for entry in sorted(document["rules"], key=lambda entry: (entry["position"], entry["id"])):
        if not scan_hours(entry, now, zone):
            continue
        table = entry.get("table") or {"inputs": [], "rows": [{"in": []}]}
        for number, row in enumerate(table["rows"], start=1):
            cells = zip(table["inputs"], row["in"], strict=True)
            more = [cell_condition(column, cell) for column, cell in cells if cell is not None]
            groups = [[*group, *more] for group in entry["groups"] or [[]]]
            if any(all(scan_row(one, facts, zone, lists) for one in group) for group in groups):
                found.append((entry["id"], number if entry.get("table") else 0))
                break
    return found


moments = st.sampled_from(DAYS + INSTANTS)
spans = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map(lambda pair: sorted(pair))
sizes = st.sampled_from(SIZES)
wide = st.one_of(
    conditions,
    st.tuples(st.just("company_size"), st.sampled_from(["at_least", "at_most"]), sizes),
    st.tuples(st.just("company_size"), st.just("between"), st.tuples(sizes, sizes).map(sorted)),
    st.tuples(
        st.sampled_from(["city", "country", "product_interest"]),
        st.sampled_from(["in_list", "not_in_list"]),
        st.sampled_from(["few", "many", "empty", "gone"]),
    ),
    st.tuples(st.just("received_at"), st.sampled_from(["before", "after"]), moments),
    st.tuples(st.just("received_at"), st.just("between"), spans),
    st.tuples(st.just("received_at"), st.sampled_from(["is_blank", "is_not_blank"]), st.none()),
)
hours = st.sampled_from([(None, None), (None, None), (None, None), (540, 1020), (1320, 360), (0, 1440)])
COLUMNS = {
    ("country", "one_of"): st.lists(words, min_size=1, max_size=3),
    ("city", "contains"): words,
    ("product_interest", "in_list"): st.sampled_from(["few", "gone"]),
    ("company_size", "between"): st.tuples(sizes, sizes).map(sorted),
    ("received_at", "after"): moments,
    ("existing_customer", "is_true"): st.booleans(),
}


@st.composite
def tables(draw):
    chosen = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=3, unique=True))
    row = st.tuples(*(st.none() | COLUMNS[column] for column in chosen)).map(list)
    return {
        "inputs": [{"field": field, "operator": operator} for field, operator in chosen],
        "outputs": ["tier"],
        "rows": [{"in": cells, "out": ["t"]} for cells in draw(st.lists(row, min_size=1, max_size=8))],
    }


@st.composite
def rule_sets(draw):
    groups = st.lists(st.lists(wide, min_size=1, max_size=2), max_size=3)
    days = st.just([]) | st.just([]) | st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True)
    row = st.tuples(groups, st.integers(0, 3), days, hours, st.none() | tables())
    drawn = draw(st.lists(row, min_size=2, max_size=15))
    return content(
        *(
            rule(n, *rows, position=at, weekdays=on, from_minute=start, until_minute=end, table=table)
            for n, (rows, at, on, (start, end), table) in enumerate(drawn, start=1)
        ),
        zone=draw(st.sampled_from(ZONES)),
    )


arrivals = st.sampled_from([None, "", "soon", 5, "2026-03-02", *INSTANTS, "2026-03-30T00:00:00+02:00"])
borders = st.sampled_from([first_and_end(day, ZoneInfo(zone))[0] for day in DAYS for zone in ZONES])
instants = st.tuples(borders, st.sampled_from([-1, 0])).map(lambda at: at[0] + timedelta(microseconds=at[1]))
arrived = st.one_of(arrivals, *[instants.map(datetime.isoformat)] * 2)
nows = st.datetimes(datetime(2026, 3, 27), datetime(2026, 4, 3)).map(lambda at: at.replace(tzinfo=UTC))
sized = sizes | facts_strategy.map(lambda facts: facts["company_size"])
leads = st.tuples(facts_strategy, arrived, sized).map(
    lambda drawn: {**drawn[0], "received_at": drawn[1], "company_size": drawn[2]}
)
lists_held = st.fixed_dictionaries(
    {"few": st.lists(words, min_size=1, max_size=3), "many": st.just(WORDS[3:]), "empty": st.just([])}
)


def agrees(document, many, now, lists):
    rules = compile_rules(document, {key: frozenset(map(fold, values)) for key, values in lists.items()})
    for facts in many * 2:  # once learned, once from the caches
        assert [(each.id, each.row) for each in rules.matching(STEP, facts, now)] == scan(document, facts, now, lists)


@settings(max_examples=examples(300), deadline=None)
@given(rule_sets(), st.lists(leads, min_size=6, max_size=9), nows, lists_held)
def test_lists_times_hours_and_tables_are_found_as_by_a_scan(document, many, now, lists):
    agrees(document, many, now, lists)


@settings(max_examples=examples(150), deadline=None)
@given(rule_sets(), st.lists(leads, min_size=6, max_size=9), nows, lists_held)
def test_asking_the_few_rows_that_are_left_gives_what_a_scan_gives(document, many, now, lists):
    """Every field counts as one with too many values, so that rows are asked themselves."""
    usual = index.FieldIndex.__init__

    def crowded(self, *args):
        usual(self, *args)
        self.crowded = True

    index.FieldIndex.__init__ = crowded
    try:
        agrees(document, many, now, lists)
    finally:
        index.FieldIndex.__init__ = usual
