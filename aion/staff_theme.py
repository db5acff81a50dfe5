# SPDX-License-Identifier: Apache-2.0
"""How the staff admin looks and what its menu says first: the portal's accent, and models grouped by what staff do."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

# The portal's primary, as a scale around oklch(0.47 0.19 264); dark mode takes the 400 to 600 steps.
PRIMARY = {
    "50": "oklch(0.97 0.015 264)",
    "100": "oklch(0.94 0.03 264)",
    "200": "oklch(0.88 0.06 264)",
    "300": "oklch(0.81 0.1 263)",
    "400": "oklch(0.72 0.14 262)",
    "500": "oklch(0.6 0.18 263)",
    "600": "oklch(0.47 0.19 264)",
    "700": "oklch(0.42 0.18 264)",
    "800": "oklch(0.36 0.15 264)",
    "900": "oklch(0.3 0.12 264)",
    "950": "oklch(0.23 0.09 264)",
}
MENU: tuple[tuple[Any, tuple[tuple[Any, str, str], ...]], ...] = (
    (
        _("Customers"),
        (
            (_("Organisations"), "apartment", "tenancy_organisation"),
            (_("People"), "person", "tenancy_user"),
            (_("Members"), "groups", "tenancy_membership"),
            (_("Invitations"), "mail", "tenancy_invitation"),
            (_("Legal identities"), "balance", "tenancy_legalidentity"),
            (_("Documents"), "description", "tenancy_termsversion"),
            (_("Projects"), "folder", "tenancy_project"),
            (_("Quota requests"), "trending_up", "tenancy_quotarequest"),
            (_("Quotas"), "speed", "tenancy_quota"),
            (_("API keys"), "key", "tenancy_apitoken"),
            (_("E-mail addresses"), "alternate_email", "account_emailaddress"),
            (_("Second factors"), "phonelink_lock", "mfa_authenticator"),
            (_("Sessions"), "devices", "usersessions_usersession"),
            (_("Accounts elsewhere"), "link", "socialaccount_socialaccount"),
        ),
    ),
    (
        _("Work"),
        (
            (_("Workloads"), "memory", "clusters_workload"),
            (_("Orders"), "receipt_long", "marketplace_order"),
            (_("Pod intervals"), "timelapse", "clusters_podinterval"),
        ),
    ),
    (
        _("Money"),
        (
            (_("Consortium"), "monitoring", "consortium"),
            (_("Credit requests"), "add_card", "billing_creditrequest"),
            (_("Promo codes"), "redeem", "billing_promocode"),
            (_("Ledger accounts"), "account_balance_wallet", "billing_ledgeraccount"),
            (_("Ledger entries"), "swap_horiz", "billing_transfer"),
            (_("Holds"), "lock_clock", "billing_hold"),
            (_("Budgets"), "savings", "billing_budget"),
            (_("Budget crossings"), "notification_important", "billing_budgetcrossing"),
            (_("Month statements"), "calendar_month", "billing_monthstatement"),
            (_("Liability"), "account_balance", "liability"),
            (_("Accounts of the books"), "menu_book", "settlement_accountmapping"),
        ),
    ),
    (
        _("Grants"),
        (
            (_("Programmes"), "campaign", "grants_programme"),
            (_("Applications"), "description", "grants_application"),
            (_("Reviews"), "rate_review", "grants_reviewassignment"),
            (_("Decisions"), "how_to_vote", "grants_decision"),
            (_("Awards"), "emoji_events", "grants_award"),
            (_("Extension requests"), "more_time", "grants_extensionrequest"),
            (_("Reclaims"), "undo", "grants_reclaim"),
            (_("Final reports"), "task", "grants_finalreport"),
            (_("State aid"), "gavel", "grants_aidrecord"),
            (_("Undertakings"), "account_tree", "grants_undertaking"),
            (_("Aid rules"), "policy", "grants_aidrule"),
        ),
    ),
    (
        _("Usage"),
        (
            (_("Corrections"), "rule", "billing_correctionrequest"),
            (_("Quarantined usage"), "report", "billing_quarantinedusage"),
            (_("Hourly usage"), "bar_chart", "billing_usagehour"),
            (_("Runs"), "play_circle", "billing_run"),
            (_("Meters"), "speed", "billing_meter"),
            (_("Batches"), "inventory_2", "billing_usagebatch"),
        ),
    ),
    (
        _("Payments"),
        (
            (_("Payments"), "credit_card", "purchases_payment"),
            (_("Refunds"), "undo", "purchases_refund"),
            (_("Disputes"), "gavel", "purchases_dispute"),
            (_("Processor's events"), "inbox", "purchases_processorevent"),
            (_("Processor's payouts"), "account_balance", "purchases_payout"),
        ),
    ),
    (
        _("Invoices"),
        (
            (_("Invoices"), "receipt", "invoicing_document"),
            (_("Credit notes"), "assignment_return", "invoicing_creditnoterequest"),
            (_("Invoices on their way"), "send", "invoicing_dispatch"),
            (_("VAT rules"), "percent", "invoicing_vatrule"),
            (_("VAT rates"), "euro", "invoicing_vatrate"),
            (_("Mentions"), "notes", "invoicing_mention"),
            (_("Evidence of VAT"), "fact_check", "invoicing_vatevidence"),
        ),
    ),
    (
        _("Quotes and orders"),
        (
            (_("Quotes"), "request_quote", "procurement_quote"),
            (_("Bank transfers"), "account_balance", "procurement_banktransfer"),
            (_("Framework agreements"), "handshake", "procurement_frameworkagreement"),
            (_("Purchase orders"), "shopping_cart", "procurement_purchaseorder"),
            (_("Attested services"), "fact_check", "procurement_serviceattestation"),
            (_("Cost centres"), "account_tree", "procurement_costcentre"),
            (_("Lots of agreements"), "segment", "procurement_agreementlot"),
            (_("Rules on agreements"), "policy", "procurement_agreementrule"),
            (_("Requirements of public bodies"), "checklist", "procurement_buyerrequirement"),
        ),
    ),
    (
        _("Settlement"),
        (
            (_("Settlements"), "handshake", "settlement_settlementstatement"),
            (_("Share agreements"), "percent", "settlement_shareagreement"),
            (_("Payouts"), "payments", "settlement_payout"),
        ),
    ),
    (
        _("Catalogue"),
        (
            (_("Offers"), "sell", "marketplace_offer"),
            (_("Changes of offers"), "published_with_changes", "marketplace_offerchange"),
            (_("SKUs"), "category", "billing_sku"),
            (_("Price books"), "menu_book", "billing_pricebook"),
            (_("Price drafts"), "edit_note", "billing_pricedraft"),
            (_("Prices"), "euro", "billing_price"),
            (_("Promotions"), "percent", "billing_promotion"),
        ),
    ),
    (
        _("Capacity"),
        (
            (_("Sites"), "location_on", "clusters_site"),
            (_("Clusters"), "hub", "clusters_cluster"),
            (_("Pools"), "dns", "clusters_pool"),
            (_("Reservations"), "calendar_month", "clusters_reservation"),
            (_("Node flavours"), "developer_board", "clusters_nodeflavour"),
        ),
    ),
    (
        _("Evidence"),
        (
            (_("Audit log"), "history_edu", "audit_auditevent"),
            (_("Impersonations"), "visibility", "tenancy_impersonation"),
            (_("Residency decisions"), "gavel", "residency_residencydecision"),
            (_("Reconciliations"), "verified", "billing_reconciliation"),
        ),
    ),
)


def _address(name: str) -> str:
    """Return the list of a model, which has its app in its name, or the page of that name."""
    return f"admin:{name}_changelist" if "_" in name else f"admin:{name}"


def unfold(*, support: str) -> dict[str, Any]:
    """Return django-unfold's settings; ``support`` is the address that every page names.

    What the menu does not name is under "All applications".
    """
    return {
        "SITE_TITLE": "AION staff",
        "SITE_HEADER": "AION staff",
        "SITE_SUBHEADER": _("Every act here is on the record"),
        "SITE_SYMBOL": "shield_person",
        "SITE_URL": "/",
        "DASHBOARD_CALLBACK": "billing.admin.dashboard.waiting",
        "STYLES": [lambda _request: static("css/staff.css")],
        "SHOW_HISTORY": False,
        "BORDER_RADIUS": "6px",
        "COLORS": {"primary": PRIMARY},
        "SIDEBAR": {
            "show_search": True,
            "show_all_applications": True,
            "navigation": [
                {
                    "title": title,
                    "separator": bool(number),
                    "items": [
                        {"title": name, "icon": icon, "link": reverse_lazy(_address(model))}
                        for name, icon, model in items
                    ],
                }
                for number, (title, items) in enumerate(MENU)
            ]
            + [
                {
                    "title": _("Support"),
                    "separator": True,
                    "items": [
                        {"title": support, "icon": "support_agent", "link": f"mailto:{support}"},
                        {"title": _("How to reach us"), "icon": "help", "link": reverse_lazy("portal:support")},
                    ],
                }
            ],
        },
    }
