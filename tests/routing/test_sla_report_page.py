"""The SLA report as pages, files and JSON: what stands there, whose leads it counts, that each number leads to exactly
its leads, and what is asked wrongly."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from leads.models import Lead, Source
from leads.tokens import hash_token
from owners.models import Installation, User
from owners.roles import Role
from routing import touch
from routing.escalation import sweep
from routing.models import ApiToken
from routing.moving import By
from routing.pages.chart import figures_chart, said
from routing.pages.sla_tables import CARE, SPEED, change, tone
from routing.pipeline import drain
from routing.reporting.measures import BY_KEY, MEASURES
from routing.reporting.values import Figure, Period, Point
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_team, make_version
from tests.routing.batches import waiting
from tests.routing.people import sign_in, sign_up

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
DAYS = "from=2026-11-17&to=2026-11-23&tz=Europe/Berlin"
WEEK = f"/reports/sla/?{DAYS}"
OF_INQUIRIES = re.compile("measure=(duplicates|exceptions)")
LINK = re.compile(r'href="(/reports/sla/leads/\?[^"]*)"')


@pytest.fixture
def company(monkeypatch):
    """Demo requests for Elena in team north, contacts for Omar in team south, a webinar in review, one that came twice;
    two hours later three were touched, one of them late, and what was promised of the others is broken."""
    monkeypatch.setattr("routing.pages.sla.timezone.now", lambda: NOW + timedelta(hours=3))
    monkeypatch.setattr("routing.api.sla.timezone.now", lambda: NOW + timedelta(hours=3))
    rita = make_owner("rita", accepts_leads=False)
    north, south = make_team("north"), make_team("south")
    elena, omar = make_owner("elena", north), make_owner("omar", south)
    for team, name in ((north, "mia"), (south, "sven")):
        team.lead = make_owner(name, accepts_leads=False, user=sign_up(name, Role.MANAGER))
        team.save()
    version = make_version(rita)
    for owner, kind in ((elena, "demo"), (omar, "contact")):
        pool = make_pool(f"of_{owner.key}", [owner], team=owner.memberships.get().team)
        make_rule(version, "round_robin_pool", "pool", ("lead_type", "is", kind), pool=pool)
    make_rule(version, "manual_review", "review", owner=rita)
    publish(version, None, NOW)
    demos = [{"email": f"ada@acme{n}.example", "name": "=cmd|' /C calc'!A0" if n else "Ada"} for n in range(3)]
    web = make_source("web", rita)
    ids = waiting(make_source("demos", rita, "demo"), *demos)
    ids += waiting(web, {"email": "bo@web.example"}, {"email": "cy@web2.example"})
    waiting(make_source("webinars", rita, "webinar"), {"email": "di@webinar.example"})
    drain(lambda: NOW + timedelta(seconds=20))
    waiting(web, demos[0])
    drain(lambda: NOW + 2 * MINUTE)
    touch.record(ids[0], "call", By(1, elena.pk, "Elena"), NOW + 10 * MINUTE)
    touch.record(ids[3], "meeting", By(1, omar.pk, "Omar"), NOW + 5 * MINUTE)
    sweep(NOW + 16 * MINUTE)
    touch.record(ids[4], "email", By(1, omar.pk, "Omar"), NOW + 50 * MINUTE)
    return {"demos": ids[:3], "contacts": ids[3:]}


def lines(answer):
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def plain(text):
    return text.replace("\xa0", " ")


def tiles_of(page):
    return {tile.key: tile for _, tiles in page.context["groups"] for tile in tiles}


def test_the_number_of_statements_does_not_grow_with_the_leads(company):
    client, asked = sign_in("ruth", Role.REVOPS), []
    client.get(WEEK)
    for _ in range(2):
        with CaptureQueriesContext(connection) as seen:
            page = client.get(WEEK)
        asked.append(len(seen))
        waiting(Source.objects.get(key="demos"), *({"email": f"new@more{n}.example"} for n in range(9)))
        drain(lambda: NOW + 5 * MINUTE)
    assert (asked[0] == asked[1], asked[0] <= 36, page.context["report"].sample) == (True, True, 15)


def test_sentence_and_tiles_are_those_of_the_rows(company):
    page = sign_in("ruth", Role.REVOPS).get(WEEK)
    assert plain(page.context["sentence"]) == (
        "Median first touch of high-intent leads longer than any, as half of them have none, target 15 min; 66.7 % "
        "untouched after 30 min, target 10 %; 6 leads, 17 Nov – 23 Nov 2026, Europe/Berlin."
    )
    tiles = tiles_of(page)
    assert set(tiles) == {measure.key for measure in MEASURES} | {"sample", "breaches"}
    assert set(SPEED) | set(CARE) == set(BY_KEY)
    quiet = tiles["inactive_30"]
    assert (plain(quiet.value), quiet.tone, quiet.sample) == ("66.7 %", "few", "4 of 6 leads for sales")
    assert (quiet.before, [words for words, _ in quiet.links]) == (None, ["the 4 counted", "the other 2"])
    report = page.context["report"]
    assert (tiles["breaches"].value, tiles["sample"].value) == (str(report.breaches.count), "6")
    html = plain(page.content.decode())
    for part in ("<svg", "target 10 %", "few leads", "before: nothing to compare with", "What each number means"):
        assert part in html
    assert [sign for sign in ("<style", " style=", " onclick=") if sign in html] == []
    assert {part["key"]: [row.record["name"] for row in part["table"].rows] for part in page.context["tables"]} == {
        "lead_type": ["Demo", "Contact", "Webinar"], "source": ["Demos", "Web", "Webinars"],
        "path": ["Round robin pool", "Manual review"], "team": ["North", "South", "No team"],
        "rep": ["Elena", "Omar", "Nobody"],
    }  # fmt: skip


def test_each_number_leads_to_exactly_its_leads(company):
    client = sign_in("ruth", Role.REVOPS)
    page = client.get(WEEK)
    cells = [
        cell for part in page.context["tables"] for row in part["table"].rows
        for cell in (row.record["sample"], *row.record["cells"])
    ] + [cell for point in page.context["points"] for cell in (point["sample"], *point["cells"])]  # fmt: skip
    links = {cell.href: int((cell.sample or cell.value).split(" ")[0]) for cell in cells if cell.href}
    for tile in tiles_of(page).values():
        links |= {href: int(re.search(r"\d+", words)[0]) for words, href in tile.links if re.search(r"\d", words)}
    assert (len(links) > 60, {escape(link) for link in links} <= set(LINK.findall(page.content.decode()))) == (
        True, True,
    )  # fmt: skip
    links = {link: number for link, number in links.items() if not OF_INQUIRIES.search(link)}
    some = sorted(links)[::3]
    found = {link: client.get(link).context["page"].paginator.count for link in some}
    assert found == {link: links[link] for link in some}
    for measure, leads in (("duplicates", 1), ("exceptions", 1)):  # as many inquiries, and each lead once
        assert client.get(f"/reports/sla/leads/?{DAYS}&measure={measure}").context["page"].paginator.count == leads
    report = page.context["report"]
    assert client.get(f"/reports/sla/breaches/?{DAYS}").context["page"].paginator.count == report.breaches.count > 3
    assert len(page.context["breaches"]) == min(10, report.breaches.count)


def test_filters_narrow_the_page_and_are_kept_by_its_links(company):
    client = sign_in("ruth", Role.REVOPS)
    for asked, sample in (
        ("source=web", 2), ("lead_type=demo", 3), ("team=south", 2), ("rep=elena", 3), ("path=manual_review", 1),
        ("team=none", 1), ("rep=none", 1), ("source=web&rep=elena", 0), ("path=", 6),
    ):  # fmt: skip
        page = client.get(f"{WEEK}&{asked}")
        assert (page.status_code, page.context["report"].sample) == (200, sample), asked
    page = client.get(f"{WEEK}&source=web&team=south")
    assert page.context["sentence"].endswith("Europe/Berlin; source Web, team South.")
    assert [(label, name) for label, name, _ in page.context["asked"].picked] == [("Source", "Web"), ("Team", "South")]
    assert all("source=web" in link and "team=south" in link for link in LINK.findall(page.content.decode()))
    ordered = client.get(f"{WEEK}&rep-sort=-name&source-sort=sample").context["tables"]
    names = {part["key"]: [row.record["name"] for row in part["table"].rows] for part in ordered}
    assert (names["rep"], names["source"]) == (["Omar", "Nobody", "Elena"], ["Webinars", "Web", "Demos"])


def test_usual_days_are_whole_and_an_empty_period_says_what_to_do(company):
    Installation.objects.create(id=1, time_zone="Asia/Tokyo")
    client = sign_in("ruth", Role.REVOPS)
    asked = client.get("/reports/sla/").context["asked"]
    assert (asked.days, asked.period.since.isoformat(), len(asked.period.dates)) == (
        30, "2026-10-25T00:00:00+09:00", 30,
    )  # fmt: skip
    year = client.get("/reports/sla/?days=365")
    assert (year.context["report"].grain, "23 Nov 2026" in year.content.decode()) == ("week", True)
    assert '<input type="hidden" name="days" value="365">' in year.content.decode()  # the filters keep the period
    empty = client.get("/reports/sla/?from=2026-11-01&to=2026-11-02&source=web")
    text = empty.content.decode()
    assert (empty.status_code, "0 leads, 1 Nov – 2 Nov 2026, Asia/Tokyo; source Web." in text) == (200, True)
    assert "No lead arrived. Choose a longer period or <a" in text
    assert client.get("/reports/sla/export.csv?from=2026-11-01&to=2026-11-02").status_code == 200
    assert client.get("/reports/sla/leads/?from=2026-11-01&to=2026-11-02").status_code == 200


WRONG = [
    ("from=2026-11-20&to=2026-11-10", "to", "10 Nov 2026 is before 20 Nov 2026"),
    ("from=2027-01-01", "from", "1 Jan 2027 is still to come."),
    ("to=2026-11-10", "from", "Give the first day, too."),
    ("from=yesterday", "from", "Enter a valid date."),
    ("from=2020-01-01&to=2026-01-01", "to", "These are more than 400 days."),
    ("from=0001-01-01&to=0001-01-02", "from", "is too long ago. Give a day from 1 Jan 2000 on."),
    ("tz=Mars/Olympus", "tz", "“Mars/Olympus” is not a time zone."),
    ("days=12", "days", "Select a valid choice."),
    ("source=fax", "source", "“fax” is no source that you see. Choose one of the list."),
    ("path=nowhere", "path", "“nowhere” is no path"),
    ("team=%00", "team", "is no team"),
    ("rep=" + "x" * 5000, "rep", "is no rep"),
]


def test_what_is_asked_wrongly_is_told_beside_its_field(company):
    client = sign_in("ruth", Role.REVOPS)
    for asked, field, told in WRONG:
        page = client.get(f"/reports/sla/?{asked}")
        assert (page.status_code, list(page.context["form"].errors)) == (400, [field]), asked
        assert told in page.context["form"].errors[field][0]
        assert told in page.content.decode()
    both = client.get("/reports/sla/?from=2026-11-20&to=2026-11-10&source=fax").context["form"].errors
    assert set(both) == {"to", "source"}
    for other in ("export.csv", "leads/", "leads/export.csv", "breaches/", "breaches/export.csv"):
        assert client.get(f"/reports/sla/{other}?{asked}").status_code == 400
    assert client.get(f"/reports/sla/leads/?{DAYS}&measure=luck").status_code == 404
    assert client.get(f"/reports/sla/export.csv?{DAYS}&table=luck").status_code == 404
    assert client.get(f"{WEEK}&page=x&rep-sort=nothing,--name&lead_type-sort=%00").status_code == 200


def test_files_hold_every_number_and_no_cell_is_a_formula(company):
    client = sign_in("ruth", Role.REVOPS)
    head, *rows = lines(client.get(f"/reports/sla/export.csv?{DAYS}"))
    quiet = next(row for row in rows if row[4] == "No activity in the first 30 minutes")
    assert (quiet[0], quiet[3], quiet[5:12]) == (
        "this", "Europe/Berlin", ["0.6667", "share", "4", "6", "0.1", "", "yes"],
    )  # fmt: skip
    assert len(rows) == 2 * len(MEASURES)
    for table, names in (("rep", ["Elena", "Omar", "Nobody"]), ("lead_type", ["Demo", "Contact", "Webinar"])):
        head, *rows = lines(client.get(f"/reports/sla/export.csv?{DAYS}&table={table}"))
        assert [row[3] for row in rows if row[4] != "0"] == names
        assert {len(row) for row in rows} == {len(head)} == {5 + 3 * len(MEASURES)}
    assert len(lines(client.get(f"/reports/sla/export.csv?{DAYS}&table=trend"))) == 8
    Lead.objects.filter(pk__in=company["contacts"]).update(name="+49 30 1")
    names = {row[1] for row in lines(client.get(f"/reports/sla/leads/export.csv?{DAYS}"))[1:]}
    assert names == {"Ada", "'=cmd|' /C calc'!A0", "'+49 30 1", ""}
    head, *rows = lines(client.get(f"/reports/sla/breaches/export.csv?{DAYS}"))
    assert head[-1] == "late seconds"
    late = {row[1]: (row[2], row[-1]) for row in rows if row[-1]}
    assert late["'+49 30 1"] == ("first human touch", str(50 * 60 - 15 * 60 - 20))


def test_managers_see_nothing_of_another_team_and_marketing_no_lead(company):
    mia, sven = sign_in("mia"), sign_in("sven")
    page = mia.get(WEEK)
    assert page.context["report"].sample == 3
    assert [[row.record["name"] for row in part["table"].rows] for part in page.context["tables"]] == [
        ["Demo"], ["Demos"], ["Round robin pool"], ["North"], ["Elena"],
    ]  # fmt: skip
    ids = set(company["demos"])
    assert {lead.pk for lead in mia.get(f"/reports/sla/leads/?{DAYS}").context["page"]} == ids
    assert {clock.lead_id for clock in mia.get(f"/reports/sla/breaches/?{DAYS}").context["page"]} < ids
    files = "".join(
        b"".join(mia.get(f"/reports/sla/{name}?{DAYS}&table=rep").streaming_content).decode()
        for name in ("export.csv", "leads/export.csv", "breaches/export.csv")
    )
    for foreign in ("Omar", "omar", ">South", ",South", "south", "web.example", "web2.example"):
        assert foreign not in page.content.decode() + files
    for asked in ("rep=omar", "team=south"):
        assert mia.get(f"{WEEK}&{asked}").status_code == mia.get(f"{WEEK}&{asked}x").status_code == 400
    assert mia.get(f"{WEEK}&source=web").context["report"].sample == 0
    # A lead that moves to Omar is his manager's from then on, wherever it began, and can be asked for by that.
    lead = Lead.objects.get(pk=company["demos"][1])
    Lead.objects.filter(pk=lead.pk).update(owner=Lead.objects.get(pk=company["contacts"][0]).owner)
    touch.record(lead.pk, "call", By(1, None, "Omar"), NOW + 60 * MINUTE)
    assert mia.get(WEEK).context["report"].sample == 2
    begun = sven.get(f"{WEEK}&rep=elena&team=north")
    assert (begun.status_code, begun.context["report"].sample) == (200, 1)
    marketing = sign_in("mark", Role.MARKETING)
    text = marketing.get(WEEK).content.decode()
    for hidden in ("/reports/sla/leads/", "/reports/sla/breaches", "acme", "ada@"):
        assert hidden not in text
    assert "Elena" in text
    assert marketing.get(f"/reports/sla/export.csv?{DAYS}").status_code == 200


def test_the_api_answers_the_same_numbers_to_tokens_for_reports(company):
    tokens = {"all": ("reports", None), "mias": ("reports", User.objects.get(username="mia")), "reader": ("read", None)}
    for name, (scope, user) in tokens.items():
        ApiToken.objects.create(name=name, scope=scope, user=user, token_hash=hash_token(name))

    def ask(token, query=DAYS):
        return Client().get(f"/api/v1/reports/sla?{query}", headers={"Authorization": f"Bearer {token}"})

    answer = ask("all").json()
    report = sign_in("ruth", Role.REVOPS).get(WEEK).context["report"]
    assert (answer["leads"], answer["since"], answer["tz"]) == (6, "2026-11-16T23:00:00Z", "Europe/Berlin")
    assert {row["key"]: (row["value"], row["count"], row["base"]) for row in answer["figures"]} == {
        key: (figure.value, figure.count, figure.base) for key, figure in report.figures.items()
    }
    assert [(row["key"], row["leads"]) for row in answer["by"]["rep"] if row["leads"]] == [
        ("elena", 3), ("omar", 2), ("none", 1),
    ]  # fmt: skip
    assert (len(answer["trend"]), answer["breaches"]["count"]) == (7, report.breaches.count)
    assert [measure["key"] for measure in answer["measures"]] == list(report.figures)
    assert (ask("all", f"{DAYS}&source=web&team=south").json()["leads"], ask("mias").json()["leads"]) == (2, 3)
    assert ask("mias", f"{DAYS}&rep=omar").status_code == 400
    assert ask("reader").status_code == 403
    for wrong in (
        "from=2026-11-20&to=2026-11-10", "from=soon&to=2026-11-10", "from=2026-11-10&to=2026-11-10&tz=Mars/X",
        f"{DAYS}&source=fax", f"{DAYS}&team=%00", "from=0001-01-01&to=0001-01-02", "from=9999-12-31&to=9999-12-31",
    ):  # fmt: skip
        assert (ask("all", wrong).status_code, ask("all", wrong).json()["code"]) == (400, "bad_request"), wrong


def test_numbers_are_judged_and_compared_only_where_there_are_enough_leads():
    quiet, touch_high = BY_KEY["inactive_30"], BY_KEY["touch_high"]
    many, more, few = Figure(quiet, 0.05, 5, 100), Figure(quiet, 0.2, 20, 100), Figure(quiet, 0.2, 2, 10)
    assert [tone(figure) for figure in (many, more, few, Figure(quiet, None, 0, 0))] == ["good", "bad", "few", ""]
    assert [plain(said(figure)) for figure in (many, Figure(quiet, None, 0, 0))] == ["5 %", "–"]
    assert (change(many, more), change(more, many)) == (
        ("15 points less, better", "good"),
        ("15 points more, worse", "bad"),
    )
    assert (change(many, few), change(many, many)) == (("15 points less", ""), ("as before", ""))
    slow, none = Figure(touch_high, 8000.0, 40, 40), Figure(touch_high, None, 40, 40)
    assert (tone(none), said(none), said(slow)) == ("bad", "none", "2 h 13")
    assert change(Figure(touch_high, 540.0, 40, 40), Figure(touch_high, 720.0, 40, 40)) == (
        "3 min less, better",
        "good",
    )
    part = Period(NOW, NOW + timedelta(days=1), NOW.tzinfo)
    points = [Point(part, 40, {"touch_high": figure}) for figure in (slow, none, Figure(touch_high, None, 0, 0))]
    chart = figures_chart("touch_high", points, ["Mon", "Tue", "Wed"], True)
    assert ([bar.title for bar in chart.bars], chart.ticks[1][1], chart.target[1]) == (
        ["Mon: 2 h 13, 40 leads", "Tue: none, 40 leads"], "1 h 00+", "target 15 min",
    )  # fmt: skip
