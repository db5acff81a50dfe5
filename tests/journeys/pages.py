# SPDX-License-Identifier: Apache-2.0
"""Every page a person can open, and who looks at it in the demo. A new page without a row here fails.

A row's address may name a thing in braces: its id is read off the demo's own list of such things, so a list that holds
none is found as well.
"""

import re
from dataclasses import dataclass

FOUNDER, RESEARCHER = "ines@lumen.example", "marta@climat.example"
OPERATOR, REVIEWER = "paul@scaleway.example", "nora@review.example"
STAFF, AUDITOR = "staff@aion.example", "anna@audit.example"
BUYER = "claire@metropole.example"


@dataclass(frozen=True, slots=True)
class Screen:
    """One page: its address, and the e-mail address of who opens it (empty: nobody)."""

    path: str
    who: str = FOUNDER

    @property
    def name(self) -> str:
        """Return a name for files."""
        bare = re.sub(r"^/o/(atelier-|institut-)?", "", self.path).strip("/").replace("{", "one-").replace("}", "")
        return re.sub(r"[/?=&.]+", "-", bare) or "home"


# Where the id of a thing stands: the list that links to it, and the link.
THINGS: dict[str, tuple[str, str]] = {
    "offer": ("/prices/", r"/prices/(off_\w+)/"),
    "workload": ("/o/atelier-lumen/workloads/", r"/workloads/(wl_\w+)/"),
    "reserved-offer": ("/prices/?capacity_class=reserved", r"/prices/(off_\w+)/"),
    "reservation": ("/o/atelier-lumen/reservations/", r"/reservations/(rsv_\w+)/"),
    "project": ("/o/atelier-lumen/projects/", r"/projects/(\w+_\w+)/"),
    "member": ("/o/atelier-lumen/team/", r"/team/(\w+_\w+)/"),
    "webhook": ("/o/atelier-lumen/webhooks/", r"/webhooks/(\w+_\w+)/"),
    "budget": ("/o/atelier-lumen/budgets/", r"/budgets/(\w+_\w+)/"),
    "quota-request": ("/o/atelier-lumen/quotas/", r"/quotas/(\w+_\w+)/withdraw/"),
    "entry": ("/o/atelier-lumen/credits/", r"/entries/(\w+_\w+)/"),
    "statement": ("/o/atelier-lumen/statements/", r"/statements/(\w+_\w+)/"),
    "draft": ("/o/institut-climat/grants/", r"/applications/(\w+_\w+)/"),
    "application": ("/o/atelier-lumen/grants/", r"/applications/(\w+_\w+)/"),
    "award": ("/o/institut-climat/grants/awards/", r"/awards/(\w+_\w+)/"),
    "sold-offer": ("/prices/?q=Scaleway", r"/prices/(off_\w+)/"),
    "waiting-offer": ("/o/scaleway/offers/", r"/offers/(off_\w+)/"),
    "settlement": ("/o/scaleway/settlements/", r"/settlements/(stl_\w+)/"),
    "review": ("/o/aion/reviews/", r"/reviews/(\w+_\w+)/"),
    "programme": ("/o/aion/programmes/", r"/programmes/(\w+_\w+)/"),
    "invoice": ("/o/institut-climat/invoices/", r"/invoices/(doc_\w+)/"),
    "payment": ("/o/institut-climat/payments/", r"/payments/(pay_\w+)/"),
    "quote": ("/o/metropole-loire/quotes/", r"/quotes/(\w+_\w+)/"),
    "agreement": ("/o/metropole-loire/agreements/", r"/agreements/(\w+_\w+)/"),
    "order": ("/o/metropole-loire/orders/?state=accepted", r"/orders/(\w+_\w+)/"),
    "waiting-order": ("/o/metropole-loire/orders/?state=in_review", r"/orders/(\w+_\w+)/"),
    "cost-centre": ("/o/metropole-loire/cost-centres/", r"/cost-centres/(\w+_\w+)/"),
}
# What stands in the row of the one that is meant, where other journeys leave more of its kind.
STANDING = {"draft": "Draft|Brouillon"}
PUBLIC = [
    "/prices/",
    "/prices/calculator/",
    "/prices/{offer}/",
    "/grants/",
    "/grants/raise-the-stakes/",
    "/support/",
    "/terms/terms/2026-01/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/signup/passkey/",
    "/accounts/inactive/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/done/",
    "/accounts/password/reset/key/1-none/",
    "/accounts/3rdparty/login/cancelled/",
    "/mailbox/",
    "/ui/",
    "/nowhere/",
]
STEPS = ("organisation", "project", "workload", "estimate", "documents", "review")
TENANT = [
    "",
    "launch/",
    "workloads/",
    "workloads/{workload}/",
    "workloads/{workload}/extend/",
    "reservations/",
    "reservations/new/?offer={reserved-offer}",
    "reservations/{reservation}/",
    "reservations/{reservation}/cancel/",
    "usage/",
    "usage/?group=project",
    "usage/?group=workload&measure=carbon",
    "credits/",
    "credits/redeem/",
    "credits/entries/{entry}/",
    "statements/",
    "statements/{statement}/",
    "budgets/",
    "budgets/{budget}/",
    "budgets/{budget}/end/",
    "projects/",
    "projects/{project}/",
    "projects/{project}/archive/",
    "quotas/",
    "quotas/{quota-request}/withdraw/",
    "grants/",
    "grants/applications/{application}/",
    "team/",
    "team/leave/",
    "team/{member}/",
    "keys/",
    "webhooks/",
    "webhooks/{webhook}/",
    "notifications/",
    "audit/",
    "settings/",
    "settings/close/",
]
PURCHASES = ["credits/add/", "payments/", "payments/{payment}/", "payment-methods/", "invoices/", "invoices/{invoice}/"]
PROCUREMENT = [
    "quotes/",
    "quotes/new/",
    "quotes/{quote}/",
    "quotes/{quote}/accept/",
    "quotes/{quote}/decline/",
    "agreements/",
    "agreements/{agreement}/",
    "orders/",
    "orders/new/",
    "orders/{order}/",
    "orders/{order}/numbers/",
    "orders/{order}/attest/",
    "orders/{waiting-order}/",
    "orders/{waiting-order}/approve/",
    "orders/{waiting-order}/cancel/",
    "cost-centres/",
    "cost-centres/{cost-centre}/",
]
ACCOUNT = [
    "/account/",
    "/account/delete/",
    "/organisations/new/",
    f"/invitations/{43 * 'x'}/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/sessions/",
    "/accounts/reauthenticate/",
    "/accounts/logout/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/deactivate/",
    "/accounts/2fa/recovery-codes/",
    "/accounts/2fa/recovery-codes/generate/",
    "/accounts/2fa/webauthn/",
    "/accounts/2fa/webauthn/add/",
    "/accounts/2fa/reauthenticate/",
    "/accounts/3rdparty/",
]
SCREENS = [
    *(Screen(path, "") for path in PUBLIC),
    *(Screen(f"/o/atelier-lumen/{path}") for path in TENANT),
    *(Screen(path) for path in ACCOUNT),
    *(Screen(f"/o/institut-climat/grants/applications/{{draft}}/{step}/", RESEARCHER) for step in STEPS),
    Screen("/o/institut-climat/grants/awards/", RESEARCHER),
    Screen("/o/institut-climat/grants/awards/{award}/", RESEARCHER),
    Screen("/o/institut-climat/grants/awards/{award}/extend/", RESEARCHER),
    Screen("/o/institut-climat/grants/awards/{award}/report/", RESEARCHER),
    *(Screen(f"/o/institut-climat/{path}", RESEARCHER) for path in PURCHASES),
    *(Screen(f"/o/metropole-loire/{path}", BUYER) for path in PROCUREMENT),
    Screen("/accounts/2fa/totp/activate/", "jonas@lumen.example"),
    Screen("/", "anna@audit.example"),
    Screen("/o/scaleway/pools/", OPERATOR),
    Screen("/o/scaleway/offers/", OPERATOR),
    Screen("/o/scaleway/offers/new/", OPERATOR),
    Screen("/o/scaleway/offers/{waiting-offer}/", OPERATOR),
    Screen("/o/scaleway/offers/{waiting-offer}/withdraw/", OPERATOR),
    Screen("/o/scaleway/offers/{sold-offer}/price/", OPERATOR),
    Screen("/o/scaleway/offers/{sold-offer}/revise/", OPERATOR),
    Screen("/o/scaleway/credits/", OPERATOR),
    Screen("/o/scaleway/settlements/", AUDITOR),
    Screen("/o/scaleway/settlements/{settlement}/", AUDITOR),
    Screen("/o/aion/reviews/", REVIEWER),
    Screen("/o/aion/reviews/{review}/", REVIEWER),
    Screen("/o/aion/programmes/", "hugo@prize.example"),
    Screen("/o/aion/programmes/{programme}/", "hugo@prize.example"),
]
