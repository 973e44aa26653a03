"""Territories from a spreadsheet: what a file may be, what each line would do, and all of it or nothing."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from owners.areas import Area
from owners.models import AreaImport, Territory, TerritoryArea, User
from routing.areas import export, sheet
from routing.areas.check import check
from routing.areas.kept import apply, found_of, keep, kept_of
from routing.areas.sheet import read_sheet
from routing.current import people_now
from routing.doctor import findings
from routing.maps import map_number
from routing.spreadsheet import BadFile
from tests.builders import make_owner, make_team, make_territory

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def user():
    return User.objects.create(username="ops", is_staff=True, is_superuser=True)


@pytest.fixture
def ops(client, user):
    client.force_login(user)
    return client


@pytest.fixture
def dach():
    territory = make_territory("dach", make_owner("elena"), ["DE", "AT"], name="DACH")
    TerritoryArea.objects.create(territory=territory, country="DE", postal_from="10100", postal_to="10199")
    make_territory("bavaria", make_owner("marco", email="marco@firm.example"), [], name="Bavaria")
    return territory


def told(text, replace=""):
    """(line, kind, note) of every line."""
    found = check(read_sheet(text.encode()), replace)
    return [(line.line, line.kind, line.note) for line in found.lines]


def upload(ops, data, name="areas.csv", replace=""):
    data = data.encode() if isinstance(data, str) else data
    form = {"file": SimpleUploadedFile(name, data), "replace": replace}
    return ops.post(reverse("pages:territory-import"), form)


FILE = """\
Territory;Country;Region;City;PLZ;Postal-Prefix;von;bis;Owner;Notes
dach;Germany;;;;101;;;;
Bavaria;DE;Bayern;;;;;;;
bavaria;de;;München;;;;;;
bavaria;DE;;;1067;;;;;

