"""The reports as pages and files: the numbers of a period, whose they are, their rows, and what is asked wrongly."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client

from leads.models import Lead
from leads.tokens import hash_token
from owners.models import Installation, User
from owners.roles import Role
from routing import touch
from routing.models import ApiToken
from routing.moving import By
from routing.pipeline import drain
from routing.rulebook import publish
from tests.builders import NOW, make_owner, make_pool, make_rule, make_source, make_team, make_version
from tests.routing.batches import waiting
from tests.routing.people import sign_in, sign_up

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
WEEK = "/reports/?from=2026-11-17&to=2026-11-23&tz=Europe/Berlin"


@pytest.fixture
def company(monkeypatch):
    """Six leads: three demo requests for Elena in team north, two contacts for Omar in south, a webinar in review."""
    monkeypatch.setattr("routing.pages.reports.timezone.now", lambda: NOW + timedelta(hours=3))
    rita = make_owner("rita", accepts_leads=False)
    north, south = make_team("north"), make_team("south")
    elena, omar = make_owner("elena", north), make_owner("omar", south)
    north.lead = mia = make_owner("mia", accepts_leads=False, user=sign_up("mia", Role.MANAGER))
    north.save()
    version = make_version(rita)
    for owner, kind in ((elena, "demo"), (omar, "contact")):
        make_rule(
            version, "round_robin_pool", "pool", ("lead_type", "is", kind), pool=make_pool(f"of_{owner.key}", [owner])
        )
    make_rule(version, "manual_review", "review", owner=rita)
    publish(version, None, NOW)
    demos = [{"email": f"ada@acme{n}.example", "name": "=cmd|' /C calc'!A0" if n else "Ada"} for n in range(3)]
    ids = waiting(make_source("demos", rita, "demo"), *demos)
    waiting(make_source("web", rita), {"email": "bo@web.example"}, {"email": "cy@web2.example"})
    waiting(make_source("webinars", rita, "webinar"), {"email": "di@webinar.example"})
    drain(lambda: NOW + timedelta(seconds=20))
    touch.record(ids[0], "call", By(1, elena.pk, "Elena"), NOW + 10 * MINUTE)
    return {"mia": mia, "demos": Lead.objects.filter(pk__in=ids)}


def shares(page):
    return {
        tile["key"]: (tile["value"].replace("\xa0", " "), tile["sample"].split(";")[0], tile["met"])
        for tile in page.context["tiles"]
    }


def lines(answer):
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_sentence_comes_first_and_each_number_says_target_period_and_rows(company, django_assert_num_queries):
    client = sign_in("ruth", Role.REVOPS)
    client.get(WEEK)
    with django_assert_num_queries(11):
        page = client.get(WEEK)
    assert page.context["sentence"].replace("\xa0", " ") == (
        "6 leads, 3 demo requests, 17 Nov – 23 Nov 2026, Europe/Berlin: 83.3 % owned within a minute, "
        "83.3 % untouched after 30 minutes, 66.7 % of the demo requests unworked after an hour."
    )
    assert shares(page) == {
        "first_touch": ("none", "3 high-intent leads for sales", False),
        "owned_1": ("83.3 %", "5 of 6 leads for sales", False),
        "untouched_30": ("83.3 %", "5 of 6 leads for sales", False),
        "demos_unworked_60": ("66.7 %", "2 of 3 demo requests", None),
        "review": ("16.7 %", "1 of 6 new leads", False),
        "duplicates": ("0 %", "0 of 6 valid inquiries", True),
        "demos_booked": ("0 %", "0 of 3 demo requests", None),
    }
    touch.record(company["demos"][1].pk, "email", By(1, None, "Elena"), NOW + 40 * MINUTE)
    assert shares(client.get(WEEK))["first_touch"] == ("40 min", "3 high-intent leads for sales", False)
    assert (page.context["earlier"].since.isoformat(), page.context["earlier"].leads) == (
        "2026-11-10T00:00:00+01:00",
        0,
    )
    html = page.content.decode().replace("\xa0", " ")
    for part in ("before: nothing to compare with", "target at least 95 %", "<svg", "<rect", 'scope="row"'):
        assert part in html
    assert "style=" not in html.split("</head>")[1]
    assert [day for day, *_ in page.context["table"]] == [NOW.date()]


def test_rows_of_a_number_are_its_leads_and_no_cell_of_the_file_is_a_formula(company):
    client = sign_in("ruth", Role.REVOPS)
    asked = WEEK.split("?")[1]
    counted = client.get(f"/reports/demos_unworked_60/?{asked}").context["page"].object_list
    assert set(counted) == set(company["demos"].filter(touched_at=None))
    others = client.get(f"/reports/demos_unworked_60/?{asked}&others=1").context["page"].object_list
    assert set(others) == set(company["demos"].exclude(touched_at=None))
    assert client.get(f"/reports/leads/?{asked}").context["page"].paginator.count == 6
    assert client.get(f"/reports/nothing/?{asked}").status_code == 404
    answer = client.get(f"/reports/demos_unworked_60/export.csv?{asked}")
    head, *rows = lines(answer)
    assert (head[1], {row[1] for row in rows}) == ("buyer", {"'=cmd|' /C calc'!A0"})
    numbers = lines(client.get(f"/reports/export.csv?{asked}"))
    assert ["review", "1", "6", "0.1667"] in [[row[4].split()[-1], *row[5:8]] for row in numbers if row[0] == "period"]
    assert {row[0] for row in numbers} == {"period", "before", "day"}


def test_everybody_counts_their_own_and_marketing_sees_no_row(company):
    mia = sign_in("mia")
    page = mia.get(WEEK)
    assert (page.context["found"].leads, page.context["found"].demos) == (3, 3)
    assert mia.get("/reports/leads/?days=7").context["page"].paginator.count == 3
    assert mia.get("/")["Location"] == "/reports/"
    marketing = sign_in("mark", Role.MARKETING)
    page = marketing.get(WEEK)
    assert page.context["found"].leads == 6
    for hidden in ("/reports/leads/", "/reports/review/", "acme", "ada@"):
        assert hidden not in page.content.decode()
    assert marketing.get("/reports/review/").status_code == 403
    assert marketing.get("/reports/review/export.csv").status_code == 403
    assert sign_in("rob", Role.REP).get("/reports/").status_code == 403


WRONG = [
    ("from=2026-11-20&to=2026-11-10", "to", "10 Nov 2026 is before 20 Nov 2026: there is no day in between."),
    ("from=2027-01-01", "from", "1 Jan 2027 is still to come."),
    ("to=2026-11-10", "from", "Give the first day, too."),
    ("from=yesterday", "from", "Enter a valid date."),
    ("from=2020-01-01&to=2026-01-01", "to", "These are more than 400 days."),
    ("tz=Mars/Olympus", "tz", "“Mars/Olympus” is not a time zone."),
    ("days=12", "days", "Select a valid choice."),
    ("compare=friends", "compare", "Select a valid choice."),
]


def test_what_is_asked_wrongly_is_told_beside_its_field(company):
    client = sign_in("ruth", Role.REVOPS)
    for asked, field, told in WRONG:
        page = client.get(f"/reports/?{asked}")
        assert (page.status_code, list(page.context["form"].errors)) == (400, [field]), asked
        assert told in page.context["form"].errors[field][0]
        assert told.split(":")[0] in page.content.decode()
        assert client.get(f"/reports/export.csv?{asked}").status_code == 400
        assert client.get(f"/reports/review/?{asked}").status_code == 400


def test_usual_periods_end_now_in_the_companys_zone_and_an_empty_one_says_so(company):
    Installation.objects.create(id=1, time_zone="Asia/Tokyo")
    client = sign_in("ruth", Role.REVOPS)
    page = client.get("/reports/?compare=nothing")
    period = page.context["period"]
    assert (period.days, str(period.zone), period.until - period.since) == (30, "Asia/Tokyo", timedelta(days=30))
    assert (page.context["earlier"], page.context["found"].leads) == (None, 6)
    empty = client.get("/reports/?from=2026-11-01&to=2026-11-02")
    assert "0 leads, 0 demo requests, 1 Nov – 2 Nov 2026, Asia/Tokyo." in empty.content.decode()
    year = client.get("/reports/?from=2026-11-02&to=2026-11-02&compare=year&tz=UTC").context["period"]
    assert (year.words, year.earlier[0].date().isoformat()) == ("2 Nov 2026", "2025-11-03")


def test_the_api_answers_the_same_numbers_to_tokens_for_reports(company):
    tokens = {"all": ("reports", None), "mias": ("reports", User.objects.get(username="mia")), "reader": ("read", None)}
    for name, (scope, user) in tokens.items():
        ApiToken.objects.create(name=name, scope=scope, user=user, token_hash=hash_token(name))

    def ask(token, query="from=2026-11-17&to=2026-11-23&tz=Europe/Berlin"):
        return Client().get(f"/api/v1/reports/overview?{query}", headers={"Authorization": f"Bearer {token}"})

    answer = ask("all").json()
    assert (answer["leads"], answer["demos"], answer["since"]) == (6, 3, "2026-11-16T23:00:00Z")
    assert [(n["key"], n["count"], n["base"]) for n in answer["numbers"]][:2] == [
        ("owned_1", 5, 6), ("untouched_30", 5, 6),
    ]  # fmt: skip
    assert answer["first_touch"] == {"seconds": None, "base": 3, "on_target": False}
    assert ask("mias").json()["leads"] == 3
    assert ask("reader").status_code == 403
    for wrong in (
        "from=2026-11-20&to=2026-11-10",
        "from=soon&to=2026-11-10",
        "from=2026-11-10&to=2026-11-10&tz=Mars/X",
    ):
        assert (ask("all", wrong).status_code, ask("all", wrong).json()["code"]) == (400, "bad_request")
