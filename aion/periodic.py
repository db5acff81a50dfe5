# SPDX-License-Identifier: Apache-2.0
"""What runs again and again, and how often: the sweepers that repair what a lost doorbell left lying."""

from typing import Any

from celery.schedules import crontab

DAY = 86_400.0


def every(seconds: float, task: str) -> dict[str, Any]:
    """Return beat's entry for ``task``.

    A message that waited as long as its period is dropped: the next one is there by then. Otherwise a worker that is
    too slow, or was away, would find thousands of them before the doorbell that somebody waits for.
    """
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


def daily(hour: int, minute: int, task: str) -> dict[str, Any]:
    """Return beat's entry for ``task`` once a day, at a time in UTC."""
    return {"task": task, "schedule": crontab(hour=hour, minute=minute), "options": {"expires": DAY}}


SCHEDULE = {
    "provision": every(10.0, "clusters.provision_pending"),
    "reconcile": every(10.0, "clusters.reconcile_all"),
    "reservations": every(20.0, "clusters.sweep_reservations"),
    "budgets": every(30.0, "billing.evaluate_budgets"),
    "expiry": every(900.0, "billing.expire_lots"),
    "expiry-warnings": every(3600.0, "billing.warn_of_expiry"),
    "partitions": every(6 * 3600.0, "billing.prepare_partitions"),
    "invoices": every(30.0, "invoicing.issue_documents"),
    "invoice-checks": every(60.0, "invoicing.recheck_documents"),
    "invoices-out": every(60.0, "invoicing.send_documents"),
    "invoice-statuses": every(300.0, "invoicing.read_statuses"),
    "invoice-reports": every(300.0, "invoicing.report_statuses"),
    "vies": every(600.0, "invoicing.ask_vies"),
    "proof": daily(2, 10, "billing.reconcile"),
    "months": every(3600.0, "billing.close_months"),
    "settlements": every(3600.0, "settlement.settle_months"),
    "network-gauge": every(3600.0, "settlement.read_gauge"),
    "unused-grants": daily(4, 20, "grants.apply_unused_rule"),
    "expired-grants": every(900.0, "grants.return_expired"),
    "quotes": every(900.0, "procurement.expire_quotes"),
    "exhausted-orders": every(900.0, "procurement.tell_exhausted"),
    "closed-calls": every(60.0, "grants.tell_of_closing"),
    "grant-reminders": every(3600.0, "grants.remind"),
    "offers": daily(3, 20, "marketplace.recheck_offers"),
    "quotas": every(3600.0, "marketplace.end_quotas"),
    "check-sites": every(60.0, "clusters.check_clusters"),
    "fan-out": every(10.0, "events.fan_out"),
    "webhooks": every(10.0, "events.deliver_due"),
    "mails": every(10.0, "events.send_due_mails"),
    "processor-events": every(10.0, "purchases.process_events"),
    "processor-sweep": every(300.0, "purchases.sweep_events"),
    "payments": every(60.0, "purchases.sweep_payments"),
    "refunds": every(30.0, "purchases.send_refunds"),
    "disputes": every(60.0, "purchases.tend_disputes"),
    "recharges": every(60.0, "purchases.recharge_low_balances"),
    "payouts": daily(5, 10, "purchases.compare_payouts"),
    "retention": daily(3, 40, "api.forget_old"),
}
