"""Admin of the built-in CRM: companies, contacts, pipelines with their stages, deals. Matching reads what is
entered here, so addresses, numbers and domains are kept in the form in which it compares them.
"""

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils import timezone

from leads.domains import read_domain
from leads.emails import read_email
from leads.models import Company, Contact, Deal, Pipeline, Stage
from leads.phones import read_phone
from owners.admin.base import LimitedInlines, LockedAdmin, PlainForm, ScopedInline

SECOND_EXTERNAL_ID = "Another row carries this external id already."


class DatedAdmin(LockedAdmin):
    """A row of the CRM, dated when it is added."""

    readonly_fields = ["created_at"]
    tells_values = False  # a person who is erased must not live on in the history of changes
    show_full_result_count = False

    def save_model(self, request, obj, form, change):
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)


class CompanyForm(PlainForm):
    sentences = {"company_external_id_once": SECOND_EXTERNAL_ID}

    def clean_domain(self):
        text = self.cleaned_data["domain"]
        domain = read_domain(text) if text else None
        if text and domain is None:
            raise ValidationError(f"“{text}” is not a domain. Write it as example.com.", code="not_a_domain")
        if domain and not domain.company:
            raise ValidationError(f"Strangers share {domain.registrable}: it names no company.", code="shared")
        return domain.company if domain else ""


@admin.register(Company)
class CompanyAdmin(DatedAdmin):
    form = CompanyForm
    list_display = ["__str__", "domain", "is_customer", "owner", "created_at"]
    list_filter = ["is_customer"]
    list_select_related = ["owner"]
    search_fields = ["name", "domain", "external_id__exact"]
    autocomplete_fields = ["owner"]


class ContactForm(PlainForm):
    sentences = {"contact_external_id_once": SECOND_EXTERNAL_ID}

    def clean_email(self):
        text = self.cleaned_data["email"]
        email = read_email(text) if text else None
        if text and email is None:
            raise ValidationError(f"“{text}” is not an e-mail address.", code="not_an_email")
        return email.address if email else ""

    def clean_phone(self):
        text = self.cleaned_data["phone"]
        phone = read_phone(text) if text else None
        if text and (phone is None or phone.without_country):
            raise ValidationError(
                f"“{text}” is not a phone number. Begin with the country, as in +49 30 123456.",
                code="not_a_phone",
            )
        return phone.number if phone else ""


@admin.register(Contact)
class ContactAdmin(DatedAdmin):
    form = ContactForm
    list_display = ["__str__", "email", "phone", "company", "owner", "created_at"]
    list_select_related = ["company", "owner"]
    search_fields = ["email", "phone", "first_name", "last_name", "external_id__exact"]
    autocomplete_fields = ["company", "owner"]


class StageInline(ScopedInline):
    model = Stage
    form = PlainForm
    prepopulated_fields = {"key": ["name"]}


@admin.register(Pipeline)
class PipelineAdmin(LimitedInlines, LockedAdmin):
    inlines = [StageInline]
    list_display = ["name", "key"]
    search_fields = ["name", "key"]
    prepopulated_fields = {"key": ["name"]}


@admin.register(Stage)
class StageAdmin(LockedAdmin):
    list_display = ["name", "key", "pipeline", "position"]
    list_filter = ["pipeline"]
    list_select_related = ["pipeline"]
    search_fields = ["name", "key", "pipeline__name"]
    autocomplete_fields = ["pipeline"]


class DealForm(PlainForm):
    sentences = {
        "deal_external_id_once": SECOND_EXTERNAL_ID,
        "one_open_routed_deal_per_contact_and_pipeline": (
            "The contact has an open deal in this pipeline already, made by RevRoute."
        ),
    }

    def clean(self):
        cleaned = super().clean()
        pipeline, stage = cleaned.get("pipeline"), cleaned.get("stage")
        if pipeline and stage and stage.pipeline_id != pipeline.pk:
            self.add_error("stage", f"{stage.name} is not a stage of {pipeline.name}.")
        return cleaned

    def _get_validation_exclusions(self):
        # `routed` is not in the form, but the constraint on open deals reads it.
        return super()._get_validation_exclusions() - {"routed"}


@admin.register(Deal)
class DealAdmin(DatedAdmin):
    form = DealForm
    readonly_fields = ["routed", "created_at"]
    list_display = ["__str__", "state", "pipeline", "stage", "owner", "contact", "company", "routed"]
    list_filter = ["state", "pipeline", "routed"]
    list_select_related = ["pipeline", "stage__pipeline", "owner", "contact", "company"]
    search_fields = ["name", "contact__email", "company__name", "external_id__exact"]
    autocomplete_fields = ["contact", "company", "pipeline", "stage", "owner"]
