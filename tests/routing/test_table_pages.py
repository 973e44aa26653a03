"""The pages of a decision table and of a named list: pasted, uploaded, shown, exported, refused whole."""

import io
import zipfile
from datetime import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook

from routing import list_imports
from routing.lists import replace_entries
from routing.models import ListEntry, NamedList, Rule, RuleSetVersion
from routing.pages import named_list
from routing.rulebook import freeze, publish
from tests.routing.people import sign_in
from tests.routing.rows import NOW, make_crm, make_draft, make_people, make_rule

pytestmark = pytest.mark.django_db
TEXT = "Country\t→ Pool\t→ tier\nDE; AT\tEmea\tpriority\nFR\t\t\n"


@pytest.fixture
def people():
    people = make_people()
    make_crm(people)
    return people


@pytest.fixture
def rita():
    return sign_in("rita", "RevOps")


@pytest.fixture
def rule(people):
    return make_rule(make_draft(people.elena), "territory_owner", name="By country", target="pool", pool=people.pool)


def table_of(rule):
    return f"/admin/routing/rulesetversion/{rule.version_id}/rules/{rule.pk}/table/"


def workbook(*lines):
    book, file = Workbook(), io.BytesIO()
    for line in lines:
        book.active.append(line)
    book.save(file)
    return SimpleUploadedFile("table.xlsx", file.getvalue())


def test_a_pasted_table_is_saved_shown_told_and_frozen_with_ids(people, rule, rita):
    assert rita.post(table_of(rule), {"text": TEXT, "seen": 1, "do": "save"}).status_code == 302
    page = rita.get(table_of(rule)).content.decode()
    assert [part in page for part in ("2 rows.", "DE; AT", 'id="row-2"')] == [True] * 3
    (frozen,) = freeze(rule.version)["rules"]
    assert frozen["table"]["rows"] == [
        {"in": [["DE", "AT"]], "out": [people.pool.pk, "priority"]},
        {"in": [["FR"]], "out": [None, None]},
    ]
    path = rita.get(f"/admin/routing/rulesetversion/{rule.version_id}/rules/").content.decode()
    assert "By a table of 2 rows over country" in path
    assert "<strong>as its row says, else Emea</strong>" in path
    publish(rule.version, None, NOW)
    assert rita.post(table_of(rule), {"text": TEXT, "seen": 2, "do": "save"}).status_code == 403


def test_a_workbook_is_read_and_an_exported_one_is_read_back(rule, rita):
    file = workbook(["Company size", "→ Tier"], ["10-50", "'=1+1"], [70, "fast"])
    assert rita.post(table_of(rule), {"file": file, "seen": 1, "do": "save"}).status_code == 302
    saved = Rule.objects.get(pk=rule.pk).table
    assert '<th scope="col" class="says">→ Tier</th>' in rita.get(table_of(rule)).content.decode()
    assert saved["rows"] == [{"in": [[10, 50]], "out": ["=1+1"]}, {"in": [[70, 70]], "out": ["fast"]}]
    for kind in ("", "?as=xlsx"):
        answer = rita.get(f"{table_of(rule)}export/{kind}")
        content = answer.getvalue() if answer.streaming else answer.content
        seen = Rule.objects.get(pk=rule.pk).edition
        again = SimpleUploadedFile("again", content)
        assert rita.post(table_of(rule), {"file": again, "seen": seen, "do": "save"}).status_code == 302
        assert Rule.objects.get(pk=rule.pk).table == saved


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"text": "Country\tTier\nDE\tx\ty"}, 422, "Line 2 has 3 cells; there are 2 columns."),
        ({"text": ""}, 422, "A table needs a line with the names of its columns"),
        ({"file": SimpleUploadedFile("x.xlsx", b"PK\x03\x04broken")}, 422, "The XLSX file is damaged."),
        ({"text": TEXT, "seen": 7}, 409, "Not saved, because this rule changed since you opened it."),
    ],
)
def test_what_cannot_be_saved_is_said_and_changes_nothing(rule, rita, fields, status, said):
    answer = rita.post(table_of(rule), {"seen": 1, "do": "save", **fields})
    assert (answer.status_code, said in answer.content.decode()) == (status, True)
    assert Rule.objects.get(pk=rule.pk).table is None


