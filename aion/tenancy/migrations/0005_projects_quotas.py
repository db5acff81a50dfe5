# SPDX-License-Identifier: Apache-2.0
"""Members of projects, their archive, and requests for a higher quota."""

import aion.ids
import django.db.models.deletion
import functools
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenancy', '0004_people_facts'),
    ]

    operations = [
        migrations.AddField(
            model_name='project',
            name='archived_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='archived'),
        ),
        migrations.AddField(
            model_name='project',
            name='restricted',
            field=models.BooleanField(default=False, help_text='Only its members launch and stop work; owners and administrators always may.', verbose_name='members only'),
        ),
        migrations.CreateModel(
            name='ProjectMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenancy.membership')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='tenancy.project')),
            ],
            options={
                'verbose_name': 'project member',
                'verbose_name_plural': 'project members',
                'constraints': [models.UniqueConstraint(fields=('project', 'membership'), name='project_member_once')],
            },
        ),
        migrations.CreateModel(
            name='QuotaRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('qrq',), **{}), editable=False, max_length=24, unique=True)),
                ('milli_gpus_before', models.PositiveBigIntegerField(verbose_name='quota when asked (milli-GPUs)')),
                ('milli_gpus', models.PositiveBigIntegerField(verbose_name='asked for (milli-GPUs)')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn')], default='pending', max_length=12, verbose_name='state')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('decision_reason', models.CharField(blank=True, max_length=200, verbose_name='reason of the decision')),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked by')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
                ('project', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.project', verbose_name='project')),
            ],
            options={
                'verbose_name': 'quota request',
                'verbose_name_plural': 'quota requests',
                'ordering': ['-asked_at', '-pk'],
                'indexes': [models.Index(fields=['state', '-asked_at'], name='quota_requests_by_state')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'pending')), fields=('organisation', 'project'), name='one_pending_quota_request', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('milli_gpus__gt', models.F('milli_gpus_before'))), name='quota_request_asks_more'), models.CheckConstraint(condition=models.Q(('state', 'pending'), ('decided_at__isnull', False), _connector='OR'), name='quota_decision_has_a_time')],
            },
        ),
    ]
