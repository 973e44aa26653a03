"""The rules in force and now in; when somebody has to look at them again, and why, out. Changes no rule.

A review is owed by its date, or at once when what the rules rest on has changed: territories, staff, sources,
products. Absences, holidays and hours are no such change. What it was when the review was opened is kept as digests.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from leads.clean import clean_text
from owners.models import ConfigStamp, User
from owners.writer import writing
from routing.lease import short_transaction
from routing.maps import map_number
from routing.models import RuleReview, RuleSetVersion
from routing.refused import Refused
from routing.revision import canonical_json, current_content, digest_of
from routing.rule_mail import address_of, answerable, tell

STAFF = ("id", "key", "state", "accepts", "teams", "languages", "services", "skills", "sources", "cover")
"""Of an owner: who they are and what they may take. Hours and absences are left out."""
WORDS = {
    "territories": "Territories changed: their areas, owners or teams.",
    "staff": "Staff changed: who is there, in which team, with which languages, services, skills or sources.",
    "pools": "Pools changed: their members, weights or what happens when nobody is there.",
    "sources": "Sources changed: which there are, and who answers for them.",
    "products": "Products changed: lead types, pipelines, stages or SLA policies.",
}
MAX_NOTE = 300
MEANWHILE = "Nothing was done, because something changed since you opened this page. Look again."

_looked_at: int | None = None
"""The configuration stamp at which this process compared last."""


def sections_of(content: Mapping[str, Any], number: int) -> dict[str, str]:
    """What the rules rest on as digests by section. `number`: of the map of areas."""
    staff = [{name: owner[name] for name in STAFF} for owner in content["owners"]]
    pools = [{name: value for name, value in pool.items() if name != "former"} for pool in content["pools"]]
    parts = {
        "territories": [content["territories"], number],
        "staff": [staff, [{name: team[name] for name in team if name != "calendar"} for team in content["teams"]]],
        "pools": pools,
        "sources": content["sources"],
        "products": [content["lead_types"], content["pipelines"], content["policies"]],
    }
    return {name: digest_of(canonical_json(part)) for name, part in parts.items()}


def sections_now() -> dict[str, str]:
    """What rules rest on, as it is now."""
    return sections_of(current_content(), map_number())


def open_review(version: RuleSetVersion, seen: dict[str, str], now: datetime) -> None:
    """Owe the next look at a version that was just published or looked at. In the transaction of that."""
    zone = ZoneInfo(version.time_zone)
    RuleReview.objects.filter(done_at__isnull=True).exclude(version=version).update(
        done_at=now, note="Another version is in force."
    )
    RuleReview.objects.create(
        version=version, opened_at=now, due_on=(now.astimezone(zone) + timedelta(days=version.review_days)).date(),
        seen=seen,
    )  # fmt: skip


def look(now: datetime) -> int:
    """A part of the worker's tick: add causes once the configuration moved, and remind once by the date."""
    review = (
        RuleReview.objects.filter(done_at__isnull=True, version__state="published").select_related("version").first()
    )
    if review is None:
        return 0
    return _add_causes(review, now) + _remind(review, now)


def _add_causes(review: RuleReview, now: datetime) -> int:
    global _looked_at
    stamp = ConfigStamp.objects.filter(pk=1).values_list("number", flat=True).first() or 0
    if stamp == _looked_at:
        return 0
    seen = sections_now()
    day = now.astimezone(ZoneInfo(review.version.time_zone)).date()
    told = {cause["section"] for cause in review.causes}
    new = [name for name in WORDS if review.seen.get(name) != seen[name] and name not in told]
    if new:
        causes = [*review.causes, *({"section": name, "on": day.isoformat(), "said": WORDS[name]} for name in new)]
        with short_transaction():
            RuleReview.objects.filter(pk=review.pk, done_at__isnull=True).update(
                causes=causes, due_on=min(review.due_on, day)
            )
    _looked_at = stamp
    return len(new)


def forget() -> None:
    """Compare anew at the next look: for tests, whose databases give the same stamps again."""
    global _looked_at
    _looked_at = None


def _remind(review: RuleReview, now: datetime) -> int:
    """Tell who answers for the rules, once."""
    review.refresh_from_db()
    if review.reminded_at is not None or now.astimezone(ZoneInfo(review.version.time_zone)).date() < review.due_on:
        return 0
    with short_transaction():
        if not RuleReview.objects.filter(pk=review.pk, reminded_at__isnull=True).update(reminded_at=now):
            return 0
    causes = "\n".join(f"- {cause['said']}" for cause in review.causes) or "- Its date has come."
    text = f"Somebody should look whether the rules are still right.\n\n{causes}\n\n{address_of(review.version_id)}\n"
    for email in answerable(review.version):
        tell(email, f"Version {review.version_id} of the rules is due for review", text)
    return 1


def due_review(now: datetime) -> RuleReview | None:
    """The review that is owed now; None while the rules in force are as good as they were."""
    review = (
        RuleReview.objects.filter(done_at__isnull=True, version__state="published").select_related("version").first()
    )
    if review is None or now.astimezone(ZoneInfo(review.version.time_zone)).date() < review.due_on:
        return None
    return review


def open_review_of(version: RuleSetVersion) -> RuleReview | None:
    """The next look that is owed at a version, due or not."""
    return RuleReview.objects.filter(version=version, done_at__isnull=True).first()


def reasons(review: RuleReview) -> str:
    """Why a review is due, in sentences."""
    return " ".join(cause["said"] for cause in review.causes) or f"Its date, {review.due_on:%Y-%m-%d}, has come."


def known_by(review: RuleReview) -> str:
    """What somebody has seen who looks at a review: another one, or another cause, is another text."""
    return f"{review.pk}-{len(review.causes)}"


def reviewed(version: int, note: str, by: User, now: datetime, seen: str | None = None) -> str:
    """Somebody looked and the rules are still right; the next look is owed. `seen`: what the page showed (`known_by`).
    Raises Refused: no_change, changed."""
    with writing():
        row = RuleSetVersion.objects.filter(pk=version, state="published").first()
        review = RuleReview.objects.filter(version=version, done_at__isnull=True).first()
        if row is None or review is None:
            raise Refused("no_change", f"Version {version} is not in force any more.")
        if seen not in (None, known_by(review)):
            raise Refused("changed", MEANWHILE)
        RuleReview.objects.filter(pk=review.pk).update(
            done_at=now, done_by=by, note=clean_text(" ".join(note.split()), MAX_NOTE)
        )
        open_review(row, sections_now(), now)
    return f"Reviewed. The next look is owed in {row.review_days} days, or when something changes."
