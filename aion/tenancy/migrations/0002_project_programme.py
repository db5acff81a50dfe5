# SPDX-License-Identifier: Apache-2.0
"""A project may belong to a grant programme."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='project',
            name='programme_code',
            field=models.SlugField(blank=True, help_text='The grant programme that the work belongs to; credits tied to a programme pay only for its work.', max_length=40, verbose_name='programme'),
        ),
    ]
