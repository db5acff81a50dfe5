# SPDX-License-Identifier: Apache-2.0
"""Changes of offers on sale: prices announced from a date on, and facts that staff approve."""

import aion.ids
import django.db.models.deletion
import functools
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0012_operator_books'),
        ('clusters', '0006_hardware'),
        ('marketplace', '0004_offers'),
        ('tenancy', '0005_projects_quotas'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='OfferChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('ofc',), **{}), editable=False, max_length=24, unique=True)),
                ('kind', models.CharField(choices=[('price', 'Price'), ('facts', 'Description and facts')], max_length=8, verbose_name='kind')),
                ('micro_before', models.BigIntegerField(null=True, verbose_name='price when proposed (micro-credits per GPU-hour)')),
                ('micro_per_gpu_hour', models.BigIntegerField(null=True, verbose_name='new price (micro-credits per GPU-hour)')),
                ('valid_from', models.DateTimeField(null=True, verbose_name='valid from')),
                ('facts', models.JSONField(default=dict, verbose_name='facts')),
                ('reason', models.CharField(max_length=200, verbose_name='reason')),
                ('state', models.CharField(choices=[('proposed', 'Proposed'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn')], default='proposed', max_length=12, verbose_name='state')),
                ('asked_at', models.DateTimeField(verbose_name='proposed')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('decision_reason', models.CharField(blank=True, max_length=200, verbose_name='reason of the decision')),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='proposed by')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
                ('offer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='marketplace.offer', verbose_name='offer')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='operator')),
            ],
            options={
                'verbose_name': 'change of an offer',
                'verbose_name_plural': 'changes of offers',
                'ordering': ['-asked_at', '-pk'],
                'indexes': [models.Index(fields=['state', '-asked_at'], name='offer_changes_by_state')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'proposed')), fields=('offer', 'kind'), name='one_waiting_change'), models.CheckConstraint(condition=models.Q(models.Q(('facts', {}), ('kind', 'price'), ('valid_from__isnull', False)), models.Q(('kind', 'facts'), ('micro_per_gpu_hour', None), ('valid_from', None)), _connector='OR'), name='change_is_a_price_or_facts'), models.CheckConstraint(condition=models.Q(('micro_per_gpu_hour', None), ('micro_per_gpu_hour__gt', 0), _connector='OR'), name='changed_price_positive'), models.CheckConstraint(condition=models.Q(('state', 'proposed'), ('decided_at__isnull', False), _connector='OR'), name='change_decided_at_a_time')],
            },
        ),
        migrations.AddField(
            model_name='offer',
            name='announced_from',
            field=models.DateTimeField(blank=True, null=True, verbose_name='announced from'),
        ),
        migrations.AddField(
            model_name='offer',
            name='announced_micro_per_gpu_hour',
            field=models.BigIntegerField(blank=True, null=True, verbose_name='announced price (micro-credits per GPU-hour)'),
        ),
        migrations.AddField(
            model_name='offer',
            name='local_disk_gib',
            field=models.PositiveIntegerField(blank=True, help_text="Empty: the flavour's.", null=True, verbose_name='local disk (GiB) a node'),
        ),
        migrations.AddField(
            model_name='offer',
            name='proposed_by_id',
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='offer',
            name='storage_class',
            field=models.CharField(blank=True, help_text="Empty: the pool's.", max_length=60, verbose_name='storage class'),
        ),
        migrations.AddConstraint(
            model_name='offer',
            constraint=models.CheckConstraint(condition=models.Q(('announced_micro_per_gpu_hour', None), models.Q(('announced_from__isnull', False), ('announced_micro_per_gpu_hour__gt', 0)), _connector='OR'), name='announced_price_has_a_date'),
        ),
    ]
