"""Who may ask what: the table of addresses, methods and roles, written by hand; and which rows stand behind them.

To add a page: write a line for GET and one for POST under its part (name of the address, methods, a cell for each
role in the order of the head). A new kind of argument needs a line in ARGUMENTS; a new admin model, a place in
MODELS. `pytest tests/test_access.py` says what is missing, and then asks every address as everybody.
"""

from functools import cache
from itertools import chain

ROLES = ("visitor", "Administrator", "RevOps", "Manager", "Auditor", "Rep", "Marketing", "Integrator")

# Cells: `ok` is 200, or a redirect that is not to the login; `login` is a redirect to it; else the status.
# A manager and a rep who get `ok` here get 404 for a row of somebody else's team, save those of SHARED.

MODELS = {
    # What the company is made of: RevOps writes it, managers see their part.
    "configuration": "owners_owner owners_team owners_calendar owners_pool leads_source leads_leadtype leads_pipeline"
    " leads_stage leads_company leads_contact leads_deal routing_slapolicy routing_slaladder",
    # What managers write for the teams they lead; not all of it may be added or deleted by them.
    "team": "owners_absence owners_delegation owners_territoryarea",
    "member": "owners_poolmember",
    "territory": "owners_territory",
    "rules": "routing_rule routing_rulesetversion routing_namedlist",
    "tokens": "routing_apitoken",
    "company": "owners_installation",
    "users": "owners_user",
    # What happened: nobody writes it.
    "record": "leads_lead leads_rawevent leads_activity leads_note leads_task routing_decision routing_planaction"
    " routing_delivery routing_slaclock routing_escalation routing_fact routing_reviewitem routing_rotationstate"
    " routing_ledgerentry routing_ownerload routing_memberload",
    "internal": "leads_idempotencykey routing_configrevision",
    # Code and rights: for superusers, who are no role.
    "superuser": "auth_group django_q_schedule django_q_success django_q_failure django_q_ormq",
}

SHARED = {
    "owners_calendar", "leads_source", "leads_leadtype", "leads_pipeline", "leads_stage", "routing_slapolicy",
    "routing_slaladder",
}  # fmt: skip
"""Words that the whole company uses: nobody's row is outside anybody's scope."""

