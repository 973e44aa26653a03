"""What somebody typed into the first-run wizard in, checked answers or an error beside each field out."""

from datetime import time
from typing import Any

from django import forms
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from leads.models import LeadType, Source
from leads.places import country_code
from owners.models import User, WeeklyHours, validate_zone
from routing.setup import Answers, Area, Colleague, Hours, Template

MOST_LINES = 200
TEMPLATES = (
    (Template.ONE_OWNER, "One owner and a hard SLA"),
    (Template.IN_TURN, "One team in turn"),
    (Template.TERRITORIES, "Territories, then in turn"),
)
KINDS = [choice for choice in Source.Kind.choices if choice[0] not in (Source.Kind.IMPORT, Source.Kind.ENRICHMENT)]
WORKDAYS = [0, 1, 2, 3, 4]


def _lines(text: str) -> list[tuple[int, str]]:
    """The lines that are not blank, with their numbers. Raises ValidationError when there are too many."""
    found = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(found) > MOST_LINES:
        raise ValidationError(f"These are {len(found)} lines; begin with {MOST_LINES} at most.")
    return found


class ColleaguesField(forms.CharField):
    """A person a line: name and e-mail address, between them a comma."""

    def to_python(self, value: Any) -> tuple[Colleague, ...]:
        read, problems = [], []
        for number, line in _lines(super().to_python(value)):
            name, _, email = (part.strip(" <>") for part in line.replace("<", ",").rpartition(","))
            try:
                validate_email(email)
            except ValidationError:
                name = ""
            if not name or len(name) > 120:
                problems.append(f"Line {number}, “{line[:60]}”: write a name, a comma and an e-mail address.")
            elif email.lower() in {colleague.email for colleague in read}:
                problems.append(f"Line {number}: {email} is there twice.")
            read.append(Colleague(name, email.lower()))
        if problems:
            raise ValidationError(problems)
        return tuple(read)


class AreasField(forms.CharField):
    """A territory a line: its name, its countries and the e-mail address of its owner, between them colons."""

    def to_python(self, value: Any) -> tuple[Area, ...]:
        read: list[Area] = []
        problems = []
        for number, line in _lines(super().to_python(value)):
            parts = [part.strip() for part in line.split(":")]
            if len(parts) != 3 or not all(parts) or len(parts[0]) > 120:
                problems.append(f"Line {number}, “{line[:60]}”: write a name, countries and an e-mail, with colons.")
                continue
            codes, unknown = _countries(parts[1])
            taken = [code for area in read for code in area.countries if code in codes]
            problems += [f"Line {number}: “{word}” is no country. Use DE or Germany." for word in unknown]
            problems += [f"Line {number}: {code} is in another territory already." for code in taken]
            read.append(Area(parts[0], codes, parts[2].lower()))
        if problems:
            raise ValidationError(problems)
        return tuple(read)


