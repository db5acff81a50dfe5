# SPDX-License-Identifier: Apache-2.0
"""Numbers that say who an organisation is: pure checks, without asking any register.

A number that passes is well-formed; that it belongs to the organisation is for staff to see.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _
from stdnum import exceptions
from stdnum.eu import vat
from stdnum.fr import siren, siret

from aion.errors import Rejected

EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
NACE = re.compile(r"^(\d{2})\.?(\d{1,2})?([A-Z])?$")
OTHER = re.compile(r"^[0-9A-Z][0-9A-Z ./-]{1,30}$")
# A French VAT number of Monaco has 000 here and names no SIREN.
MONACO = "000"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers as they are stored: without blanks, dots and small letters."""

    registration_scheme: str
    registration_number: str
    vat_number: str
    nace: str


def check(*, country: str, scheme: str, registration: str, vat_number: str, nace: str) -> Numbers:
    """Return the numbers in their stored form. Raises Rejected naming the field of the first one that is wrong."""
    number = registration_number(country=country, scheme=scheme, number=registration)
    tax = vat_of(country=country, number=vat_number)
    if (
        number
        and tax.startswith("FR")
        and scheme in {"siren", "siret"}
        and tax[4:7] != MONACO
        and tax[4:] != number[:9]
    ):
        raise Rejected(
            _("The VAT number is of the company with SIREN %(siren)s, not of %(number)s.")
            % {"siren": tax[4:], "number": number},
            field="vat_number",
        )
    return Numbers(scheme, number, tax, nace_of(nace))


def registration_number(*, country: str, scheme: str, number: str) -> str:
    """Return a registration number in its stored form, or nothing for nothing. Raises Rejected."""
    given = number.strip().upper()
    if not given:
        return ""
    if scheme == "other":
        if not OTHER.match(given):
            raise Rejected(_("Use letters, digits and . / - only."), field="registration_number")
        return given
    if not country.startswith("FR"):
        raise Rejected(
            _("SIREN and SIRET are French numbers; choose the other register for this country."),
            field="registration_scheme",
        )
    digits = 9 if scheme == "siren" else 14
    try:
        return str(siren.validate(given) if scheme == "siren" else siret.validate(given))
    except exceptions.InvalidChecksum as error:
        raise Rejected(
            _("The check digit is wrong: compare the number with your extract of the register."),
            field="registration_number",
        ) from error
    except exceptions.ValidationError as error:
        raise Rejected(
            _("A %(scheme)s has %(digits)d digits.") % {"scheme": scheme.upper(), "digits": digits},
            field="registration_number",
        ) from error


def vat_of(*, country: str, number: str) -> str:
    """Return a VAT number with its prefix, in its stored form, or nothing for nothing. Raises Rejected.

    Greece writes EL where ISO writes GR. XI is Northern Ireland's and counts for goods only, so it is none for a
    service like ours; GB has left.
    """
    given = re.sub(r"[\s.\-]", "", number).upper()
    if not given:
        return ""
    prefix = given[:2]
    if prefix == "GR":
        raise _vat(_("Greek VAT numbers begin with EL, not GR: write EL%(rest)s."), rest=given[2:])
    if prefix == "XI":
        raise _vat(_("XI numbers of Northern Ireland count for goods only; GPU time is a service. Leave it empty."))
    if prefix == "GB":
        raise _vat(_("The United Kingdom is outside the Union's VAT area: leave it empty."))
    home = "GR" if prefix == "EL" else prefix
    if home not in EU:
        raise _vat(_("Begin with the two letters of the member state, as in FR or DE."))
    # Overseas parts of France have codes of their own in ISO and the VAT numbers of France.
    if home != country[:2] and not (home == "FR" and country[:2] in {"MC", "GP", "MQ", "GF", "RE", "YT"}):
        raise _vat(
            _("The number is of %(home)s, the organisation of %(country)s: both must be one."),
            home=home,
            country=country,
        )
    try:
        return str(vat.validate(given))
    except exceptions.ValidationError as error:
        raise _vat(
            _("This is no valid VAT number of %(home)s: compare it with your certificate."), home=home
        ) from error


def nace_of(code: str) -> str:
    """Return a NACE code with its point, such as 62.01 or 62.01Z, or nothing for nothing. Raises Rejected."""
    given = re.sub(r"\s", "", code).upper()
    if not given:
        return ""
    found = NACE.match(given)
    if found is None or not 1 <= int(found[1]) <= 99 or (found[3] and not found[2]):
        raise Rejected(_("Write a NACE code such as 62.01 or 62.01Z."), field="nace")
    return found[1] + (f".{found[2]}{found[3] or ''}" if found[2] else "")


def _vat(message: str, **values: str) -> Rejected:
    return Rejected(message % values, field="vat_number")
