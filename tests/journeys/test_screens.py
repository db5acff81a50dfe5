# SPDX-License-Identifier: Apache-2.0
"""Every page that can be opened is looked at. A new one without a row in ``pages`` fails."""

import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, resolve

from tests.journeys.pages import SCREENS, THINGS

# Served at addresses of their own, but no page that a person looks at.
FOR_MACHINES = {"healthz", "readyz", "metrics", "set_language", "openid_connect_login", "openid_connect_callback",
                "mfa_login_webauthn", "stripe_webhook"}  # fmt: skip
# Parts of a page that htmx puts in, and streams.
FRAGMENTS = {
    "portal:live",
    "portal:stream",
    "portal:estimate",
    "portal:workload_live",
    "portal:reserve_quote",
    "portal:add_credits_price",
}
FILES = {"portal:account_export", "portal:usage_csv", "portal:prices_csv", "portal:statement_csv", "portal:focus_csv",
         "portal:focus_parquet", "portal:statement_lines_csv", "portal:grant_file", "portal:review_file",
         "portal:award_letter", "portal:programme_csv", "portal:programme_pdf", "portal:settlement_csv",
         "portal:settlement_pdf", "portal:quote_pdf", "portal:invoices_zip", "portal:invoice_pdf",
         "portal:invoice_ubl", "portal:invoice_cii",
         "mfa_download_recovery_codes"}  # fmt: skip
# Where forms are sent: read, they show the page of their form.
FORMS = {"portal:award_report_submit", "portal:review_declare", "portal:review_submit"}
# They send everyone elsewhere, or need what the demo's people do not have: a partner's login, a key in the hand, an
# e-mail address that waits, a proposal that waits, a time of looking as somebody.
ELSEWHERE = {"portal:look", "portal:account_notifications", "account_set_password",
             "account_confirm_login_code", "account_email_verification_sent", "mfa_signup_webauthn",
             "portal:offer_change_withdraw", "mfa_authenticate", "mfa_reauthenticate_webauthn", "mfa_remove_webauthn",
             "mfa_edit_webauthn", "socialaccount_login_error", "socialaccount_signup",
             "accounts/social/login/cancelled/", "accounts/social/login/error/", "accounts/social/signup/",
             "accounts/social/connections/"}  # fmt: skip
# Staff pages are found by following their menu; the API has its own documentation.
NOT_OURS = ("admin:", "api:")


def readable(patterns: Any = None, prefix: str = "", path: str = "") -> Iterator[str]:
    """Yield the name of every route that answers GET, or its address where it has none."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        here = f"{path}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            inner = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from readable(pattern.url_patterns, inner, here)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", None)
            if view is None or hasattr(view, "get"):
                yield f"{prefix}{pattern.name or here}"


def shown() -> set[str]:
    paths = {re.sub(r"{[\w-]+}", "off_2mw12r8cdra9v7r3", screen.path).split("?")[0] for screen in SCREENS}
    return {resolve(path).view_name for path in paths if path != "/nowhere/"}


def test_every_page_has_a_row() -> None:
    known = shown() | FOR_MACHINES | FRAGMENTS | FILES | FORMS | ELSEWHERE
    assert {name for name in readable() if not name.startswith(NOT_OURS)} - known == set()


def test_what_is_left_out_exists_and_is_not_looked_at_all_the_same() -> None:
    left_out = FOR_MACHINES | FRAGMENTS | FILES | FORMS | ELSEWHERE
    assert left_out - set(readable()) == set()
    assert left_out & shown() == set()


def test_no_two_pages_share_a_picture_and_every_thing_is_looked_for() -> None:
    names = [screen.name for screen in SCREENS]
    assert sorted(names) == sorted(set(names))
    assert {thing for screen in SCREENS for thing in re.findall(r"{([\w-]+)}", screen.path)} == set(THINGS)