@pytest.mark.parametrize(
    "text", ["Country,→ Pool\nDE,Emea\n", "Country;→ Pool\nDE;Emea\n", '"Country","Pool"\n"DE","emea"']
)
def test_a_table_may_be_pasted_with_commas_or_semicolons(people, rule, rita, text):
    assert rita.post(table_of(rule), {"text": text, "seen": 1, "do": "save"}).status_code == 302
    assert Rule.objects.get(pk=rule.pk).table["rows"] == [{"in": [["DE"]], "out": ["emea"]}]
    page = rita.get(table_of(rule)).content.decode()
    assert ('<td class="says">Emea</td>' in page, "DE\temea" in page) == (True, True)  # by name; as text by key


def test_a_cell_is_never_cut_off(rule, rita):
    long = "; ".join(f"City {number}" for number in range(150))  # 1,500 characters
    file = workbook(["City", "→ Tier"], [long, "x"])
    assert rita.post(table_of(rule), {"file": file, "seen": 1, "do": "save"}).status_code == 302
    assert len(Rule.objects.get(pk=rule.pk).table["rows"][0]["in"][0]) == 150
    answer = rita.post(table_of(rule), {"file": workbook(["City"], ["x" * 2001]), "seen": 2, "do": "save"})
    assert (answer.status_code, "Line 2, City: A cell has at most 2,000 characters." in answer.content.decode()) == (
        422, True,
    )  # fmt: skip


def test_merged_cells_are_refused_because_empty_ones_hold_for_everything(rule, rita):
    book, file = Workbook(), io.BytesIO()
    for line in (["Country", "→ Tier"], ["DE", "x"], [None, "y"]):
        book.active.append(line)
    book.active.merge_cells("A2:A3")
    book.save(file)
    fields = {"file": SimpleUploadedFile("t.xlsx", file.getvalue()), "seen": 1, "do": "save"}
    answer = rita.post(table_of(rule), fields)
    said = "The sheet has merged cells: the first of them holds the value, the others are empty."
    assert (answer.status_code, f"{said} Unmerge them and fill each." in answer.content.decode()) == (422, True)
    assert Rule.objects.get(pk=rule.pk).table is None


def test_a_formula_without_a_value_is_refused_because_an_empty_cell_holds_for_everything(rule, rita):
    file = workbook(["Country", "→ Tier"], ['="D"&"E"', "x"])
    answer = rita.post(table_of(rule), {"file": file, "seen": 1, "do": "save"})
    said = "Cell A2 holds a formula that was never calculated."
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert Rule.objects.get(pk=rule.pk).table is None
    calculated = {
        b"<v></v>": b"<v>DE</v>",
        b"<v />": b"<v>DE</v>",
        b"<v/>": b"<v>DE</v>",
        b'<c r="A2"': b'<c r="A2" t="str"',
    }
    file = rewritten(workbook(["Country", "→ Tier"], ['="D"&"E"', "x"]), calculated)
    assert rita.post(table_of(rule), {"file": file, "seen": 1, "do": "save"}).status_code == 302
    assert Rule.objects.get(pk=rule.pk).table["rows"] == [{"in": [["DE"]], "out": ["x"]}]


