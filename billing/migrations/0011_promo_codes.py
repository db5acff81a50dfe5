# SPDX-License-Identifier: Apache-2.0
"""Promo codes and their redemptions; granted credit may be reclaimed."""

import aion.ids
import billing.states
import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.core.validators
import django.db.models.deletion
import functools
from django.db import migrations, models

from aion.audit.append_only import protect

GIVEN = ["code", "amount", "max_redemptions", "valid", "lot_days", "sku_codes", "site_codes", "programme_codes",
         "min_level", "requested_by_id"]


class Migration(migrations.Migration):

    dependencies = [
        ("tenancy", "0002_project_programme"),
        ("billing", "0010_no_lines_by_month"),
    ]

    operations = [
        migrations.AlterField(
            model_name='transfer',
            name='kind',
            field=models.CharField(choices=[(billing.states.TransferKind['GRANT'], billing.states.TransferKind['GRANT']), (billing.states.TransferKind['PURCHASE'], billing.states.TransferKind['PURCHASE']), (billing.states.TransferKind['USAGE'], billing.states.TransferKind['USAGE']), (billing.states.TransferKind['CORRECTION'], billing.states.TransferKind['CORRECTION']), (billing.states.TransferKind['EXPIRY'], billing.states.TransferKind['EXPIRY']), (billing.states.TransferKind['REFUND'], billing.states.TransferKind['REFUND']), (billing.states.TransferKind['SETTLEMENT'], billing.states.TransferKind['SETTLEMENT']), (billing.states.TransferKind['REVERSAL'], billing.states.TransferKind['REVERSAL']), (billing.states.TransferKind['RECLAIM'], billing.states.TransferKind['RECLAIM'])], max_length=12, verbose_name='kind'),
        ),
        migrations.CreateModel(
            name='PromoCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, 'pco'), editable=False, max_length=24, unique=True)),
                ('code', models.CharField(max_length=40, unique=True, validators=[django.core.validators.RegexValidator('^[A-Z0-9-]{6,40}$', 'Use 6 to 40 capital letters, digits and hyphens.')], verbose_name='code')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('amount', models.BigIntegerField(verbose_name='amount (micro-credits)')),
                ('max_redemptions', models.PositiveIntegerField(verbose_name='organisations at the most')),
                ('redeemed', models.PositiveIntegerField(default=0, verbose_name='redeemed')),
                ('valid', django.contrib.postgres.fields.ranges.DateTimeRangeField(verbose_name='valid')),
                ('lot_days', models.PositiveSmallIntegerField(verbose_name='days to spend it')),
                ('sku_codes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None, verbose_name='only for')),
                ('site_codes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None, verbose_name='only at')),
                ('programme_codes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None, verbose_name='only for programmes')),
                ('min_level', models.PositiveSmallIntegerField(default=0, verbose_name='only from residency level')),
                ('reason', models.TextField(verbose_name='reason')),
                ('state', models.CharField(choices=[(billing.states.PromoState['PENDING'], billing.states.PromoState['PENDING']), (billing.states.PromoState['ACTIVE'], billing.states.PromoState['ACTIVE']), (billing.states.PromoState['REJECTED'], billing.states.PromoState['REJECTED']), (billing.states.PromoState['ENDED'], billing.states.PromoState['ENDED'])], default=billing.states.PromoState['PENDING'], max_length=10, verbose_name='state')),
                ('requested_by_id', models.BigIntegerField()),
                ('requested_by', models.CharField(max_length=120, verbose_name='asked by')),
                ('requested_at', models.DateTimeField(verbose_name='asked')),
                ('decided_by_id', models.BigIntegerField(null=True)),
                ('decided_by', models.CharField(blank=True, max_length=120, verbose_name='decided by')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
            ],
            options={
                'verbose_name': 'promo code',
                'verbose_name_plural': 'promo codes',
                'ordering': ['-requested_at'],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('lot_days__gt', 0), ('max_redemptions__gt', 0)), name='promo_code_gives_something'), models.CheckConstraint(condition=models.Q(('redeemed__lte', models.F('max_redemptions'))), name='promo_code_within_its_cap'), models.CheckConstraint(condition=models.Q(('valid__endswith__isnull', False), ('valid__isempty', False), ('valid__startswith__isnull', False)), name='promo_code_ends'), models.CheckConstraint(condition=models.Q(('decided_by_id', None), models.Q(('decided_by_id', models.F('requested_by_id')), _negated=True), _connector='OR'), name='promo_code_four_eyes')],
            },
        ),
        migrations.CreateModel(
            name='PromoRedemption',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.BigIntegerField(null=True)),
                ('at', models.DateTimeField(verbose_name='when')),
                ('lot', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='redemption', to='billing.ledgeraccount')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
                ('promo', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='redemptions', to='billing.promocode')),
            ],
            options={
                'verbose_name': 'redemption',
                'verbose_name_plural': 'redemptions',
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(fields=('promo', 'organisation'), name='promo_code_once_an_organisation')],
            },
        ),
        migrations.CreateModel(
            name='PromoTry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.BigIntegerField(null=True)),
                ('at', models.DateTimeField()),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenancy.organisation')),
            ],
            options={
                'verbose_name': 'try of a promo code',
                'verbose_name_plural': 'tries of promo codes',
                'indexes': [models.Index(fields=['user_id', 'at'], name='promo_tries_of_a_person')],
            },
        ),
        protect("billing_promocode", frozen=GIVEN),
        protect("billing_promoredemption"),
    ]
