"""Admin of what came in and what was done with it: raw events, leads and their timeline, to be read only."""

from django.contrib import admin

from leads.models import Activity, IdempotencyKey, Lead, Note, RawEvent, Task
from owners.admin.base import ReadOnlyInline, RecordAdmin, preformatted, pretty_json

SHOWN_CHARACTERS = 20_000
SHOWN_BYTES = 4_096


def readable_body(body: bytes) -> str:
    """A body as text where it is UTF-8 text, else as hex digits; cut, and saying so, where it is long."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _hex(body)
    if any(not (sign.isprintable() or sign in "\t\r\n\ufeff") for sign in text):
        return _hex(body)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}\n… {len(body)} bytes in all"


def _hex(body: bytes) -> str:
    rows = "\n".join(body[at : at + 32].hex(" ") for at in range(0, min(len(body), SHOWN_BYTES), 32))
    return rows if len(body) <= SHOWN_BYTES else f"{rows}\n… {len(body)} bytes in all"


class KeysInline(ReadOnlyInline):
    model = IdempotencyKey
    fields = ["key", "expires_at"]
    verbose_name_plural = "names under which a repeat is recognised"


@admin.register(RawEvent)
class RawEventAdmin(RecordAdmin):
    heavy = ("body", "headers")
    inlines = [KeysInline]
    list_display = [
        "id",
        "source",
        "state",
        "intent_class",
        "received_at",
        "submission_id",
        "attempts",
        "error",
    ]
    list_filter = ["state", "intent_class", "received_at", "source"]
    list_select_related = ["source"]
    search_fields = ["id__exact", "submission_id", "idempotency_key", "correlation_id"]
    search_help_text = "Number, submission id, idempotency key or correlation id"
    fields = [
        "id", "source", "state", "intent_class", "received_at", "content_type", "submission_id",
        "idempotency_key", "correlation_id", "attempts", "error", "headers_shown", "body_shown",
        "body_digest",
    ]  # fmt: skip

    @admin.display(description="Headers")
    def headers_shown(self, event):
        return pretty_json(event.headers)

    @admin.display(description="Body")
    def body_shown(self, event):
        return preformatted(readable_body(bytes(event.body)))


class ActivityInline(ReadOnlyInline):
    model = Activity


class NoteInline(ReadOnlyInline):
    model = Note


class TaskInline(ReadOnlyInline):
    model = Task


@admin.register(Lead)
class LeadAdmin(RecordAdmin):
    inlines = [ActivityInline, NoteInline, TaskInline]
    list_display = [
        "id",
        "__str__",
        "state",
        "owner",
        "source",
        "lead_type",
        "high_intent",
        "priority",
        "received_at",
        "owned_at",
    ]
    list_display_links = ["id", "__str__"]
    list_filter = ["state", "priority", "high_intent", "is_test", "received_at", "source"]
    list_select_related = ["owner", "source"]
    search_fields = ["id__exact", "email", "phone", "name", "owner__name"]
    search_help_text = "Number, e-mail, phone, name or owner"


@admin.register(Activity)
class ActivityAdmin(RecordAdmin):
    list_display = ["id", "kind", "lead", "actor", "happened_at", "outcome"]
    list_filter = ["kind", "happened_at"]
    list_select_related = ["lead", "actor"]
    search_fields = ["lead__id__exact", "lead__email", "actor__name"]


@admin.register(Note)
class NoteAdmin(RecordAdmin):
    list_display = ["id", "lead", "deal", "__str__", "created_at"]
    list_filter = ["created_at"]
    list_select_related = ["lead", "deal"]
    search_fields = ["lead__id__exact", "lead__email", "text"]


@admin.register(Task)
class TaskAdmin(RecordAdmin):
    list_display = ["text", "lead", "owner", "sequence", "step", "due_at", "done_at"]
    list_filter = ["due_at", "sequence"]
    list_select_related = ["lead", "owner"]
    search_fields = ["lead__id__exact", "lead__email", "owner__name", "text"]


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(RecordAdmin):
    list_display = ["key", "source", "event", "expires_at"]
    list_filter = ["source"]
    list_select_related = ["source", "event"]
    search_fields = ["key"]
