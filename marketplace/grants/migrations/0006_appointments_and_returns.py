# SPDX-License-Identifier: Apache-2.0
"""Reviewers are appointed to a programme, and what expires of an award goes back to its pot."""

import aion.ids
import django.db.models.deletion
import functools
import marketplace.grants.states
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0012_operator_books'),
        ('grants', '0005_state_aid'),
        ('tenancy', '0005_projects_quotas'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Appointment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, 'apt'), editable=False, max_length=24, unique=True)),
                ('appointed_by', models.CharField(max_length=120, verbose_name='appointed by')),
                ('appointed_at', models.DateTimeField(verbose_name='appointed')),
                ('ended_by', models.CharField(blank=True, max_length=120, verbose_name='ended by')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
                ('programme', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='grants.programme', verbose_name='programme')),
                ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='reviewer')),
            ],
            options={
                'verbose_name': 'appointment of a reviewer',
                'verbose_name_plural': 'appointments of reviewers',
                'ordering': ['-appointed_at', '-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('programme', 'reviewer'), name='appointed_once_at_a_time')],
            },
        ),
        migrations.RemoveConstraint(
            model_name='commitment',
            name='commitment_has_its_sign',
        ),
        migrations.AddField(
            model_name='commitment',
            name='transfer',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.transfer'),
        ),
        migrations.AlterField(
            model_name='commitment',
            name='kind',
            field=models.CharField(choices=[(marketplace.grants.states.CommitmentKind['AWARD'], marketplace.grants.states.CommitmentKind['AWARD']), (marketplace.grants.states.CommitmentKind['RECLAIM'], marketplace.grants.states.CommitmentKind['RECLAIM']), (marketplace.grants.states.CommitmentKind['EXPIRY'], marketplace.grants.states.CommitmentKind['EXPIRY'])], max_length=8, verbose_name='kind'),
        ),
        migrations.AddConstraint(
            model_name='commitment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('kind', marketplace.grants.states.CommitmentKind['AWARD'])), models.Q(('amount__lt', 0), ('kind__in', (marketplace.grants.states.CommitmentKind['RECLAIM'], marketplace.grants.states.CommitmentKind['EXPIRY']))), _connector='OR'), name='commitment_has_its_sign'),
        ),
        migrations.AddConstraint(
            model_name='commitment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', marketplace.grants.states.CommitmentKind['EXPIRY']), ('transfer__isnull', False)), models.Q(models.Q(('kind', marketplace.grants.states.CommitmentKind['EXPIRY']), _negated=True), ('transfer', None)), _connector='OR'), name='commitment_of_an_expiry_has_its_entry'),
        ),
    ]
