# SPDX-License-Identifier: Apache-2.0
"""What the hosted pages say, in English and French. The sandbox is no part of the product, and so has its own words."""

EN = {
    "test": "Test page of the payment sandbox: no money moves.",
    "pay_title": "Pay {amount}",
    "save_title": "Save a payment method",
    "what": "What you pay for",
    "total": "Total",
    "how": "How do you pay?",
    "visa": "Card 4242: the payment succeeds",
    "authenticationRequiredOnSetup": "Card 3155: asks for 3-D Secure, then succeeds",
    "authenticationRequired": "Card 3184: asks for 3-D Secure at each payment",
    "visa_chargeDeclined": "Card 0002: declined",
    "visa_chargeDeclinedInsufficientFunds": "Card 9995: insufficient funds",
    "chargeCustomerFail": "Card 0341: can be saved, later payments are declined",
    "sepa": "SEPA direct debit",
    "iban": "IBAN",
    "iban_help": "DE89370400440532013000 pays after five days; DE62370400440532013001 is returned.",
    "name": "Name of the holder",
    "email": "E-mail",
    "pay": "Pay {amount}",
    "save": "Save",
    "cancel": "Cancel and go back",
    "closed_title": "This page is no longer open",
    "closed": "The payment was made, cancelled or has expired.",
    "missing_title": "There is nothing here",
    "missing": "The address is wrong, or the sandbox has forgotten it.",
    "3ds_title": "3-D Secure: confirm it is you",
    "3ds": "Your bank would ask you for a code here.",
    "3ds_amount": "Payment of {amount} with the card ending in {last4}.",
    "3ds_save": "The card ending in {last4} is to be saved.",
    "3ds_pass": "Authenticate",
    "3ds_fail": "Fail the authentication",
    "portal_title": "Saved payment methods",
    "portal_empty": "No payment method is saved.",
    "remove": "Remove",
    "remove_which": "Remove {method}",
    "card": "{brand} card ending in {last4}, valid until {month:02d}/{year}",
    "sepa_debit": "SEPA direct debit from the account ending in {last4}",
    "default": "used by default",
    "back": "Go back",
    "mandate_title": "SEPA mandate",
    "mandate": "The text of the mandate would stand here.",
    "declined": "Your card was declined.",
    "insufficient": "Your card has insufficient funds.",
    "unauthenticated": "The authentication failed. Choose another card, or try again.",
    "bad_iban": "This IBAN is not valid.",
    "choose": "Choose how you pay.",
}
FR = {
    "test": "Page de test du bac à sable de paiement : aucun argent ne circule.",
    "pay_title": "Payer {amount}",
    "save_title": "Enregistrer un moyen de paiement",
    "what": "Ce que vous payez",
    "total": "Total",
    "how": "Comment payez-vous ?",
    "visa": "Carte 4242 : le paiement réussit",
    "authenticationRequiredOnSetup": "Carte 3155 : demande 3-D Secure, puis réussit",
    "authenticationRequired": "Carte 3184 : demande 3-D Secure à chaque paiement",
    "visa_chargeDeclined": "Carte 0002 : refusée",
    "visa_chargeDeclinedInsufficientFunds": "Carte 9995 : provision insuffisante",
    "chargeCustomerFail": "Carte 0341 : s’enregistre, les paiements suivants sont refusés",
    "sepa": "Prélèvement SEPA",
    "iban": "IBAN",
    "iban_help": "DE89370400440532013000 paie au bout de cinq jours ; DE62370400440532013001 est rejeté.",
    "name": "Nom du titulaire",
    "email": "E-mail",
    "pay": "Payer {amount}",
    "save": "Enregistrer",
    "cancel": "Annuler et revenir",
    "closed_title": "Cette page n’est plus ouverte",
    "closed": "Le paiement a été fait ou annulé, ou la page a expiré.",
    "missing_title": "Il n’y a rien ici",
    "missing": "L’adresse est fausse, ou le bac à sable l’a oubliée.",
    "3ds_title": "3-D Secure : confirmez que c’est vous",
    "3ds": "Votre banque vous demanderait un code ici.",
    "3ds_amount": "Paiement de {amount} avec la carte se terminant par {last4}.",
    "3ds_save": "La carte se terminant par {last4} va être enregistrée.",
    "3ds_pass": "S’authentifier",
    "3ds_fail": "Échouer à l’authentification",
    "portal_title": "Moyens de paiement enregistrés",
    "portal_empty": "Aucun moyen de paiement n’est enregistré.",
    "remove": "Supprimer",
    "remove_which": "Supprimer : {method}",
    "card": "carte {brand} se terminant par {last4}, valable jusqu’au {month:02d}/{year}",
    "sepa_debit": "prélèvement SEPA sur le compte se terminant par {last4}",
    "default": "utilisé par défaut",
    "back": "Revenir",
    "mandate_title": "Mandat SEPA",
    "mandate": "Le texte du mandat se trouverait ici.",
    "declined": "Votre carte a été refusée.",
    "insufficient": "La provision de votre carte est insuffisante.",
    "unauthenticated": "L’authentification a échoué. Choisissez une autre carte ou réessayez.",
    "bad_iban": "Cet IBAN n’est pas valide.",
    "choose": "Choisissez comment vous payez.",
}
WORDS = {"en": EN, "fr": FR}


def language(accepted: str, wanted: str | None = None) -> str:
    """Return the language of a page: the session's, or the first known one of an Accept-Language header."""
    if wanted and wanted[:2] in WORDS:
        return wanted[:2]
    ranked = []
    for place, part in enumerate(accepted.split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            quality = 0.0
        ranked.append((-quality, place, name.strip().lower()[:2]))
    return next((name for quality, _, name in sorted(ranked) if name in WORDS and quality < 0), "en")


def money(cents: int, language: str) -> str:
    """Return an amount as its reader writes it."""
    euros, rest = divmod(cents, 100)
    if language == "fr":
        return f"{euros:,},{rest:02d}".replace(",", "\u202f", f"{euros:,}".count(",")) + "\u00a0€"
    return f"€{euros:,}.{rest:02d}"
