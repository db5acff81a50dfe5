# SPDX-License-Identifier: Apache-2.0
"""Rates, rules, mentions and the seller, as of 2026-11."""

from datetime import date

from django.db import migrations
from psycopg.types.range import DateRange

from billing.invoicing.law import mentions, rates, rules


def _valid(since, until=None):
    return DateRange(date.fromisoformat(since), date.fromisoformat(until) if until else None)


def write(apps, schema_editor):
    rate, rule = apps.get_model("invoicing", "VatRate"), apps.get_model("invoicing", "VatRule")
    mention, seller = apps.get_model("invoicing", "Mention"), apps.get_model("invoicing", "Seller")
    for territory, place, basis_points, since, until, source in rates.rows():
        rate.objects.create(
            territory=territory, place=place, rate_basis_points=basis_points, valid=_valid(since, until), source=source
        )
    for row in rules.RULES:
        rule.objects.create(valid=_valid(rates.BEGIN), **row)
    for row in mentions.MENTIONS:
        fields = {name: value for name, value in row.items() if name not in {"since", "until"}}
        mention.objects.create(valid=_valid(row["since"], row["until"]), **fields)
    given = dict(mentions.SELLER)
    seller.objects.create(valid=_valid(given.pop("since")), **given)


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0001_initial")]
    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