TABLE = """
# address                           methods   visitor Admin RevOps Manager Auditor Rep   Market Integr
start                               GET,POST  login   ok    ok     ok      ok      ok    ok     ok
favicon.ico                         GET,POST  ok      ok    ok     ok      ok      ok    ok     ok
theme                               GET       405     405   405    405     405     405   405    405
theme                               POST      ok      ok    ok     ok      ok      ok    ok     ok
pages:setup                         GET,POST  404     404   404    404     404     404   404    404
pages:try                           GET,POST  404     404   404    404     404     404   404    404
pages:try-result                    GET       404     404   404    404     404     404   404    404
pages:try-result                    POST      405     405   405    405     405     405   405    405
pages:help                          GET,POST  login   ok    ok     ok      ok      ok    ok     ok
pages:help-topic                    GET,POST  login   ok    ok     ok      ok      ok    ok     ok
pages:my                            GET       login   ok    ok     ok      403     ok    403   403
pages:my                            POST      login   405   405    405     405     405   405   405
pages:{my-acts}                     GET       login   405   405    405     405     405   405   405
pages:{my-leads}                    POST      login   ok    ok     ok      403     ok    403   403
pages:my-alerts-read                POST      login   ok    ok     ok      403     ok    403   403
pages:my-taking                     POST      login   ok    ok     ok      403     ok    403   403
pages:my-away                       POST      login   ok    ok     422     403     422   403   403
pages:my-absences                   GET       404     404   404    404     404     404   404    404
pages:my-absences                   POST      405     405   405    405     405     405   405    405
pages:my-feed                       POST      login   ok    ok     ok      403     ok    403   403
pages:my-feed-close                 POST      login   ok    ok     ok      403     ok    403   403
pages:my-import                     GET       login   ok    ok     ok      403     ok    403   403
pages:my-import                     POST      login   ok    ok     422     403     422   403   403
pages:my-task-done                  POST      login   404   404    404     403     ok    403   403
pages:my-away-cancel                POST      login   404   404    404     403     404   403   403
pages:queue                         GET       login   ok    ok     ok      ok      ok    403   403
pages:queue-export                  GET       login   ok    ok     ok      ok      ok    403   403
pages:queue-hands                   GET       login   ok    ok     ok      ok      ok    403   403
pages:queue-item                    GET       login   ok    ok     ok      ok      ok    403   403
pages:queue-payload                 GET       login   ok    ok     ok      ok      ok    403   403
pages:{queue-shown}                 POST      login   405   405    405     405     405   405   405
pages:queue-claim                   POST      login   ok    ok     ok      403     ok    403   403
pages:queue-assign                  POST      login   ok    ok     ok      403     403   403   403
pages:queue-name                    POST      login   ok    ok     ok      403     403   403   403
pages:{queue-reviewing}             POST      login   ok    ok     ok      403     ok    403   403
pages:{queue-acts}                  GET       login   405   405    405     405     405   405   405
pages:leave                         GET,POST  login   ok    ok     403     403     403   403    403
pages:reroute                       GET,POST  login   ok    ok     403     403     403   403    403
pages:{moves}                       GET       login   ok    ok     403     403     403   403    403
pages:{moves}                       POST      login   405   405    405     405     405   405    405
pages:{move-acts}                   GET       login   405   405    405     405     405   405    405
pages:{move-acts}                   POST      login   ok    ok     403     403     403   403    403
pages:pools                         GET       login   ok    ok     ok      ok      ok    403   403
pages:pool                          GET       login   ok    ok     ok      ok      ok    403   403
pages:pool-ledger                   GET       login   ok    ok     ok      ok      ok    403   403
pages:{pool-shown}                  POST      login   405   405    405     405     405   405   405
pages:pool-adjust                   POST      login   ok    ok     403     403     403   403   403
pages:pool-adjust                   GET       login   405   405    405     405     405   405   405
pages:reports                       GET       login   ok    ok     ok      ok      403   ok    403
pages:reports-export                GET       login   ok    ok     ok      ok      403   ok    403
pages:coverage                      GET       login   ok    ok     ok      ok      403   403    403
pages:coverage-export               GET       login   ok    ok     ok      ok      403   403    403
pages:report                        GET       login   ok    ok     ok      ok      403   403   403
pages:report-export                 GET       login   ok    ok     ok      ok      403   403   403
pages:sla                           GET       login   ok    ok     ok      ok      403   ok    403
pages:sla-export                    GET       login   ok    ok     ok      ok      403   ok    403
pages:{sla-rows}                    GET       login   ok    ok     ok      ok      403   403   403
pages:{reports}                     POST      login   405   405    405     405     405   405   405
pages:{lead-shown}                  GET       login   ok    ok     ok      ok      ok    403   403
pages:{lead-shown}                  POST      login   405   405    405     405     405   405   405
pages:{lead-working}                POST      login   ok    ok     ok      403     ok    403   403
pages:lead-reassign                 POST      login   ok    ok     ok      403     403   403   403
pages:{lead-acts}                   GET       login   405   405    405     405     405   405   405
pages:{territory-edited}            GET       login   ok    ok     403     403     403   403    403
pages:territory-import              POST      login   422   422    403     403     403   403    403
pages:territory-wrong               GET       login   404   404    403     403     403   403    403
pages:territory-apply               GET       login   405   405    405     405     405   405    405
pages:territory-apply               POST      login   ok    ok     403     403     403   403    403
pages:{territory-seen}              GET       login   ok    ok     ok      ok      403   403    403
pages:{territory-shown}             POST      login   405   405    405     405     405   405    405

# The admin itself
admin:index                         GET,POST  login   ok    ok     ok      ok      403   403    403
admin:everything                    GET,POST  login   ok    ok     ok      ok      403   403    403
admin:app_list                      GET,POST  login   ok    ok     ok      ok      403   403    403
admin:login                         GET       ok      ok    ok     ok      ok      ok    ok     ok
admin:login                         POST      ok      ok    ok     ok      ok      ok    ok     ok
admin:logout                        GET       405     405   405    405     405     405   405    405
admin:logout                        POST      ok      ok    ok     ok      ok      ok    ok     ok
admin:password_change               GET,POST  login   ok    ok     ok      ok      ok    ok     ok
admin:password_change_done          GET       login   ok    ok     ok      ok      ok    ok     ok
admin:password_change_done          POST      login   405   405    405     405     405   405    405
admin:autocomplete                  GET       login   403   403    403     403     403   403    403
admin:autocomplete                  POST      login   405   405    405     405     403   403    403
admin:jsi18n                        GET       login   ok    ok     ok      ok      403   403    403
admin:jsi18n                        POST      login   405   405    405     405     403   403    403
admin:view_on_site                  GET,POST  login   404   404    404     404     403   403    403
admin/(?P<url>.*)$                  GET,POST  login   404   404    404     404     403   403    403
admin/{any}/<path:object_id>/       GET       login   ok    ok     ok      ok      403   403    403

# Its screens, by kind of model
admin:{configuration}_changelist    GET,POST  login   ok    ok     ok      ok      403   403    403
admin:{configuration}_add           GET,POST  login   ok    ok     403     403     403   403    403
admin:{configuration}_change        GET       login   ok    ok     ok      ok      403   403    403
admin:{configuration}_change        POST      login   ok    ok     403     403     403   403    403
admin:{configuration}_delete        GET,POST  login   ok    ok     403     403     403   403    403
admin:{configuration}_history       GET       login   ok    ok     ok      ok      403   403    403

admin:owners_calendar_holidays      GET,POST  login   ok    ok     403     403     403   403    403
admin:routing_slapolicy_clocks      GET,POST  login   ok    ok     403     403     403   403    403

admin:{team}_changelist             GET,POST  login   ok    ok     ok      ok      403   403    403
admin:{team}_add                    GET,POST  login   ok    ok     ok      403     403   403    403
admin:{team}_change                 GET       login   ok    ok     ok      ok      403   403    403
admin:{team}_change                 POST      login   ok    ok     ok      403     403   403    403
admin:{team}_delete                 GET,POST  login   ok    ok     ok      403     403   403    403
admin:{team}_history                GET       login   ok    ok     ok      ok      403   403    403

admin:{member}_changelist           GET,POST  login   ok    ok     ok      ok      403   403    403
admin:{member}_add                  GET,POST  login   ok    ok     ok      403     403   403    403
admin:{member}_change               GET       login   ok    ok     ok      ok      403   403    403
admin:{member}_change               POST      login   ok    ok     ok      403     403   403    403
admin:{member}_delete               GET,POST  login   ok    ok     403     403     403   403    403
admin:{member}_history              GET       login   ok    ok     ok      ok      403   403    403

admin:{territory}_changelist        GET,POST  login   ok    ok     ok      ok      403   403    403
admin:{territory}_add               GET,POST  login   ok    ok     403     403     403   403    403
admin:{territory}_change            GET       login   ok    ok     ok      ok      403   403    403
admin:{territory}_change            POST      login   ok    ok     ok      403     403   403    403
admin:{territory}_delete            GET,POST  login   ok    ok     403     403     403   403    403
admin:{territory}_history           GET       login   ok    ok     ok      ok      403   403    403

admin:{rules}_changelist            GET,POST  login   ok    ok     403     ok      403   403    403
admin:{rules}_add                   GET,POST  login   ok    ok     403     403     403   403    403
admin:{rules}_change                GET       login   ok    ok     403     ok      403   403    403
admin:{rules}_change                POST      login   ok    ok     403     403     403   403    403
admin:{rules}_delete                GET,POST  login   ok    ok     403     403     403   403    403
admin:{rules}_history               GET       login   ok    ok     403     ok      403   403    403
pages:rules                         GET       login   ok    ok     403     ok      403   403    403
pages:rules                         POST      405     405   405    405     405     405   405    405
pages:rules-act                     GET       405     405   405    405     405     405   405    405
pages:rules-act                     POST      login   ok    ok     403     403     403   403    403
pages:rule-new                      GET       login   ok    ok     403     403     403   403    403
pages:rule-new                      POST      login   422   422    403     403     403   403    403
pages:rule                          GET       login   ok    ok     403     ok      403   403    403
pages:rule                          POST      login   422   422    403     403     403   403    403
pages:rule-values                   GET       login   ok    ok     403     ok      403   403    403
pages:rule-values                   POST      405     405   405    405     405     405   405    405
pages:rule-say                      GET       405     405   405    405     405     405   405    405
pages:rule-say                      POST      login   ok    ok     403     403     403   403    403
pages:rules-compare                 GET       login   ok    ok     403     ok      403   403    403
pages:rules-compare                 POST      405     405   405    405     405     405   405    405
pages:rules-publish                 GET       login   ok    ok     403     403     403   403    403
pages:rules-publish                 POST      login   422   422    403     403     403   403    403
pages:rules-restore                 GET       login   ok    ok     403     403     403   403    403
pages:rules-restore                 POST      login   409   409    403     403     403   403    403
pages:rules-reviewed                GET       405     405   405    405     405     405   405    405
pages:rules-reviewed                POST      login   ok    ok     403     403     403   403    403
pages:rules-simulate                GET       login   ok    ok     403     ok      403   403    403
pages:rules-simulate                POST      login   422   422    403     422     403   403    403
pages:rule-table                    GET       login   ok    ok     403     ok      403   403    403
pages:rule-table                    POST      login   422   422    403     403     403   403    403
pages:rule-table-export             GET       login   ok    ok     403     ok      403   403    403
pages:rule-table-export             POST      405     405   405    405     405     405   405    405
pages:list-values                   GET       login   ok    ok     403     ok      403   403    403
pages:list-values                   POST      login   409   409    403     403     403   403    403
pages:list-export                   GET       login   ok    ok     403     ok      403   403    403
pages:list-export                   POST      login   405   405    405     405     405   405    405
pages:rules-import                  GET       login   ok    ok     403     403     403   403    403
pages:rules-import                  POST      login   422   422    403     403     403   403    403
pages:rules-export                  GET       login   ok    ok     403     ok      403   403    403
pages:rules-export                  POST      405     405   405    405     405     405   405    405
pages:rules-tree                    GET       login   ok    ok     403     ok      403   403    403
pages:rules-tree                    POST      405     405   405    405     405     405   405    405
admin:routing_rulesetversion_copy   GET       login   405   405    405     405     403   403    403
admin:routing_rulesetversion_copy   POST      login   ok    ok     403     403     403   403    403

admin:{tokens}_changelist           GET,POST  login   ok    ok     403     ok      403   403    403
admin:{tokens}_add                  GET,POST  login   ok    ok     403     403     403   403    403
admin:{tokens}_change               GET       login   ok    ok     403     ok      403   403    403
admin:{tokens}_change               POST      login   ok    ok     403     403     403   403    403
admin:{tokens}_delete               GET,POST  login   ok    ok     403     403     403   403    403
admin:{tokens}_history              GET       login   ok    ok     403     ok      403   403    403

admin:{company}_changelist          GET,POST  login   ok    ok     403     ok      403   403    403
admin:{company}_add                 GET,POST  login   403   403    403     403     403   403    403
admin:{company}_change              GET       login   ok    ok     403     ok      403   403    403
admin:{company}_change              POST      login   ok    ok     403     403     403   403    403
admin:{company}_delete              GET,POST  login   403   403    403     403     403   403    403
admin:{company}_history             GET       login   ok    ok     403     ok      403   403    403

admin:{users}_changelist            GET,POST  login   ok    403    403     ok      403   403    403
admin:{users}_add                   GET,POST  login   ok    403    403     403     403   403    403
admin:{users}_change                GET       login   ok    403    403     ok      403   403    403
admin:{users}_change                POST      login   ok    403    403     403     403   403    403
admin:{users}_delete                GET,POST  login   403   403    403     403     403   403    403
admin:{users}_history               GET       login   ok    403    403     ok      403   403    403
admin:auth_user_password_change     GET,POST  login   ok    403    403     403     403   403    403

admin:{record}_changelist           GET,POST  login   ok    ok     ok      ok      403   403    403
admin:{record}_add                  GET,POST  login   403   403    403     403     403   403    403
admin:{record}_change               GET       login   ok    ok     ok      ok      403   403    403
admin:{record}_change               POST      login   403   403    403     403     403   403    403
admin:{record}_delete               GET,POST  login   403   403    403     403     403   403    403
admin:{record}_history              GET       login   ok    ok     ok      ok      403   403    403

admin:{internal}_changelist         GET,POST  login   ok    ok     403     ok      403   403    403
admin:{internal}_add                GET,POST  login   403   403    403     403     403   403    403
admin:{internal}_change             GET       login   ok    ok     403     ok      403   403    403
admin:{internal}_change             POST      login   403   403    403     403     403   403    403
admin:{internal}_delete             GET,POST  login   403   403    403     403     403   403    403
admin:{internal}_history            GET       login   ok    ok     403     ok      403   403    403

admin:{superuser}_changelist        GET,POST  login   403   403    403     403     403   403    403
admin:{superuser}_add               GET,POST  login   403   403    403     403     403   403    403
admin:{superuser}_change            GET,POST  login   403   403    403     403     403   403    403
admin:{superuser}_delete            GET,POST  login   403   403    403     403     403   403    403
admin:{superuser}_history           GET       login   403   403    403     403     403   403    403

# Whether it lives, ready and on time; no worker runs in the test, and it asks from this machine
healthz                             GET       ok      ok    ok     ok      ok      ok    ok     ok
healthz                             POST      405     405   405    405     405     405   405    405
readyz                              GET       ok      ok    ok     ok      ok      ok    ok     ok
readyz                              POST      405     405   405    405     405     405   405    405
healthz-worker                      GET       503     503   503    503     503     503   503    503
healthz-worker                      POST      405     405   405    405     405     405   405    405
metrics                             GET       ok      ok    ok     ok      ok      ok    ok     ok
metrics                             POST      405     405   405    405     405     405   405    405

# The API, asked with a token of scope `write` that stands for the person
api:openapi-json                    GET,POST  ok      ok    ok     ok      ok      ok    ok     ok
api:openapi-view                    GET,POST  ok      ok    ok     ok      ok      ok    ok     ok
api:api-root                        GET,POST  404     404   404    404     404     404   404    404
api:post_lead                       GET       405     405   405    405     405     405   405    405
api:post_lead                       POST      401     401   401    401     401     401   401    401
api:event                           GET       401     ok    ok     ok      ok      ok    404    ok
api:leads                           GET       401     ok    ok     ok      ok      ok    ok     ok
api:lead                            GET       401     ok    ok     ok      ok      ok    404    ok
api:decision                        GET       401     ok    ok     ok      ok      ok    404    ok
api:clocks                          GET       401     ok    ok     ok      ok      ok    404    ok
api:not_chosen                      GET       401     ok    ok     ok      ok      ok    404    ok
api:decisions                       GET       401     ok    ok     ok      ok      ok    404    ok
api:review                          GET       401     ok    ok     ok      ok      ok    ok     ok
api:review_act                      POST      401     422   422    422     403     422   403    422
api:accept                          POST      401     422   422    409     403     ok    403    422
api:claim                           POST      401     422   422    409     403     409   403    422
api:convert                         POST      401     ok    ok     ok      403     ok    403    ok
api:resume                          POST      401     409   409    409     403     409   403    409
api:{said}                          POST      401     400   400    400     403     400   403    400
api:{acts}                          GET       405     405   405    405     405     405   405    405
api:decide                          GET       405     405   405    405     405     405   405    405
api:decide                          POST      401     400   400    400     400     400   400    400
api:queue                           GET       401     ok    ok     ok      ok      ok    ok     ok
api:queue                           POST      405     405   405    405     405     405   405    405
api:report_overview                 GET       401     403   403    403     403     403   403    403
api:report_sla                      GET       401     403   403    403     403     403   403    403
api:{readonly}                      POST      405     405   405    405     405     405   405    405
"""