def rewritten(file, changes):
    """The workbook with these bytes of its sheet replaced, as a spreadsheet program would have written it."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file.read())) as old, zipfile.ZipFile(made, "w") as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename.startswith("xl/worksheets/"):
                for before, after in changes.items():
                    data = data.replace(before, after)
            new.writestr(part, data)
    return SimpleUploadedFile("table.xlsx", made.getvalue())


def test_days_of_a_spreadsheet_are_days(rule, rita):
    file = workbook(["Arrival", "→ Tier"], [datetime(2026, 3, 1), "x"], ["2026-04-01 to 2026-04-30", "y"])
    assert rita.post(table_of(rule), {"file": file, "seen": 1, "do": "save"}).status_code == 302
    rows = Rule.objects.get(pk=rule.pk).table["rows"]
    assert [row["in"] for row in rows] == [[["2026-03-01", "2026-03-01"]], [["2026-04-01", "2026-04-30"]]]


def test_a_file_that_is_no_utf8_is_taken_with_a_warning(rule, rita):
    file = SimpleUploadedFile("table.csv", "City,Tier\nZürich,x\n".encode("cp1252"))
    page = rita.post(table_of(rule), {"file": file, "seen": 1, "do": "save"}, follow=True).content.decode()
    assert ("Zürich" in page, "The file is not UTF-8 and was read as Windows-1252." in page) == (True, True)


def test_a_column_asks_about_lists_that_fit_by_name_or_key(rule, rita, partners):
    text = "Company domain in list\t→ Tier\nPARTNERS\tx\n"
    assert rita.post(table_of(rule), {"text": text, "seen": 1, "do": "save"}).status_code == 302
    assert Rule.objects.get(pk=rule.pk).table["rows"] == [{"in": ["partners"], "out": ["x"]}]
    for column, key in (("Country in list", "partners"), ("Company domain in list", "nobody")):
        answer = rita.post(table_of(rule), {"text": f"{column}\n{key}\n", "seen": 2, "do": "save"})
        assert (answer.status_code, f"There is no list “{key}” that fits." in answer.content.decode()) == (422, True)


def test_a_table_is_dropped_and_the_rule_stays(rule, rita):
    rita.post(table_of(rule), {"text": TEXT, "seen": 1, "do": "save"})
    rita.post(table_of(rule), {"seen": 2, "do": "drop"})
    assert (Rule.objects.get(pk=rule.pk).table, Rule.objects.get(pk=rule.pk).edition) == (None, 3)


# --- named lists -------------------------------------------------------------------------------------------


@pytest.fixture
def partners():
    named = NamedList.objects.create(key="partners", name="Partners", field="company_domain")
    return replace_entries(named, ["acme.example", "globex.example"], None, NOW)


def values_of(named):
    return f"/admin/routing/namedlist/{named.pk}/values/"


def held(named):
    return sorted(ListEntry.objects.filter(list=named).values_list("value", flat=True))


def test_values_are_looked_at_first_then_added_or_put_in_place(partners, rita):
    text = "company_domain\nhttps://www.initech.example/about\nACME.example\n"
    seen = {"seen": partners.edition, "text": text}
    page = rita.post(values_of(partners), {**seen, "do": "look", "replace": "all"}).content.decode()
    assert [part in page for part in ("initech.example", "globex.example", "Change the list")] == [True] * 3
    assert held(partners) == ["acme.example", "globex.example"]
    assert rita.post(values_of(partners), {**seen, "do": "save"}).status_code == 302
    assert held(partners) == ["acme.example", "globex.example", "initech.example"]
    partners.refresh_from_db()
    again = {"seen": partners.edition, "text": text, "do": "save", "replace": "all"}
    assert rita.post(values_of(partners), again).status_code == 302
    assert held(partners) == ["acme.example", "initech.example"]


def test_cells_of_a_pasted_line_are_values_and_text_beside_a_file_is_not_dropped(partners, rita):
    both = {
        "seen": partners.edition,
        "text": "a.example",
        "file": SimpleUploadedFile("v.csv", b"b.example"),
        "do": "look",
    }
    answer = rita.post(values_of(partners), both)
    assert (answer.status_code, "as text or as a file, not both." in answer.content.decode()) == (422, True)
    rita.post(values_of(partners), {"seen": partners.edition, "text": "a.example\tb.example", "do": "save"})
    assert held(partners) == ["a.example", "acme.example", "b.example", "globex.example"]


def test_text_that_is_too_long_is_sent_to_a_file(partners, rule, rita):
    for page, size in ((table_of(rule), 500_001), (values_of(partners), 2_000_001)):
        seen = 1 if page == table_of(rule) else partners.edition
        answer = rita.post(page, {"seen": seen, "text": "x" * size, "do": "save"})
        said = f"The text has more than {size - 1:,} characters. Upload it as a file."
        assert (answer.status_code, said in answer.content.decode()) == (422, True)


def test_a_list_tells_which_tables_ask_about_it(people, rule, partners, rita):
    other = make_rule(rule.version, "territory_owner", name="Another", target="pool", pool=people.pool)
    for row, text in ((rule, "Company domain in list\tTier\npartners\tx"), (other, TEXT)):
        assert rita.post(table_of(row), {"text": text, "seen": 1, "do": "save"}).status_code == 302
    assert [names for _, names in list_imports.asked_by(partners)] == [["By country"]]


def test_the_second_of_two_is_told_and_nothing_is_done(partners, rita):
    rita.post(values_of(partners), {"seen": partners.edition, "text": "a.example", "do": "save"})
    answer = rita.post(values_of(partners), {"seen": partners.edition, "text": "b.example", "do": "save"})
    assert (answer.status_code, "rita changed this list since you opened it" in answer.content.decode()) == (409, True)
    assert "b.example" not in held(partners)


def test_values_that_no_lead_can_have_are_named_by_their_line(rita):
    named = NamedList.objects.create(key="dach", name="DACH", field="country")
    answer = rita.post(values_of(named), {"seen": 1, "text": "Germany\nAtlantis", "do": "save"})
    assert (answer.status_code, "Line 2: “Atlantis” is not a country." in answer.content.decode()) == (422, True)
    assert held(named) == []


def test_a_file_with_too_much_on_a_line_or_too_many_lines_is_refused(partners, rita, monkeypatch):
    monkeypatch.setattr(list_imports, "MOST_LINES", 50)
    for lines, said in (
        ([[f"a{n}.example" for n in range(31)]], "Line 1 has more than 30 cells. Put one value on each line."),
        ([[f"a{n}.example"] for n in range(51)], "The file has more than 50 lines. Split it."),
    ):
        fields = {"seen": partners.edition, "file": workbook(*lines), "do": "save"}
        answer = rita.post(values_of(partners), fields)
        assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert held(partners) == ["acme.example", "globex.example"]


def test_a_new_list_leads_to_where_its_values_are_given(rita):
    page = "/admin/routing/namedlist/add/"
    answer = rita.post(page, {"name": "DACH", "key": "dach", "field": "country", "note": ""})
    named = NamedList.objects.get()
    assert (answer.status_code, answer.url) == (302, values_of(named))
    again = rita.post(page, {"name": "Two", "key": "two", "field": "city", "note": "", "_addanother": "1"})
    assert again.url == page
    shown = rita.get("/admin/routing/namedlist/").content.decode()
    assert f'<a href="{values_of(named)}">0 values</a>' in shown


def test_ticked_values_go_out_and_a_search_finds_them(partners, rita):
    entry = ListEntry.objects.get(value="globex.example")
    page = rita.get(f"{values_of(partners)}?q=GLOB").content.decode()
    assert ("globex.example" in page, "acme.example" in page) == (True, False)
    rita.post(values_of(partners), {"seen": partners.edition, "do": "remove", "entry": [entry.pk]})
    assert held(partners) == ["acme.example"]


def test_nothing_ticked_takes_nothing_out_and_one_is_one(partners, rita):
    page = rita.post(f"{values_of(partners)}?q=a", {"seen": partners.edition, "do": "remove"}, follow=True)
    assert "Nothing was taken out: tick the values that shall go." in page.content.decode()
    assert page.redirect_chain[-1][0] == f"{values_of(partners)}?q=a"
    entry = ListEntry.objects.get(value="globex.example").pk
    fields = {"seen": partners.edition, "do": "remove", "entry": [entry]}
    assert "Took 1 value out." in rita.post(values_of(partners), fields, follow=True).content.decode()


def test_more_values_than_a_form_may_send_are_chosen_once_more(partners, rita, monkeypatch):
    monkeypatch.setattr(named_list, "LONGEST_PASTE", 100)
    file = SimpleUploadedFile("v.csv", "\n".join(f"a{number}.example" for number in range(50)).encode())
    answer = rita.post(values_of(partners), {"seen": partners.edition, "file": file, "do": "look"})
    page = answer.content.decode()
    assert ("Choose the file once more, then change the list." in page, "a49.example" in page) == (True, False)
    assert answer.context["change"].added == 50


def test_faults_of_a_file_stand_beside_it_and_as_many_as_one_mends_at_once(rita, rule):
    named = NamedList.objects.create(key="dach", name="DACH", field="country")
    file = SimpleUploadedFile("v.csv", b"Atlantis\n" * 40)
    form = rita.post(values_of(named), {"seen": 1, "file": file, "do": "save"}).context["form"]
    assert (len(form.errors["file"]), form.errors["file"][-1]) == (13, "And at least 28 more like these.")
    lines = "Country\n" + "Atlantis\n" * 40
    page = rita.post(table_of(rule), {"text": lines, "seen": 1, "do": "save"}).content.decode()
    assert (page.count("is not a country"), "And at least 28 more like these." in page) == (12, True)


def test_a_list_that_a_rule_asks_about_cannot_be_deleted(people, partners, rita):
    version = make_draft(people.elena)
    make_rule(version, "territory_owner", (1, "company_domain", "in_list", "partners"), name="Ours")
    assert "Ours" in rita.get(values_of(partners)).content.decode()
    replace_entries(partners, [], None, NOW)
    assert 'name="field"' not in rita.get(f"/admin/routing/namedlist/{partners.pk}/change/").content.decode()
    address = f"/admin/routing/namedlist/{partners.pk}/delete/"
    assert rita.post(address, {"post": "yes"}).status_code == 403
    RuleSetVersion.objects.all().delete()
    assert rita.post(address, {"post": "yes"}).status_code == 302
    assert NamedList.objects.count() == 0