def _countries(text: str) -> tuple[tuple[str, ...], list[str]]:
    """Codes, each once, and the words that name no country."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    codes = {word: country_code(word) for word in words}
    return tuple(dict.fromkeys(code for code in codes.values() if code)), [word for word in words if not codes[word]]


class SetupForm(forms.Form):
    name = forms.CharField(label="Your name", max_length=120, widget=forms.TextInput({"autocomplete": "name"}))
    email = forms.EmailField(label="Your e-mail", widget=forms.EmailInput({"autocomplete": "email"}))
    username = forms.CharField(
        label="User name", max_length=150, help_text="For signing in.", initial="admin",
        widget=forms.TextInput({"autocomplete": "username"}), validators=User._meta.get_field("username").validators,
    )  # fmt: skip
    password = forms.CharField(
        label="Password", strip=False, help_text="10 characters or more.",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )  # fmt: skip
    again = forms.CharField(
        label="Password once more", strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )
    company = forms.CharField(label="Company", max_length=120)
    time_zone = forms.CharField(
        label="Time zone", max_length=64, help_text="Such as Europe/Berlin or America/New_York.",
        validators=[validate_zone], widget=forms.TextInput({"list": "zones"}),
    )  # fmt: skip
    days = forms.TypedMultipleChoiceField(
        label="Working days", coerce=int, required=False, choices=WeeklyHours.Weekday.choices, initial=WORKDAYS,
        help_text="No day at all: leads come at any hour. Everybody’s hours can be changed later.",
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    opens = forms.TimeField(label="From", initial=time(9), widget=forms.TimeInput({"type": "time"}, "%H:%M"))
    closes = forms.TimeField(label="To", initial=time(17, 30), widget=forms.TimeInput({"type": "time"}, "%H:%M"))
    team = forms.CharField(label="Team", max_length=100, initial="Sales")
    takes_leads = forms.BooleanField(label="I take leads myself", required=False, initial=True)
    colleagues = ColleaguesField(
        label="Others who take leads", required=False,
        help_text="One a line: Sam Jones, sam@yourcompany.com. They sign in once you give them a password.",
        widget=forms.Textarea({"rows": 4, "spellcheck": "false"}),
    )  # fmt: skip
    source_name = forms.CharField(label="First source", max_length=70, initial="Website form")
    source_kind = forms.ChoiceField(label="Kind", choices=KINDS, initial=Source.Kind.CONTACT_FORM)
    lead_type = forms.ModelChoiceField(
        LeadType.objects.all(), label="Leads it sends", to_field_name="key", empty_label=None, initial="contact"
    )
    template = forms.ChoiceField(
        label="Who gets a lead", choices=TEMPLATES, initial=Template.ONE_OWNER, widget=forms.RadioSelect
    )
    areas = AreasField(
        label="Territories", required=False,
        help_text="Only for territories. One a line: DACH: DE, AT, CH: sam@yourcompany.com",
        widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
    )  # fmt: skip
    first_touch_minutes = forms.IntegerField(
        label="Minutes to the first touch", min_value=1, max_value=10_080, initial=15,
        help_text="Of working time. After 30 without any activity, the lead moves on.",
    )  # fmt: skip

    def clean_username(self) -> str:
        username = self.cleaned_data["username"]
        if User.objects.filter(username=username).exists():
            raise ValidationError(f"There is a user “{username}” already. Choose another name.")
        return username

    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        self._check_password(given)
        if given.get("opens") == given.get("closes") and given.get("days") and given.get("opens"):
            self.add_error("closes", "A day has to end at another time than it begins.")
        colleagues = given.get("colleagues", ())
        self._check_people(given, [colleague.email for colleague in colleagues])
        if given.get("template") == Template.TERRITORIES and "areas" in given:
            self._check_areas(given, {given.get("email"), *(colleague.email for colleague in colleagues)})
        return given

    def _check_password(self, given: dict[str, Any]) -> None:
        if not {"password", "again"} <= given.keys():
            return
        if given["password"] != given["again"]:
            self.add_error("again", "The two passwords differ.")
        user = User(username=given.get("username", ""), email=given.get("email", ""), first_name=given.get("name", ""))
        try:
            validate_password(given["password"], user)
        except ValidationError as error:
            self.add_error("password", error)

    def _check_people(self, given: dict[str, Any], emails: list[str]) -> None:
        if "colleagues" not in given:
            return
        if not (given["takes_leads"] or emails):
            self.add_error("takes_leads", "Somebody has to take leads: tick this, or name a colleague below.")
        if given.get("email") in emails:
            self.add_error("colleagues", f"{given['email']} is you; tick “I take leads myself” instead.")
        for taken in User.objects.filter(username__in=[email[:150] for email in emails]):
            self.add_error("colleagues", f"There is a user “{taken.username}” already.")

    def _check_areas(self, given: dict[str, Any], emails: set[str | None]) -> None:
        if not given["areas"]:  # add_error takes it out of the cleaned data
            self.add_error("areas", "Name at least one territory, or choose another way above.")
        for area in given.get("areas", ()):
            if area.email not in emails:
                self.add_error("areas", f"{area.name}: {area.email} is nobody named above.")

    def answers(self) -> Answers:
        """The checked answers; hashing the password takes a third of a second, so not under any lock."""
        given = self.cleaned_data
        opens, closes = (given[name].hour * 60 + given[name].minute for name in ("opens", "closes"))
        plain = ("name", "username", "email", "company", "time_zone", "team", "takes_leads", "colleagues", "areas",
                 "source_name", "source_kind", "first_touch_minutes")  # fmt: skip
        return Answers(
            password_hash=make_password(given["password"]),
            lead_type=given["lead_type"].key,
            template=Template(given["template"]),
            hours=Hours(tuple(given["days"]), opens, closes),
            **{name: given[name] for name in plain},
        )
