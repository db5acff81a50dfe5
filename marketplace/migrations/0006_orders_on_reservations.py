# SPDX-License-Identifier: Apache-2.0
"""An order on reserved capacity has no hold of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clusters', '0008_reservations'),
        ('marketplace', '0005_offer_changes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='order',
            name='hold_id',
            field=models.BigIntegerField(null=True, unique=True),
        ),
    ]
