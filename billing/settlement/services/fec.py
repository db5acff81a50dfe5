# SPDX-License-Identifier: Apache-2.0
"""The French accounting entries file (FEC, article A47 A-1 of the Livre des procédures fiscales) of one year.

Ledger entries of one day, kind, customer and pair of accounts are one accounting entry of two lines, and so is each
issued document's VAT and what was paid with it. Amounts are cents: floors of running sums for each customer and pair of
accounts, so what is below a cent is carried to the next entry, and from year to year. The year begins with the balances
before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext

from aion.actor import Actor
from aion.audit import services as audit
from aion.errors import Rejected
from billing.settlement.audit import Action
from billing.settlement.models import AccountMapping

COLUMNS = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib",
    "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise",
    "Idevise",
)  # fmt: skip
# The article names ISO 8859-15 among the sets of characters that are allowed, and UTF-8 is none of them.
ENCODING = "iso8859-15"
FETCH = 2_000
JOURNALS = {
    "AN": "À nouveaux", "VT": "Ventes", "BQ": "Banque", "AC": "Achats", "OD": "Opérations diverses",
}  # fmt: skip
JOURNAL_OF = {"usage": "VT", "correction": "VT", "purchase": "VT", "settlement": "AC", "payout": "BQ"}
CENT = 10_000
# Third parties have an auxiliary account each; nothing else has.
OF_SOMEBODY = ("411", "419", "401")
FIRST_YEAR, RESULT = 2026, ("110000", "Report à nouveau")
# The mapping's row that says most wins: its kind of entry, then its origin.
_ACCOUNT = """
LEFT JOIN LATERAL (
  SELECT m.number, m.name FROM settlement_accountmapping m
  WHERE m.account_kind = {side}.kind AND m.origin IN ('', {side}.origin) AND m.transfer_kind IN ('', t.kind)
    AND m.valid @> (t.created_at AT TIME ZONE 'UTC')::date
  ORDER BY m.transfer_kind DESC, m.origin DESC LIMIT 1) {name} ON true"""
ENTRIES = f"""
WITH mapped AS (
  SELECT (t.created_at AT TIME ZONE 'UTC')::date AS day, t.kind, t.organisation_id, t.amount, t.public_id,
         (t.effective_at AT TIME ZONE 'UTC')::date AS effective,
         d.number AS debit, d.name AS debit_name, c.number AS credit, c.name AS credit_name
  FROM billing_transfer t
  JOIN billing_ledgeraccount da ON da.id = t.debit_account_id
  JOIN billing_ledgeraccount ca ON ca.id = t.credit_account_id
  {_ACCOUNT.format(side="da", name="d")}
  {_ACCOUNT.format(side="ca", name="c")}
  WHERE t.created_at < %(end)s AND d.number <> '' AND c.number <> '' AND d.number <> c.number
), booked AS (
  SELECT day, kind, organisation_id, debit, debit_name, credit, credit_name, sum(amount) AS amount,
         count(*) AS parts, min(public_id) AS reference, max(effective) AS effective
  FROM mapped GROUP BY day, kind, organisation_id, debit, debit_name, credit, credit_name
), documents AS (
  SELECT (d.issued_at AT TIME ZONE 'UTC')::date AS day, d.organisation_id, d.number, part.*
  FROM invoicing_document d
  CROSS JOIN LATERAL (VALUES
    ('vat', CASE d.type WHEN '381' THEN '445710' ELSE '411000' END,
            CASE d.type WHEN '381' THEN '411000' ELSE '445710' END, d.vat_cents),
    ('paid', CASE d.type WHEN '381' THEN '411000' ELSE '512000' END,
             CASE d.type WHEN '381' THEN '512000' ELSE '411000' END, d.paid_cents)) AS part (kind, debit, credit, cents)
  WHERE d.state = 'issued' AND d.issued_at < %(end)s AND part.cents > 0
), entries AS (
  SELECT day, kind, organisation_id, debit, debit_name, credit, credit_name,
         CASE WHEN parts = 1 THEN reference ELSE concat_ws('-', kind, to_char(day, 'YYYYMMDD'), organisation_id) END
           AS piece, effective,
         (div(sum(amount) OVER before, {CENT}) - div((sum(amount) OVER before) - amount, {CENT}))::bigint AS cents
  FROM booked
  WINDOW before AS (PARTITION BY organisation_id, debit, credit ORDER BY day, kind, debit_name, credit_name)
  UNION ALL
  SELECT day, kind, organisation_id, debit, {"{names_debit}"}, credit, {"{names_credit}"}, number, day, cents
  FROM documents
)
"""
_NAMES = "CASE {0} WHEN '411000' THEN 'Clients' WHEN '445710' THEN 'TVA collectée' ELSE 'Banques' END"
ENTRIES = ENTRIES.replace("{names_debit}", _NAMES.format("debit")).replace("{names_credit}", _NAMES.format("credit"))
OF_THE_YEAR = f"""{ENTRIES}
SELECT e.day, e.kind, o.public_id, o.name, e.debit, e.debit_name, e.credit, e.credit_name, e.piece, e.effective, e.cents
FROM entries e JOIN tenancy_organisation o ON o.id = e.organisation_id
WHERE e.day >= %(start)s AND e.cents > 0 ORDER BY e.day, e.kind, e.organisation_id, e.debit, e.credit, e.piece
"""
# Accounts of income and charges begin at zero: their sum is the result of the years before.
OPENING = f"""{ENTRIES}
SELECT s.number, max(s.name), CASE WHEN left(s.number, 3) IN ('411', '419', '401') THEN o.public_id END,
       max(CASE WHEN left(s.number, 3) IN ('411', '419', '401') THEN o.name END), sum(s.cents)
