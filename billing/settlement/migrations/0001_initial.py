# SPDX-License-Identifier: Apache-2.0
"""Share agreements, settlements with their lines, payouts, the limited-network gauge and the accounts of the books."""


import aion.ids
import billing.settlement.states
import billing.states
import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import django.db.models.expressions
import functools
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('billing', '0013_disputed_and_payable'),
        ('tenancy', '0006_quotas_with_dates'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account_kind', models.CharField(choices=[(billing.states.AccountKind['LOT'], billing.states.AccountKind['LOT']), (billing.states.AccountKind['RECEIVABLE'], billing.states.AccountKind['RECEIVABLE']), (billing.states.AccountKind['FUNDING'], billing.states.AccountKind['FUNDING']), (billing.states.AccountKind['CLEARING'], billing.states.AccountKind['CLEARING']), (billing.states.AccountKind['BREAKAGE'], billing.states.AccountKind['BREAKAGE']), (billing.states.AccountKind['GOODWILL'], billing.states.AccountKind['GOODWILL']), (billing.states.AccountKind['DISPUTED'], billing.states.AccountKind['DISPUTED']), (billing.states.AccountKind['PAYABLE'], billing.states.AccountKind['PAYABLE']), (billing.states.AccountKind['COMMISSION'], billing.states.AccountKind['COMMISSION'])], max_length=12, verbose_name='ledger account')),
                ('origin', models.CharField(blank=True, choices=[(billing.states.Origin['GRANT'], billing.states.Origin['GRANT']), (billing.states.Origin['PROMO'], billing.states.Origin['PROMO']), (billing.states.Origin['GOODWILL'], billing.states.Origin['GOODWILL']), (billing.states.Origin['PURCHASE'], billing.states.Origin['PURCHASE'])], max_length=12, verbose_name='origin')),
                ('transfer_kind', models.CharField(blank=True, choices=[(billing.states.TransferKind['GRANT'], billing.states.TransferKind['GRANT']), (billing.states.TransferKind['PURCHASE'], billing.states.TransferKind['PURCHASE']), (billing.states.TransferKind['USAGE'], billing.states.TransferKind['USAGE']), (billing.states.TransferKind['CORRECTION'], billing.states.TransferKind['CORRECTION']), (billing.states.TransferKind['EXPIRY'], billing.states.TransferKind['EXPIRY']), (billing.states.TransferKind['REFUND'], billing.states.TransferKind['REFUND']), (billing.states.TransferKind['SETTLEMENT'], billing.states.TransferKind['SETTLEMENT']), (billing.states.TransferKind['REVERSAL'], billing.states.TransferKind['REVERSAL']), (billing.states.TransferKind['RECLAIM'], billing.states.TransferKind['RECLAIM']), (billing.states.TransferKind['DISPUTE'], billing.states.TransferKind['DISPUTE']), (billing.states.TransferKind['PAYOUT'], billing.states.TransferKind['PAYOUT']), (billing.states.TransferKind['DEBT'], billing.states.TransferKind['DEBT'])], max_length=12, verbose_name='kind of entry')),
                ('number', models.CharField(blank=True, max_length=12, verbose_name='account number')),
                ('name', models.CharField(blank=True, max_length=100, verbose_name='account name')),
                ('valid', django.contrib.postgres.fields.ranges.DateRangeField(verbose_name='in force')),
                ('source', models.CharField(blank=True, max_length=200, verbose_name='source')),
            ],
            options={
                'verbose_name': 'account of the books',
                'verbose_name_plural': 'accounts of the books',
                'ordering': ['account_kind', 'origin', 'transfer_kind', 'valid'],
                'constraints': [models.CheckConstraint(condition=models.Q(('number', ''), ('number__regex', '^[1-7][0-9]{2,11}$'), _connector='OR'), name='pcg_number'), django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('account_kind', '='), ('origin', '='), ('transfer_kind', '='), ('valid', '&&')], name='one_account_in_force')],
            },
        ),
        migrations.CreateModel(
            name='NetworkThreshold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.BigIntegerField(verbose_name='amount (micro-credits)')),
                ('valid', django.contrib.postgres.fields.ranges.DateRangeField(verbose_name='in force')),
                ('source', models.CharField(max_length=200, verbose_name='source')),
            ],
            options={
                'verbose_name': 'limited-network threshold',
                'verbose_name_plural': 'limited-network thresholds',
                'ordering': ['-valid'],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='threshold_positive'), django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('valid', '&&')], name='one_threshold_in_force')],
            },
        ),
        migrations.CreateModel(
            name='Payout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('pyo',), **{}), editable=False, max_length=24, unique=True)),
                ('amount', models.BigIntegerField(verbose_name='amount (micro-credits)')),
                ('bank_reference', models.CharField(max_length=70, verbose_name='bank reference')),
                ('state', models.CharField(choices=[(billing.states.RequestState['PENDING'], billing.states.RequestState['PENDING']), (billing.states.RequestState['APPROVED'], billing.states.RequestState['APPROVED']), (billing.states.RequestState['REJECTED'], billing.states.RequestState['REJECTED'])], default=billing.states.RequestState['PENDING'], max_length=10, verbose_name='state')),
                ('requested_by_id', models.BigIntegerField()),
                ('requested_by', models.CharField(max_length=120, verbose_name='recorded by')),
                ('requested_at', models.DateTimeField(verbose_name='recorded')),
                ('decided_by_id', models.BigIntegerField(null=True)),
                ('decided_by', models.CharField(blank=True, max_length=120, verbose_name='decided by')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='operator')),
            ],
            options={
                'verbose_name': 'payout',
                'verbose_name_plural': 'payouts',
                'ordering': ['-requested_at', '-pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='payout_positive'), models.UniqueConstraint(condition=models.Q(('state', billing.states.RequestState['REJECTED']), _negated=True), fields=('bank_reference',), name='payout_once_a_bank_reference'), models.UniqueConstraint(condition=models.Q(('state', billing.states.RequestState['PENDING'])), fields=('organisation',), name='one_payout_waits_an_operator'), models.CheckConstraint(condition=models.Q(models.Q(('state', billing.states.RequestState['APPROVED']), _negated=True), models.Q(('decided_by_id__isnull', False), models.Q(('decided_by_id', models.F('requested_by_id')), _negated=True)), _connector='OR'), name='payout_four_eyes')],
            },
        ),
        migrations.CreateModel(
            name='SettlementStatement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('stl',), **{}), editable=False, max_length=24, unique=True)),
                ('month', models.DateField(verbose_name='month')),
                ('revision', models.PositiveSmallIntegerField(default=1, verbose_name='revision')),
                ('milli_gpu_seconds', models.BigIntegerField(verbose_name='milli-GPU-seconds')),
                ('exact', models.DecimalField(decimal_places=0, max_digits=32)),
                ('share_exact', models.DecimalField(decimal_places=0, max_digits=38)),
                ('charged', models.BigIntegerField(verbose_name='charged')),
                ('share', models.BigIntegerField(verbose_name="operator's share")),
                ('commission', models.BigIntegerField(verbose_name='commission')),
                ('prepared_at', models.DateTimeField(verbose_name='prepared')),
                ('prepared_by', models.CharField(max_length=120, verbose_name='prepared by')),
                ('state', models.CharField(choices=[(billing.settlement.states.SettlementState['DRAFT'], billing.settlement.states.SettlementState['DRAFT']), (billing.settlement.states.SettlementState['CHECKED'], billing.settlement.states.SettlementState['CHECKED']), (billing.settlement.states.SettlementState['APPROVED'], billing.settlement.states.SettlementState['APPROVED']), (billing.settlement.states.SettlementState['PAID'], billing.settlement.states.SettlementState['PAID']), (billing.settlement.states.SettlementState['REJECTED'], billing.settlement.states.SettlementState['REJECTED'])], default=billing.settlement.states.SettlementState['DRAFT'], max_length=10, verbose_name='state')),
                ('first_by_id', models.BigIntegerField(null=True)),
                ('first_by', models.CharField(blank=True, max_length=120, verbose_name='first checked by')),
                ('first_at', models.DateTimeField(null=True, verbose_name='first checked')),
                ('decided_by_id', models.BigIntegerField(null=True)),
                ('decided_by', models.CharField(blank=True, max_length=120, verbose_name='decided by')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='operator')),
                ('payout', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='settlement.payout', verbose_name='payout')),
            ],
            options={
                'verbose_name': 'settlement',
                'verbose_name_plural': 'settlements',
                'ordering': ['-month', 'organisation', '-revision'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', billing.settlement.states.SettlementState['REJECTED']), _negated=True), fields=('organisation', 'month'), name='a_month_is_settled_once'), models.UniqueConstraint(fields=('organisation', 'month', 'revision'), name='settlement_revision_once'), models.CheckConstraint(condition=models.Q(('charged', django.db.models.expressions.CombinedExpression(models.F('share'), '+', models.F('commission')))), name='settlement_adds_up'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', [billing.settlement.states.SettlementState['APPROVED'], billing.settlement.states.SettlementState['PAID']]), _negated=True), models.Q(('decided_by_id__isnull', False), ('first_by_id__isnull', False), models.Q(('first_by_id', models.F('decided_by_id')), _negated=True)), _connector='OR'), name='settlement_four_eyes'), models.CheckConstraint(condition=models.Q(models.Q(('state', billing.settlement.states.SettlementState['PAID']), _negated=True), ('payout__isnull', False), _connector='OR'), name='settlement_paid_by_a_payout')],
            },
        ),
        migrations.CreateModel(
            name='ShareAgreement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('sha',), **{}), editable=False, max_length=24, unique=True)),
                ('share_basis_points', models.PositiveIntegerField(help_text='Hundredths of a per cent: 8,500 is 85 %.', verbose_name='share (basis points)')),
                ('valid', django.contrib.postgres.fields.ranges.DateRangeField(verbose_name='months of usage')),
                ('reason', models.TextField(verbose_name='reason')),
                ('state', models.CharField(choices=[(billing.states.RequestState['PENDING'], billing.states.RequestState['PENDING']), (billing.states.RequestState['APPROVED'], billing.states.RequestState['APPROVED']), (billing.states.RequestState['REJECTED'], billing.states.RequestState['REJECTED'])], default=billing.states.RequestState['PENDING'], max_length=10, verbose_name='state')),
                ('requested_by_id', models.BigIntegerField()),
                ('requested_by', models.CharField(max_length=120, verbose_name='asked by')),
                ('requested_at', models.DateTimeField(verbose_name='asked')),
                ('decided_by_id', models.BigIntegerField(null=True)),
                ('decided_by', models.CharField(blank=True, max_length=120, verbose_name='decided by')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='operator')),
            ],
            options={
                'verbose_name': 'share agreement',
                'verbose_name_plural': 'share agreements',
                'ordering': ['-requested_at', '-pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('share_basis_points__lte', 10000)), name='share_at_most_all'), models.CheckConstraint(condition=models.Q(('valid__isempty', False), ('valid__startswith__isnull', False)), name='share_begins'), models.CheckConstraint(condition=models.Q(models.Q(('state', billing.states.RequestState['APPROVED']), _negated=True), models.Q(('decided_by_id__isnull', False), models.Q(('decided_by_id', models.F('requested_by_id')), _negated=True)), _connector='OR'), name='share_four_eyes'), django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('state', billing.states.RequestState['APPROVED'])), expressions=[('organisation', '='), ('valid', '&&')], name='one_share_in_force')],
            },
        ),
        migrations.CreateModel(
            name='SettlementLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[(billing.states.LineKind['USAGE'], billing.states.LineKind['USAGE']), (billing.states.LineKind['CORRECTION'], billing.states.LineKind['CORRECTION'])], max_length=10, verbose_name='kind')),
                ('usage_month', models.DateField(verbose_name='month of usage')),
                ('site_code', models.CharField(max_length=40, verbose_name='site')),
                ('micro_per_gpu_hour', models.BigIntegerField(verbose_name='micro-credits per GPU-hour')),
                ('share_basis_points', models.PositiveIntegerField(verbose_name='share (basis points)')),
                ('milli_gpu_seconds', models.BigIntegerField(verbose_name='milli-GPU-seconds')),
                ('exact', models.DecimalField(decimal_places=0, max_digits=32)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation')),
                ('sku', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.sku')),
                ('statement', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='settlement.settlementstatement')),
                ('agreement', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlement.shareagreement')),
            ],
            options={
                'verbose_name': 'settlement line',
                'verbose_name_plural': 'settlement lines',
                'ordering': ['usage_month', 'site_code', 'sku', 'micro_per_gpu_hour'],
                'indexes': [models.Index(fields=['site_code', 'usage_month'], name='settled_site_months')],
                'constraints': [models.UniqueConstraint(fields=('statement', 'usage_month', 'site_code', 'sku', 'micro_per_gpu_hour'), name='a_settlement_line_stands_once')],
            },
        ),
        migrations.CreateModel(
            name='GaugeAlert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('year', models.PositiveSmallIntegerField(verbose_name='year')),
                ('percent', models.PositiveSmallIntegerField(verbose_name='per cent')),
                ('volume', models.BigIntegerField(verbose_name='sold in twelve months (micro-credits)')),
                ('outstanding', models.BigIntegerField(verbose_name='outstanding (micro-credits)')),
                ('raised_at', models.DateTimeField(verbose_name='reached')),
                ('seen_by', models.CharField(blank=True, max_length=120, verbose_name='seen by')),
                ('seen_at', models.DateTimeField(null=True, verbose_name='seen')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='what was done')),
                ('threshold', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='settlement.networkthreshold')),
            ],
            options={
                'verbose_name': 'limited-network alert',
                'verbose_name_plural': 'limited-network alerts',
                'ordering': ['-raised_at', '-percent'],
                'constraints': [models.UniqueConstraint(fields=('threshold', 'year', 'percent'), name='gauge_alert_once_a_year')],
            },
        ),
    ]
