"""The measures of the SLA report, with their definitions and targets (SPEC.md section 13). Reads no rows, no time."""

from datetime import timedelta

from routing.models.clocks import SlaClock
from routing.reporting.values import Measure

TARGET = timedelta(minutes=15)
QUIET = timedelta(minutes=30)
UNWORKED = timedelta(minutes=60)
AT_ONCE = timedelta(minutes=1)
RIGHT = timedelta(days=7)
FAULTS = frozenset(SlaClock.OF_OWNER)
"""Why a lead changes its owner for the rep's fault: a clock of theirs ran out."""
ENDS = frozenset({"nurture", "reject"})
"""What takes a lead from its owner and gives it to nobody."""

MEDIANS = (
    Measure(
        "touch_high", "Median time to first touch, high intent",
        "Working time of the owner from the arrival to the first call, mail, message or meeting by a person, of high-"
        "intent leads for sales; half of them took less. A lead without a touch counts as longer than any.",
        "high-intent leads for sales", "15 minutes of working time after the arrival", "seconds",
        target=900, ideal=300,
    ),
    Measure(
        "touch", "Median time to first touch, all leads",
        "The same of all leads for sales.",
        "leads for sales", "15 minutes of working time after the arrival", "seconds",
    ),
)  # fmt: skip
SHARES = (
    Measure(
        "within", "Contacted within the SLA target",
        "Leads with a first touch by a person before the first promise of one ran out; a new owner gives no new time.",
        "leads with a first-touch promise", "when the promise runs out", low=False,
    ),
    Measure(
        "unworked_60", "Unworked after 60 minutes",
        "Leads for sales without a touch by a person in the 60 minutes after they arrived, nights included.",
        "leads for sales", "60 minutes after the arrival",
    ),
    Measure(
        "owned_1", "Owner within 1 minute",
        "Leads for sales that had a named owner at most 1 minute after they arrived; an event that nobody has routed "
        "yet counts as one that had none.",
        "leads for sales", "1 minute after the arrival", low=False, target=0.95,
    ),
    Measure(
        "inactive_30", "No activity in the first 30 minutes",
        "Leads for sales without a touch by a person in the 30 minutes after they arrived, nights included.",
        "leads for sales", "30 minutes after the arrival", target=0.10,
    ),
    Measure(
        "exceptions", "Exceptions",
        "Decisions about new inquiries that used a fallback, ended in an error or went to review.",
        "decisions that are not rejections", target=0.05,
    ),
    Measure(
        "duplicates", "Duplicates",
        "Valid inquiries that joined the open lead of a person who was known already.",
        "valid inquiries", target=0.05,
    ),
    Measure(
        "accepted", "Accepted",
        "Leads whose first owner pressed accept or acted, and did not decline, before the promise ran out: the one of "
        "accepting, else the one of a first touch.",
        "leads with an owner and a promise", "when the promise runs out", low=False,
    ),
    Measure(
        "booked", "Meeting booked",
        "Leads for sales for which a meeting was booked, whenever that was.",
        "leads for sales", low=False,
    ),
    Measure(
        "reassigned", "Reassigned",
        "Leads that were taken from an owner, whenever and why ever, but not to end them.",
        "leads that had an owner",
    ),
    Measure(
        "reassigned_touched", "Reassigned after the first touch",
        "The same, when a person had already been in touch with the buyer.",
        "leads that had an owner",
    ),
    Measure(
        "first_right", "First right",
        "Leads whose owner did not change in the 7 days after the first one got them, but for that one's fault: a "
        "clock that ran out.",
        "leads that had an owner", "7 days after the first owner got it", low=False,
    ),
    Measure(
        "breached", "With a breach",
        "Leads of which a promise ran out unanswered, whoever's it was.",
        "leads for sales",
    ),
)  # fmt: skip
MEASURES = (*MEDIANS, *SHARES)
BY_KEY = {measure.key: measure for measure in MEASURES}