FROM (
  SELECT CASE WHEN left(number, 1) IN ('6', '7') THEN '{RESULT[0]}' ELSE number END AS number,
         CASE WHEN left(number, 1) IN ('6', '7') THEN '{RESULT[1]}' ELSE name END AS name,
         organisation_id, moved AS cents
  FROM entries CROSS JOIN LATERAL (VALUES (debit, debit_name, cents), (credit, credit_name, -cents))
    AS side (number, name, moved)
  WHERE day < %(start)s
) s JOIN tenancy_organisation o ON o.id = s.organisation_id
GROUP BY 1, 3 HAVING sum(s.cents) <> 0 ORDER BY 1, 3
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file."""

    journal: str
    number: int
    day: date
    account: str
    account_name: str
    party: str
    party_name: str
    piece: str
    piece_day: date
    text: str
    debit: int
    credit: int

    def cells(self) -> list[str]:
        """Return the 18 fields."""
        third = self.account.startswith(OF_SOMEBODY)
        return [
            self.journal,
            JOURNALS[self.journal],
            str(self.number),
            f"{self.day:%Y%m%d}",
            self.account,
            _plain(self.account_name),
            self.party if third else "",
            _plain(self.party_name) if third else "",
            _plain(self.piece),
            f"{self.piece_day:%Y%m%d}",
            _plain(self.text),
            _amount(self.debit),
            _amount(self.credit),
            "",
            "",
            f"{self.day:%Y%m%d}",
            "",
            "",
        ]


def file_name(year: int) -> str:
    """Return the name that the law asks for: SIREN, FEC, the day on which the year closes."""
    return f"{settings.FEC_SIREN}FEC{year}1231.txt"


def export_fec(*, actor: Actor, year: int, at: datetime) -> Iterator[bytes]:
    """Yield the file of a year that is over or runs, some thousand lines at a time. Raises Rejected for another."""
    if not FIRST_YEAR <= year <= at.year:
        raise Rejected(
            gettext("Choose a year from %(first)d to %(last)d.") % {"first": FIRST_YEAR, "last": at.year}, field="year"
        )
    mapping = AccountMapping.objects.order_by("pk").first()
    if mapping is not None:
        audit.record(actor=actor, action=Action.ACCOUNTS_EXPORTED, subject=mapping, at=at, changes={"year": year})
    return _pieces(year)


def _pieces(year: int) -> Iterator[bytes]:
    buffer = ["\t".join(COLUMNS)]
    for line in lines(year):
        buffer.append("\t".join(line.cells()))
        if len(buffer) >= FETCH:
            yield _encoded(buffer)
            buffer = []
    yield _encoded(buffer)


def lines(year: int) -> Iterator[Line]:
    """Yield the lines of a year in the order of the file, read through a server-side cursor."""
    scope = {"start": datetime(year, 1, 1, tzinfo=UTC), "end": datetime(year + 1, 1, 1, tzinfo=UTC)}
    days = {"start": scope["start"].date(), "end": scope["end"]}
    number = 0
    with connection.cursor() as cursor:
        cursor.execute(OPENING, days)
        opening = cursor.fetchall()
    if opening:
        number = 1
        yield from (_opening(row, date(year, 1, 1)) for row in opening)
    with connection.chunked_cursor() as cursor:
        cursor.execute(OF_THE_YEAR, days)
        while chunk := cursor.fetchmany(FETCH):
            for row in chunk:
                number += 1
                yield from _both(row, number)


def _opening(row: tuple[Any, ...], day: date) -> Line:
    account, name, party, party_name, cents = row
    text = "Reprise des soldes de l'exercice antérieur"
    return Line(
        "AN", 1, day, account, name, party or "", party_name or "", f"AN{day:%Y}", day, text,
        max(0, int(cents)), max(0, -int(cents)),
    )  # fmt: skip


def _both(row: tuple[Any, ...], number: int) -> Iterator[Line]:
    day, kind, party, party_name, debit, debit_name, credit, credit_name, piece, effective, cents = row
    journal = "BQ" if kind == "paid" else "VT" if kind == "vat" else JOURNAL_OF.get(kind, "OD")
    text = f"{TEXTS.get(kind, kind)} {party_name}"
    for account, name, owed, paid in ((debit, debit_name, cents, 0), (credit, credit_name, 0, cents)):
        yield Line(journal, number, day, account, name, party, party_name, piece, effective, text, owed, paid)


TEXTS = {
    "usage": "Consommation de GPU",
    "correction": "Correction de consommation",
    "purchase": "Achat de crédits",
    "expiry": "Crédits expirés",
    "refund": "Remboursement de crédits",
    "reversal": "Contre-passation",
    "settlement": "Part de l'exploitant",
    "payout": "Règlement de l'exploitant",
    "dispute": "Paiement contesté",
    "vat": "TVA",
    "paid": "Encaissement",
}


def _amount(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d}"


def _plain(text: str) -> str:
    return " ".join(str(text).split())


def _encoded(rows: list[str]) -> bytes:
    return "".join(f"{row}\r\n" for row in rows).encode(ENCODING, errors="replace")
