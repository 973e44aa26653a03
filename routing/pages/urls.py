"""Addresses of the pages, below `/`; their names begin with `pages:`."""

from django.urls import path

from routing.pages import (
    absence_calendar,
    coverage,
    help,
    item,
    lead,
    leads,
    leave,
    moves,
    my,
    pools,
    queue,
    reports,
    reroute,
    rule_form,
    rules_path,
    rules_tree,
    setup,
    sla,
    territories,
    time_off,
    try_it,
)
from routing.queue import Wish
from routing.working import Work

app_name = "pages"

TERRITORIES = "admin/owners/territory/"
RULES = "admin/routing/rulesetversion/"
"""Pages beside an admin screen have addresses beneath it, so that the navigation shows where one is."""

urlpatterns = [
    path("help/", help.contents, name="help"),
    path("help/<slug:topic>/", help.topic, name="help-topic"),
    path("my/", my.my, name="my"),
    *(
        path(f"my/leads/<int:lead_id>/{wish}/", my.work, {"wish": wish}, name=f"my-{wish}")
        for wish in ("accept", "decline", "log")
    ),
    path("my/tasks/<int:task>/done/", my.task_done, name="my-task-done"),
    path("my/alerts/read/", my.alerts_read, name="my-alerts-read"),
    path("my/away/", time_off.away, name="my-away"),
    path("my/away/<int:absence>/cancel/", time_off.away_cancel, name="my-away-cancel"),
    path("my/absences.ics", absence_calendar.absences, name="my-absences"),
    path("my/feed/", absence_calendar.feed_make, name="my-feed"),
    path("my/feed/close/", absence_calendar.feed_revoke, name="my-feed-close"),
    path("my/import/", absence_calendar.bring_in, name="my-import"),
    path("my/taking/", time_off.taking, name="my-taking"),
    path("leads/", leads.leads, name="leads"),
    path("leads/export.csv", leads.leads_export, name="leads-export"),
    path("leads/<int:lead_id>/", lead.lead, name="lead"),
    *(path(f"leads/<int:lead_id>/{work}/", lead.act, {"work": work}, name=f"lead-{work}") for work in Work),
    path("pools/", pools.pools, name="pools"),
    path("pools/<slug:key>/", pools.pool, name="pool"),
    path("pools/<slug:key>/ledger.csv", pools.ledger_export, name="pool-ledger"),
    path("pools/<slug:key>/adjust/", pools.pool_adjust, name="pool-adjust"),
    path("queue/", queue.queue, name="queue"),
    path("queue/export.csv", queue.queue_export, name="queue-export"),
    path("queue/hands/", queue.queue_hands, name="queue-hands"),
    path("queue/<int:item>/", item.item, name="queue-item"),
    path("queue/<int:item>/payload/", item.payload, name="queue-payload"),
    *(path(f"queue/<int:item>/{wish}/", item.act, {"wish": wish}, name=f"queue-{wish}") for wish in Wish),
    path("people/<int:person>/leave/", leave.leave, name="leave"),
    path("moves/", moves.moves, name="moves"),
    path("moves/new/", reroute.reroute, name="reroute"),
    path("moves/<int:move>/", moves.move, name="move"),
    path("moves/<int:move>/run/", moves.run, name="move-run"),
    path("moves/<int:move>/drop/", moves.drop, name="move-drop"),
    path("moves/<int:move>/export.csv", moves.export, name="move-export"),
    path("reports/", reports.reports, name="reports"),
    path("reports/export.csv", reports.export, name="reports-export"),
    path("reports/coverage/", coverage.coverage, name="coverage"),
    path("reports/coverage/export.csv", coverage.coverage_export, name="coverage-export"),
    path("reports/sla/", sla.sla, name="sla"),
    path("reports/sla/export.csv", sla.sla_export, name="sla-export"),
    path("reports/sla/leads/", sla.sla_leads, name="sla-leads"),
    path("reports/sla/leads/export.csv", sla.sla_leads_export, name="sla-leads-export"),
    path("reports/sla/breaches/", sla.sla_breaches, name="sla-breaches"),
    path("reports/sla/breaches/export.csv", sla.sla_breaches_export, name="sla-breaches-export"),
    path("reports/<slug:measure>/", reports.rows, name="report"),
    path("reports/<slug:measure>/export.csv", reports.rows_export, name="report-export"),
    path("setup/", setup.setup, name="setup"),
    path(f"{TERRITORIES}import/", territories.upload, name="territory-import"),
    path(f"{TERRITORIES}import/preview/", territories.preview, name="territory-preview"),
    path(f"{TERRITORIES}import/apply/", territories.applied, name="territory-apply"),
    path(f"{TERRITORIES}import/wrong-lines.csv", territories.wrong_lines, name="territory-wrong"),
    path(f"{TERRITORIES}export/", territories.exported, name="territory-export"),
    path(f"{TERRITORIES}who/", territories.who, name="territory-who"),
    path(f"{RULES}<int:version>/rules/", rules_path.rules, name="rules"),
    path(f"{RULES}<int:version>/rules/act/", rules_path.act, name="rules-act"),
    path(f"{RULES}<int:version>/rules/new/", rule_form.rule, name="rule-new"),
    path(f"{RULES}<int:version>/rules/values/", rule_form.values, name="rule-values"),
    path(f"{RULES}<int:version>/rules/<int:rule>/", rule_form.rule, name="rule"),
    path(f"{RULES}<int:version>/rules/<int:rule>/say/", rule_form.say, name="rule-say"),
    path(f"{RULES}<int:version>/tree/", rules_tree.tree, name="rules-tree"),
    path("try/", try_it.try_it, name="try"),
    path("try/<str:told>/", try_it.result, name="try-result"),
]