Bavaria;AT;;;;;;;;moves
North;DE;;;;;20000;20999;marco@firm.example;
North;DE;;;;;20500;21500;;
DACH;DE;;;;;10150;10250;;
dach;Narnia;;;;;;;;
dach;DE;;Bonn;;53;;;;
dach;DE;;;;101;;;;
nobodys;DE;;;;99;;;;
Bavaria;DE;;;;101;;;;
Bavaria;DE;;;;98;;;elena;
"""


def test_every_line_says_what_it_would_do_or_why_it_cannot(dach):
    assert told(FILE) == [
        (2, "added", ""), (3, "added", ""), (4, "added", ""), (5, "added", ""), (7, "moved", "from DACH"),
        (8, "added", ""),
        (9, "error", "DE 20500 to 21500 overlaps DE 20000 to 20999 of line 8, and neither lies within the other. Let"
                     " one end before the other begins."),
        (10, "error", "DE 10150 to 10250 overlaps DE 10100 to 10199 of territory DACH, and neither lies within the"
                      " other. Let one end before the other begins."),
        (11, "error", "“Narnia” is no country. Write its code, such as DE, or its name."),
        (12, "error", "Give a region, a city, the beginning of a postal code or a range, one of them; none is the whole"
                      " country."),
        (13, "same", "as in line 2"),
        (14, "error", "There is no territory “nobodys”. Name its owner or team in this line, and it is made."),
        (15, "error", "DE 101 stands in line 2 already, for territory DACH. Keep one of the two lines."),
        (16, "error", "Bavaria has another owner. Change it on the territory’s page, or leave the cell empty."),
    ]  # fmt: skip


def test_preview_and_application_of_the_good_lines(ops, user, dach):
    before = map_number()
    assert upload(ops, FILE).url == reverse("pages:territory-preview")
    page = ops.get(reverse("pages:territory-preview"))
    words = " ".join(page.content.decode().split())
    assert [(number, word) for number, word, _ in page.context["totals"]] == [
        (7, "wrong"), (0, "removed"), (1, "moved"), (5, "added"), (1, "there already"),
    ]  # fmt: skip
    assert "Not read: column Notes." in words
    assert "1 territory is new and will be made: North." in words
    assert (map_number(), TerritoryArea.objects.count()) == (before, 3)
    wrong = list(csv.reader(io.StringIO(ops.get(reverse("pages:territory-wrong")).getvalue().decode())))
    assert wrong[0] == ["territory", "country", "city", "postal_prefix", "postal_from", "postal_to", "owner", "line",
                        "what is wrong"]  # fmt: skip
    assert [row[7] for row in wrong[1:]] == ["9", "10", "11", "12", "14", "15", "16"]
    form = {"of": page.context["kept"].made_at.isoformat()}
    with CaptureQueriesContext(connection) as queries:
        assert ops.post(reverse("pages:territory-apply"), form).url == reverse("admin:owners_territory_changelist")
    held = {Area(*area): key for *area, key in TerritoryArea.objects.values_list(*Area._fields, "territory__key")}
    assert held == {
        Area("DE"): "dach", Area("AT"): "bavaria", Area("DE", postal_from="10100", postal_to="10199"): "dach",
        Area("DE", postal_prefix="101"): "dach", Area("DE", "DE-BY"): "bavaria", Area("DE", city="munchen"): "bavaria",
        Area("DE", postal_prefix="01067"): "bavaria", Area("DE", postal_from="20000", postal_to="20999"): "north",
    }  # fmt: skip
    assert (map_number(), AreaImport.objects.exists()) == (before + 1, False)
    assert Territory.objects.get(key="north").owner.key == "marco"
    assert sorted(LogEntry.objects.values_list("object_repr", "change_message")) == [
        ("Bavaria", "Areas from areas.csv: 3 added, 1 moved here."), ("DACH", "Areas from areas.csv: 1 added."),
        ("North", "Areas from areas.csv: 1 added."),
    ]  # fmt: skip
    assert people_now().territory_of("DE", "", "", "MÜNCHEN").key == "bavaria"
    assert len(queries) < 40
    again = ops.post(reverse("pages:territory-apply"), form, follow=True)
    assert "Nothing was applied" in again.content.decode()


def test_replacing_removes_what_the_file_leaves_out_unless_a_line_is_wrong(dach):
    rows = "territory,country,postal_prefix\ndach,DE,\nbavaria,CH,8\n"
    assert [line for line in told(rows, "territories") if line[1] == "removed"] == [
        (0, "removed", "not in the file")
    ] * 2
    assert [kind for _, kind, _ in told(rows, "countries")] == ["same", "added", "removed"]
    assert [kind for _, kind, _ in told(rows + "dach,XX,\n", "territories")] == ["same", "added", "error"]


def test_a_map_that_changed_after_the_preview_is_shown_anew_and_nothing_is_applied(ops, user, dach):
    upload(ops, "territory,country\nbavaria,AT\nbavaria,FR\n")
    kept = kept_of(user, timezone.now())
    TerritoryArea.objects.filter(country="AT").delete()
    page = ops.post(reverse("pages:territory-apply"), {"of": kept.made_at.isoformat()}, follow=True)
    assert "the map changed after the preview" in page.content.decode()
    assert [line.kind for line in found_of(kept_of(user, timezone.now())).lines] == ["added", "added"]
    assert not TerritoryArea.objects.filter(country="FR").exists()
    assert kept_of(user, timezone.now() + timedelta(days=2)) is None


def packed(**parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/") + ".xml", data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b"%PDF-1.7 ...", "This is a PDF."),
        (b"\xd0\xcf\x11\xe0....", "This is an old XLS file."),
        (b"\x00\x01\x02\x03", "This is no text."),
        (b"\n\n", "The file has no line."),
        (b"Gebiet,Stadt\nx,y\n", "Column country is missing."),
        (b"a;b\n1;2\n", "Columns territory and country are missing."),
        (b"territory,country,land\n", "Two columns are the country."),
        (b'territory,country\n"dach,DE\n' + b"x" * 140_000, "Line 2 cannot be read"),
        (packed(word__document="<x/>"), "This is a ZIP file and no XLSX."),
        (packed(xl__workbook="<x/>"), "The XLSX file cannot be read"),
        (packed(xl__workbook="<x/>", xl__sharedStrings="0" * 61_000_000), "The file unpacks to more than"),
        (b"PK\x03\x04broken", "The XLSX file is damaged."),
        (b"territory,country\n" + b"dach,DE\n" * 5001, "The file has more than 5,000 lines."),
    ],
)  # fmt: skip
def test_another_kind_of_file_is_refused_in_one_sentence(ops, data, sentence, monkeypatch):
    monkeypatch.setattr(sheet, "MOST_LINES", 5_000)
    answer = upload(ops, data)
    if not data:  # Django says it before us
        assert "The submitted file is empty." in answer.content.decode()
        with pytest.raises(BadFile, match=sentence):
            read_sheet(data)
        return
    assert (answer.status_code, answer.context["form"].errors["file"][0].startswith(sentence)) == (422, True)
    assert not AreaImport.objects.exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_text_in_any_usual_encoding_and_delimiter_is_read(dach, encoding, delimiter):
    text = f"territory{delimiter}country{delimiter}city\r\ndach{delimiter}DE{delimiter}Köln\r\n".encode(encoding)
    (line,) = check(read_sheet(text), "").lines
    assert (line.kind, line.area) == ("added", Area("DE", city="koln"))


def test_an_export_comes_back_as_it_was_and_its_cells_are_no_formulas(ops, dach):
    make_territory("formula", None, ["CH"], name="=1+1", team=make_team("east"))
    TerritoryArea.objects.create(territory=dach, country="GB", postal_prefix="E1 1")
    TerritoryArea.objects.create(territory=dach, country="DE", postal_prefix="01067")
    for name in ("csv", "xlsx"):
        answer = ops.get(reverse("pages:territory-export"), {"format": name})
        data = answer.getvalue()
        assert b"=1+1" not in data
        assert {line.kind for line in check(read_sheet(data), "countries").lines} == {"same"}
    assert next(export.lines(TerritoryArea.objects.all())) == export.HEAD


def test_the_queries_of_an_import_do_not_depend_on_its_lines(user, dach):
    ContentType.objects.get_for_model(Territory)  # read once in each process
    counted = []
    for count in (2, 5_000):
        TerritoryArea.objects.filter(country="US").delete()
        rows = "territory,country,postal_prefix\n" + "".join(f"dach,US,{number:05}\n" for number in range(count))
        with CaptureQueriesContext(connection) as queries:
            kept = keep(user, "large.csv", rows.encode(), "", timezone.now())
            assert apply(kept, timezone.now())["added"] == count
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_ranges_that_came_past_every_check_are_the_doctors(dach):
    marco = Territory.objects.get(key="bavaria")
    TerritoryArea.objects.create(territory=marco, country="DE", postal_from="10150", postal_to="10250")
    found = [finding.sentence for finding in findings(timezone.now()) if finding.code == "areas_overlap"]
    assert found == [
        "The ranges DE 10100 to 10199 of territory DACH and DE 10150 to 10250 of territory Bavaria overlap, and neither"
        " lies within the other. Let one end before the other begins."
    ]
