"""One matcher: who a lead is, from the rows that share its e-mail, phone or domain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.matching import CompanyRow, ContactRow, folded, full_name, match_company, match_contact

ADA = ContactRow(1, "ada@acme.example", "+4930123456", "ada lovelace", 70, None)
MAIL, PHONE = "ada@acme.example", "+4930123456"
LEAD = {"email": MAIL, "phone": PHONE, "first_name": "Ada", "last_name": "Lovelace"}


def test_an_e_mail_makes_certain_whatever_the_name_says():
    lead = {"email": MAIL, "first_name": "A.", "last_name": "L."}
    assert match_contact(lead, [ADA], []) == ("certain", 1, ((1, ("email",)),))


def test_what_matched_is_named():
    assert match_contact(LEAD, [ADA], [ADA]) == ("certain", 1, ((1, ("email", "phone", "name")),))


def test_nothing_to_go_by_is_none_and_nothing_found_is_new():
    assert match_contact({}, [], []).verdict == "none"
    assert match_contact(LEAD, [], []).verdict == "new"


@pytest.mark.parametrize(
    ("lead", "row", "verdict"),
    [
        ({"phone": PHONE}, ADA, "certain"),  # no other e-mail to speak against it
        ({"email": "ada@home.example", "phone": PHONE}, ADA._replace(email=""), "certain"),
        (LEAD | {"email": "ada@home.example"}, ADA, "certain"),  # the same name
        (LEAD | {"email": "bob@acme.example", "first_name": "Bob"}, ADA, "new"),  # a colleague
        ({"email": "bob@acme.example", "phone": PHONE}, ADA, "ambiguous"),  # it cannot be told
        (LEAD | {"email": "bob@acme.example"}, ADA._replace(name=""), "ambiguous"),
    ],
)
def test_a_shared_phone_number_makes_certain_only_where_nothing_speaks_against_it(lead, row, verdict):
    match = match_contact(lead, [], [row])
    assert (match.verdict, match.id) == (verdict, 1 if verdict == "certain" else None)
    assert [id for id, _ in match.candidates] == ([] if verdict == "new" else [1])


def test_two_contacts_of_one_e_mail_are_ambiguous_and_both_are_listed():
    twin = ADA._replace(id=2)
    match = match_contact({"email": MAIL}, [twin, ADA], [])
    assert match == ("ambiguous", None, ((1, ("email",)), (2, ("email",))))


def test_the_name_tells_two_contacts_of_one_e_mail_apart():
    match = match_contact(
        {"email": MAIL, "first_name": "Ada", "last_name": "LOVELACE"}, [ADA._replace(id=2, name="x"), ADA], []
    )
    assert (match.verdict, match.id) == ("certain", 1)
    assert match.candidates == ((1, ("email", "name")), (2, ("email",)))


def test_an_e_mail_and_a_phone_that_point_at_two_people_are_ambiguous():
    other = ContactRow(2, "", PHONE, "", None, None)
    match = match_contact({"email": MAIL, "phone": PHONE}, [ADA._replace(phone="")], [other])
    assert match == ("ambiguous", None, ((1, ("email",)), (2, ("phone",))))


def test_an_e_mail_with_the_phone_beats_a_contact_of_the_phone_alone():
    other = ContactRow(2, "", PHONE, "", None, None)
    assert match_contact({"email": MAIL, "phone": PHONE}, [ADA], [ADA, other]).id == 1


def test_a_second_contact_of_the_e_mail_does_not_hide_the_conflict_with_the_phone():
    named, twin, other = (
        ADA._replace(phone=""),
        ADA._replace(id=2, name="x", phone=""),
        ContactRow(3, "", PHONE, "", None, None),
    )
    match = match_contact(LEAD, [named, twin], [other])
    assert match.verdict == "ambiguous"
    assert [id for id, _ in match.candidates] == [1, 2, 3]


rows = st.builds(
    ContactRow, st.integers(1, 6), st.sampled_from(["", MAIL, "x@y.example"]), st.sampled_from(["", PHONE]),
    st.sampled_from(["", "ada lovelace", "bob"]), st.none(), st.none(),
)  # fmt: skip
leads = st.fixed_dictionaries(
    {}, optional={"email": st.just(MAIL), "phone": st.just(PHONE), "first_name": st.sampled_from(["Ada", "Bob"])}
)


@given(leads, st.lists(rows, unique_by=lambda row: row.id))
def test_the_verdict_does_not_hang_on_the_order_of_the_rows_and_names_only_what_was_found(lead, found):
    mails = [row for row in found if row.email and row.email == lead.get("email")]
    phones = [row for row in found if row.phone and row.phone == lead.get("phone")]
    match = match_contact(lead, mails, phones)
    assert match == match_contact(lead, mails[::-1], phones[::-1])
    ids = [id for id, _ in match.candidates]
    assert set(ids) <= {row.id for row in (*mails, *phones)}
    assert (match.id is not None) == (match.verdict == "certain")
    assert match.id is None or match.id == ids[0]
    assert (match.verdict in ("none", "new")) == (not ids)


def test_names_compare_without_accents_case_and_space():
    assert folded("  Zoë   ÅNGSTRÖM ") == "zoe angstrom"
    assert full_name({"first_name": "Zoe", "last_name": "Ångström"}) == "zoe angstrom"
    assert full_name({}) == ""


# Companies -------------------------------------------------------------------------------------------------

ACME = CompanyRow(70, "acme.example", False, None)


def test_the_known_contacts_company_outranks_the_domains():
    match = match_company("acme.example", 71, [ACME])
    assert match == ("certain", 71, ((71, ("contact",)), (70, ("domain",))))


def test_a_domain_finds_its_company_and_an_unknown_one_is_new():
    assert match_company("acme.example", None, [ACME])[:2] == ("certain", 70)
    assert match_company("other.example", None, []).verdict == "new"
    assert match_company("", None, []).verdict == "none"


def test_of_several_companies_of_a_domain_the_customer_then_the_owned_then_the_oldest_is_taken():
    owned, customer = ACME._replace(id=71, owner=5), ACME._replace(id=72, customer=True)
    assert match_company("acme.example", None, [ACME, owned, customer]).id == 72
    assert match_company("acme.example", None, [ACME, owned]).id == 71
    assert match_company("acme.example", None, [ACME._replace(id=73), ACME]).id == 70


def test_companies_of_one_domain_with_different_owners_are_ambiguous():
    found = match_company("acme.example", None, [ACME._replace(owner=5), ACME._replace(id=71, owner=6)])
    assert (found.verdict, [id for id, _ in found.candidates]) == ("ambiguous", [70, 71])
