# SPDX-License-Identifier: Apache-2.0
"""The pages that payers see: checkout, the issuer's question, saved payment methods. Plain HTML, no script."""

import re
from collections.abc import Mapping
from email.message import Message
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from billing.sandbox import checkout
from billing.sandbox.acts import authenticate
from billing.sandbox.api import Answer
from billing.sandbox.customers import detach
from billing.sandbox.errors import ApiError, CardError, Missing
from billing.sandbox.store import Object
from billing.sandbox.texts import WORDS, language, money
from billing.sandbox.world import World, kind_of

CARDS = (
    "visa",
    "authenticationRequiredOnSetup",
    "authenticationRequired",
    "visa_chargeDeclined",
    "visa_chargeDeclinedInsufficientFunds",
    "chargeCustomerFail",
)
GOOD_IBAN = "DE89370400440532013000"
STYLE = (Path(__file__).parent / "style.css").read_bytes()
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
HTML = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
PLACE = re.compile(r"^/(?P<page>c/pay|authenticate|p/session)/(?P<id>[A-Za-z0-9_]+)$")


class Pages:
    """Answers a browser."""

    def __init__(self, world: World) -> None:
        """Show ``world``."""
        self.world = world

    def answer(self, method: str, address: str, headers: Message, body: bytes) -> Answer:
        """Answer one request with a page or with the way to the next."""
        path = urlsplit(address).path
        accepted = headers.get("Accept-Language", "")
        if path == "/style.css":
            return Answer(200, STYLE, {"Content-Type": "text/css", "Cache-Control": "max-age=3600"})
        if path == "/mandate":
            return _note(language(accepted), "mandate", 200)
        match = PLACE.match(path)
        if match is None:
            return _note(language(accepted), "missing", 404)
        given = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)) if method == "POST" else None
        pages = {"c/pay": self._checkout, "authenticate": self._authenticate, "p/session": self._portal}
        with self.world.store.lock:
            try:
                return pages[match["page"]](match["id"], accepted, given)
            except Missing:
                return _note(language(accepted), "missing", 404)

    def _checkout(self, identity: str, accepted: str, given: dict[str, str] | None) -> Answer:
        session = self.world.get("checkout.session", identity)
        tongue = language(accepted, session["locale"])
        if session["status"] != "open":
            if session["status"] == "complete":
                return _go(checkout.return_address(session))
            return _note(tongue, "closed", 410, back=session["cancel_url"])
        if given is None:
            return _page(tongue, *self._checkout_form(session, tongue, self._last_error(session)))
        if given.get("method") not in {*CARDS, "sepa"}:
            return _page(tongue, *self._checkout_form(session, tongue, "choose"), status=422)
        data = _method_data(given)
        try:
            with self.world.store.transaction():
                editable = self.world.edit("checkout.session", identity)
                intent = checkout.pay(self.world, editable, data, email=given.get("email", "").strip())
        except CardError:
            return _go(f"/c/pay/{identity}")
        except ApiError as error:
            key = "bad_iban" if error.code == "invalid_bank_account_iban" else "declined"
            return _page(tongue, *self._checkout_form(session, tongue, key, given), status=422)
        if intent["status"] == "requires_action":
            return _go(intent["next_action"]["redirect_to_url"]["url"])
        return _go(checkout.return_address(session))

    def _last_error(self, session: Object) -> str:
        intent = self._intent(session)
        error = intent and (intent.get("last_payment_error") or intent.get("last_setup_error"))
        if not error:
            return ""
        if error["code"].endswith("authentication_failure"):
            return "unauthenticated"
        return "insufficient" if error.get("decline_code") == "insufficient_funds" else "declined"

    def _intent(self, session: Object) -> Object | None:
        kind = "setup_intent" if session["mode"] == "setup" else "payment_intent"
        return self.world.store.get(kind, session[kind] or "")

    def _checkout_form(
        self, session: Object, tongue: str, error: str = "", given: Mapping[str, str] | None = None
    ) -> tuple[str, str]:
        words, given = WORDS[tongue], given or {}
        setup = session["mode"] == "setup"
        amount = "" if setup else money(session["amount_total"], tongue)
        title = words["save_title"] if setup else words["pay_title"].format(amount=amount)
        chosen = given.get("method", "visa" if "card" in session["payment_method_types"] else "sepa")
        choices = [_choice(name, words[name], chosen) for name in CARDS if "card" in session["payment_method_types"]]
        if "sepa_debit" in session["payment_method_types"]:
            choices.append(_choice("sepa", words["sepa"], chosen))
            iban = escape(given.get("iban", GOOD_IBAN))
            choices.append(
                f'<div class="iban"><label class="text">{words["iban"]}<input type="text" name="iban" value="{iban}" '
                f'autocomplete="off" aria-describedby="iban-help"></label>'
                f'<p class="help" id="iban-help">{words["iban_help"]}</p></div>'
            )
        customer = self.world.store.get("customer", session["customer"] or "") or {}
        email = escape(given.get("email") or customer.get("email") or session["customer_email"] or "")
        name = escape(given.get("name") or customer.get("name") or "")
        button = words["save"] if setup else words["pay"].format(amount=amount)
        back = _back(session["cancel_url"], words["cancel"])
        return title, (
            f"<h1>{title}</h1>{_error(words, error)}{'' if setup else _bill(session, words, tongue)}"
            f'<form method="post"><fieldset><legend>{words["how"]}</legend>{"".join(choices)}</fieldset>'
            f'<label class="text">{words["name"]}<input type="text" name="name" value="{name}" '
            f'autocomplete="name"></label>'
            f'<label class="text">{words["email"]}<input type="email" name="email" value="{email}" '
            f'autocomplete="email"></label><button class="main" name="act" value="pay">{button}</button></form>{back}'
        )

    def _authenticate(self, identity: str, accepted: str, given: dict[str, str] | None) -> Answer:
        intent = self.world.get(kind_of(identity) or "payment_intent", identity)
        session = checkout.session_of(self.world, intent)
        tongue = language(accepted, session["locale"] if session else None)
        if intent["status"] != "requires_action":
            return _go(f"/c/pay/{session['id']}") if session else _note(tongue, "closed", 410)
        if given is not None:
            back = intent["next_action"]["redirect_to_url"]["return_url"]
            try:
                with self.world.store.transaction():
                    authenticate(self.world, identity, passed=given.get("act") == "pass")
            except CardError:
                pass  # the intent says what went wrong, to who reads it
            if session:
                return _go(f"/c/pay/{session['id']}")
            return _go(back) if back else _note(tongue, "closed", 200)
        words = WORDS[tongue]
        last4 = self.world.get("payment_method", intent["payment_method"])["card"]["last4"]
        if intent["object"] == "setup_intent":
            what = words["3ds_save"].format(last4=last4)
        else:
            what = words["3ds_amount"].format(amount=money(intent["amount"], tongue), last4=last4)
        title = words["3ds_title"]
        content = (
            f'<h1>{title}</h1><p>{escape(what)}</p><p>{words["3ds"]}</p><form method="post">'
            f'<button class="main" name="act" value="pass">{words["3ds_pass"]}</button>'
            f'<button name="act" value="fail">{words["3ds_fail"]}</button></form>'
        )
        return _page(tongue, title, content)

    def _portal(self, identity: str, accepted: str, given: dict[str, str] | None) -> Answer:
        session = self.world.get("billing_portal.session", identity)
        customer = self.world.get("customer", session["customer"])
        tongue = language(accepted, session["locale"])
        if given is not None:
            method = self.world.get("payment_method", given.get("remove", ""))
            if method["customer"] == customer["id"]:
                with self.world.store.transaction():
                    detach(self.world, self.world.edit("payment_method", method["id"]), {})
            return _go(f"/p/session/{identity}")
        words, rows = WORDS[tongue], []
        for method in self.world.store.newest("payment_method"):
            if method["customer"] != customer["id"]:
                continue
            details = method[method["type"]]
            told = words[method["type"]].format(
                brand=details.get("brand", "").title(),
                last4=details["last4"],
                month=details.get("exp_month", 0),
                year=details.get("exp_year", 0),
            )
            default = customer["invoice_settings"]["default_payment_method"] == method["id"]
            label = escape(words["remove_which"].format(method=told))
            rows.append(
                f'<li><p>{escape(told)}{" · " + words["default"] if default else ""}</p><form method="post">'
                f'<button name="remove" value="{method["id"]}" aria-label="{label}">{words["remove"]}</button>'
                f"</form></li>"
            )
        listed = f"<ul>{''.join(rows)}</ul>" if rows else f"<p>{words['portal_empty']}</p>"
        title = words["portal_title"]
        return _page(tongue, title, f"<h1>{title}</h1>{listed}{_back(session['return_url'], words['back'])}")