NAMES = {
    "any": "*",
    "readonly": "event leads lead clocks decision decisions not_chosen review report_overview report_sla",
    "said": "activity decline reassign pause",
    "acts": "review_act accept claim convert activity decline reassign pause resume",
    "my-leads": "my-accept my-decline my-log",
    "my-acts": "my-accept my-decline my-log my-alerts-read my-taking my-away my-task-done my-away-cancel"
    " my-feed my-feed-close",
    "moves": "moves move move-export",
    "move-acts": "move-run move-drop",
    "pool-shown": "pools pool pool-ledger",
    "reports": "reports reports-export report report-export coverage coverage-export"
    " sla sla-export sla-leads sla-leads-export sla-breaches sla-breaches-export",
    "sla-rows": "sla-leads sla-leads-export sla-breaches sla-breaches-export",
    "territory-edited": "territory-import territory-preview",
    "territory-seen": "territory-export territory-who",
    "territory-shown": "territory-preview territory-wrong territory-export territory-who",
    "lead-shown": "leads leads-export lead",
    "lead-working": "lead-accept lead-decline lead-touch lead-nurture lead-reject lead-close lead-pause lead-resume",
    "lead-acts": "lead-accept lead-decline lead-touch lead-nurture lead-reject lead-close lead-pause lead-resume"
    " lead-reassign",
    "queue-shown": "queue queue-export queue-hands queue-item queue-payload",
    "queue-reviewing": "queue-fix queue-again queue-replay queue-nurture queue-reject",
    "queue-acts": "queue-claim queue-assign queue-name queue-fix queue-again queue-replay queue-nurture queue-reject",
}
"""Further words for {…} in the table."""

