# SPDX-License-Identifier: Apache-2.0
"""Quotas of one SKU, or until a date, beside the standing ones."""

import aion.ids
import django.db.models.deletion
import functools
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenancy', '0005_projects_quotas'),
    ]

    operations = [
        migrations.CreateModel(
            name='Quota',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('qta',), **{}), editable=False, max_length=24, unique=True)),
                ('sku_code', models.CharField(blank=True, max_length=40, verbose_name='only for SKU')),
                ('milli_gpus', models.PositiveBigIntegerField(verbose_name='GPUs at one time (milli-GPUs)')),
                ('since', models.DateTimeField(verbose_name='since')),
                ('until', models.DateTimeField(null=True, verbose_name='until')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
                ('project', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.project', verbose_name='project')),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='quotas', to='tenancy.quotarequest', verbose_name='request')),
            ],
            options={
                'verbose_name': 'quota',
                'verbose_name_plural': 'quotas',
                'ordering': ['-since', '-pk'],
                'indexes': [models.Index(fields=['organisation'], name='quotas_by_organisation'), models.Index(condition=models.Q(('ended_at', None)), fields=['until'], name='quotas_to_end')],
                'constraints': [models.CheckConstraint(condition=models.Q(('milli_gpus__gt', 0)), name='quota_positive'), models.CheckConstraint(condition=models.Q(('until', None), ('until__gte', models.F('since')), _connector='OR'), name='quota_not_reversed'), models.CheckConstraint(condition=models.Q(('until__isnull', False), models.Q(('sku_code', ''), _negated=True), _connector='OR'), name='quota_beyond_standing')],
            },
        ),
        migrations.RemoveConstraint(
            model_name='quotarequest',
            name='one_pending_quota_request',
        ),
        migrations.AddField(
            model_name='quotarequest',
            name='sku_code',
            field=models.CharField(blank=True, max_length=40, verbose_name='only for SKU'),
        ),
        migrations.AddField(
            model_name='quotarequest',
            name='until',
            field=models.DateTimeField(null=True, verbose_name='until'),
        ),
        migrations.AddConstraint(
            model_name='quotarequest',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'pending')), fields=('organisation', 'project', 'sku_code'), name='one_pending_quota_request', nulls_distinct=False),
        ),
    ]
