# SPDX-License-Identifier: Apache-2.0
"""Price books of operators: an offer's own prices, beside the list and the books of classes."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0011_promo_codes")]

    operations = [
        migrations.AddField(
            "pricebook",
            "operator",
            models.ForeignKey(
                blank=True,
                help_text="Whose own prices these are; they hold for one offer and come before the list.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenancy.organisation",
                verbose_name="operator",
            ),
        ),
        migrations.AddConstraint(
            "pricebook",
            models.CheckConstraint(
                condition=models.Q(audience=None) | models.Q(operator=None), name="book_for_class_or_operator"
            ),
        ),
    ]