ARGUMENTS = {
    "lead_id": lambda story: story.routed.pk,
    "event_id": lambda story: story.event.pk,
    "owner": lambda story: story.elena.key,
    "version": lambda story: story.version.pk,
    "rule": lambda story: story.rule.pk,
    "named": lambda story: story.named.pk,
    "key": lambda story: story.pool.key,
    "source_key": lambda story: story.source.key,
    "app_label": lambda story: "routing",
    "content_type_id": lambda story: 1,
    "topic": lambda story: "roles",
    "measure": lambda story: "review",
    "person": lambda story: story.elena.pk,
    "move": lambda story: story.move.pk,
    "task": lambda story: story.task.pk,
    "absence": lambda story: story.absence.pk,
    "item": lambda story: story.item.pk,
    "item_id": lambda story: story.item.pk,
    "action": lambda story: "reject",
    "url": lambda story: "nothing-here/",
    "told": lambda story: "of-nobody",
}
"""Values of an address's arguments; `object_id` and `id` of an admin page are the story's row of its model."""


@cache
def rows() -> dict[tuple[str, str], tuple[str, ...]]:
    """The table as {(address, method): a cell for each of ROLES}; {…} written out. Raises ValueError for a bad line."""
    lines = [line.split() for line in TABLE.splitlines() if line.strip() and not line.startswith("#")]
    return dict(chain.from_iterable(_rows_of(line) for line in lines))


def _rows_of(line: list[str]):
    address, methods, *cells = line
    if len(cells) != len(ROLES):
        raise ValueError(f"{address} {methods} has {len(cells)} cells; there are {len(ROLES)} roles.")
    for name in _written_out(address):
        for method in methods.split(","):
            yield (name, method), tuple(cells)


def _written_out(address: str) -> list[str]:
    if "{" not in address:
        return [address]
    before, rest = address.split("{", 1)
    word, after = rest.split("}", 1)
    return [f"{before}{name}{after}" for name in (MODELS | NAMES)[word].split()]