def _method_data(given: Mapping[str, str]) -> Object:
    """Return what the form says, as the API would be told it."""
    holder = {"name": given.get("name", "").strip() or None, "email": given.get("email", "").strip() or None}
    if given["method"] == "sepa":
        return {"type": "sepa_debit", "sepa_debit": {"iban": given.get("iban", "")}, "billing_details": holder}
    return {"type": "card", "card": {"token": f"tok_{given['method']}"}, "billing_details": holder}


def _bill(session: Object, words: Mapping[str, str], tongue: str) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(line["description"] or "")} × {line["quantity"]}</th>'
        f"<td>{money(line['amount_total'], tongue)}</td></tr>"
        for line in session["_lines"]
    )
    total = money(session["amount_total"], tongue)
    return (
        f'<table><caption class="help">{words["what"]}</caption><tbody>{rows}</tbody>'
        f'<tfoot><tr><th scope="row">{words["total"]}</th><td>{total}</td></tr></tfoot></table>'
    )


def _choice(name: str, label: str, chosen: str) -> str:
    checked = " checked" if name == chosen else ""
    return (
        f'<label class="choice"><input type="radio" name="method" id="{name}" value="{name}"{checked}>{label}</label>'
    )


def _error(words: Mapping[str, str], error: str) -> str:
    return f'<p class="error" role="alert">{words[error]}</p>' if error else ""


def _back(address: str | None, label: str) -> str:
    """Return a link back; an address that is no web page is none."""
    if not address or urlsplit(address).scheme not in {"http", "https"}:
        return ""
    return f'<a class="button" href="{escape(address)}">{label}</a>'


def _note(tongue: str, name: str, status: int, *, back: str | None = None) -> Answer:
    words = WORDS[tongue]
    title = words[f"{name}_title"]
    return _page(tongue, title, f"<h1>{title}</h1><p>{words[name]}</p>{_back(back, words['back'])}", status=status)


def _page(tongue: str, title: str, content: str, *, status: int = 200) -> Answer:
    text = (
        f'<!doctype html><html lang="{tongue}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="stylesheet" href="/style.css">'
        f'<link rel="icon" href="data:,"></head><body><p class="test">{WORDS[tongue]["test"]}</p>'
        f"<main>{content}</main></body></html>"
    )
    return Answer(status, text.encode(), dict(HTML))


def _go(address: str) -> Answer:
    return Answer(303, b"", {"Location": address})
