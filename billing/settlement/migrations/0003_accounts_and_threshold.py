# SPDX-License-Identifier: Apache-2.0
"""The first mapping to the French chart of accounts, and the threshold of a limited network, each with its source."""

from django.db import migrations
from django.db.backends.postgresql.psycopg_any import DateRange
from datetime import date

SINCE = date(2026, 1, 1)
PCG = "Plan comptable général (règlement ANC 2014-03)"
# Ledger account, origin, kind of entry, number, name. An origin or a kind that is empty stands for all of them.
ACCOUNTS = (
    ("lot", "purchase", "", "419100", "Clients - Avances et acomptes reçus"),
    ("lot", "", "", "", ""),
    ("receivable", "", "", "411000", "Clients"),
    ("funding", "", "", "411000", "Clients"),
    ("funding", "", "payout", "512000", "Banques"),
    ("clearing", "", "", "706000", "Prestations de services"),
    ("clearing", "", "settlement", "604000", "Achats d'études et prestations de services"),
    ("breakage", "", "", "758000", "Produits divers de gestion courante"),
    ("goodwill", "", "", "658000", "Charges diverses de gestion courante"),
    ("disputed", "", "", "467000", "Autres comptes débiteurs ou créditeurs"),
    ("payable", "", "", "401000", "Fournisseurs"),
    ("commission", "", "", "", ""),
)


def fill(apps, schema_editor):
    """Write the rows."""
    mapping = apps.get_model("settlement", "AccountMapping")
    for kind, origin, entry, number, name in ACCOUNTS:
        mapping.objects.create(
            account_kind=kind, origin=origin, transfer_kind=entry, number=number, name=name,
            valid=DateRange(SINCE, None), source=PCG,
        )  # fmt: skip
    apps.get_model("settlement", "NetworkThreshold").objects.create(
        amount=1_000_000_000_000, valid=DateRange(date(2018, 1, 13), None), source="CMF L521-3, L525-5, D525-2"
    )


class Migration(migrations.Migration):
    dependencies = [("settlement", "0002_settlement_rules")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
