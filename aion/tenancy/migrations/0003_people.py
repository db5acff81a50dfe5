# SPDX-License-Identifier: Apache-2.0
"""Joining, leaving and looking: invitations, transfers, legal identity, terms; members get an address of their own."""

import aion.ids
import django.db.models.deletion
import django.db.models.functions.text
import functools
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('residency', '0002_territories'),
        ('tenancy', '0002_project_programme'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='public_id',
            field=models.CharField(default='', editable=False, max_length=24),
        ),
        migrations.RunSQL(
            "UPDATE tenancy_membership SET public_id = 'mem_' || right(replace(gen_random_uuid()::text, '-', ''), 16)",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name='membership',
            name='public_id',
            field=models.CharField(default=functools.partial(aion.ids.new_id, *('mem',), **{}), editable=False, max_length=24, unique=True),
        ),
        migrations.AddField(
            model_name='organisation',
            name='closed_at',
            field=models.DateTimeField(editable=False, null=True, verbose_name='closed'),
        ),
        migrations.AddField(
            model_name='user',
            name='erased_at',
            field=models.DateTimeField(editable=False, null=True, verbose_name='erased'),
        ),
        migrations.AlterField(
            model_name='organisation',
            name='state',
            field=models.CharField(choices=[('active', 'Active'), ('frozen', 'Frozen'), ('closed', 'Closed')], default='active', max_length=8, verbose_name='state'),
        ),
        migrations.CreateModel(
            name='Impersonation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('imp',), **{}), editable=False, max_length=24, unique=True)),
                ('reason', models.CharField(max_length=200, verbose_name='reason')),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('ends_at', models.DateTimeField(verbose_name='ends')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation')),
                ('staff', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='staff')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'impersonation',
                'verbose_name_plural': 'impersonations',
                'ordering': ['-started_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='TermsVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('terms', 'Terms of use'), ('dpa', 'Data-processing agreement')], max_length=8, verbose_name='document')),
                ('version', models.SlugField(max_length=20, verbose_name='version')),
                ('title_en', models.CharField(max_length=160, verbose_name='title (English)')),
                ('title_fr', models.CharField(max_length=160, verbose_name='title (French)')),
                ('text_en', models.TextField(verbose_name='text (English)')),
                ('text_fr', models.TextField(verbose_name='text (French)')),
                ('valid_from', models.DateTimeField(verbose_name='valid from')),
                ('digest', models.CharField(editable=False, max_length=64, verbose_name='SHA-256 of all texts')),
            ],
            options={
                'verbose_name': 'version of the terms',
                'verbose_name_plural': 'versions of the terms',
                'ordering': ['kind', '-valid_from'],
                'constraints': [models.UniqueConstraint(fields=('kind', 'version'), name='terms_version_once')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('inv',), **{}), editable=False, max_length=24, unique=True)),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Administrator'), ('developer', 'Developer'), ('billing', 'Billing'), ('viewer', 'Viewer'), ('operator', 'Operator'), ('reviewer', 'Reviewer')], max_length=16, verbose_name='role')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('accepted', 'Accepted'), ('revoked', 'Revoked')], default='pending', max_length=10, verbose_name='state')),
                ('sent', models.PositiveSmallIntegerField(default=1, verbose_name='times sent')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('accepted_at', models.DateTimeField(null=True)),
                ('accepted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('invited_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='invited by')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='tenancy.organisation')),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
                'ordering': ['-created_at', '-pk'],
                'constraints': [models.UniqueConstraint(models.F('organisation'), django.db.models.functions.text.Lower('email'), condition=models.Q(('state', 'pending')), name='one_open_invitation_per_address'), models.CheckConstraint(condition=models.Q(models.Q(('accepted_at__isnull', False), ('accepted_by__isnull', False), ('state', 'accepted')), models.Q(models.Q(('state', 'accepted'), _negated=True), ('accepted_at', None), ('accepted_by', None)), _connector='OR'), name='accepted_invitation_says_by_whom')],
            },
        ),
        migrations.CreateModel(
            name='LegalIdentity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('legal_name', models.CharField(max_length=160, verbose_name='legal name')),
                ('registration_scheme', models.CharField(choices=[('siren', 'SIREN'), ('siret', 'SIRET'), ('other', 'Other national register')], max_length=8, verbose_name='register')),
                ('registration_number', models.CharField(blank=True, max_length=32, verbose_name='registration number')),
                ('vat_number', models.CharField(blank=True, max_length=20, verbose_name='VAT number')),
                ('nace', models.CharField(blank=True, max_length=6, verbose_name='NACE code')),
                ('size', models.CharField(choices=[('micro', 'Micro (under 10 people, at most 2 million euros)'), ('small', 'Small (under 50 people, at most 10 million euros)'), ('medium', 'Medium (under 250 people, at most 50 million euros)'), ('large', 'Large'), ('na', 'Not applicable (public body, research)')], max_length=8, verbose_name='size')),
                ('founded_on', models.DateField(null=True, verbose_name='founded on')),
                ('listed', models.BooleanField(default=False, verbose_name='listed on a stock exchange')),
                ('address', models.CharField(max_length=300, verbose_name='address')),
                ('updated_at', models.DateTimeField(verbose_name='updated')),
                ('country', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='residency.territory')),
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='legal_identity', to='tenancy.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'legal identity',
                'verbose_name_plural': 'legal identities',
                'constraints': [models.UniqueConstraint(models.F('country'), models.F('registration_scheme'), models.F('registration_number'), condition=models.Q(('registration_number', ''), _negated=True), name='registered_once')],
            },
        ),
        migrations.CreateModel(
            name='OwnershipTransfer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('otr',), **{}), editable=False, max_length=24, unique=True)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('accepted', 'Accepted'), ('withdrawn', 'Withdrawn')], default='pending', max_length=10, verbose_name='state')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('from_user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ownership_transfers', to='tenancy.organisation')),
                ('to_user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'transfer of ownership',
                'verbose_name_plural': 'transfers of ownership',
                'ordering': ['-created_at', '-pk'],
                'constraints': [models.UniqueConstraint(models.F('organisation'), condition=models.Q(('state', 'pending')), name='one_open_transfer'), models.CheckConstraint(condition=models.Q(('from_user', models.F('to_user')), _negated=True), name='transfer_to_another_person')],
            },
        ),
        migrations.CreateModel(
            name='TermsAcceptance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.BigIntegerField()),
                ('at', models.DateTimeField(verbose_name='when')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terms_acceptances', to='tenancy.organisation')),
                ('terms', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='acceptances', to='tenancy.termsversion')),
            ],
            options={
                'verbose_name': 'acceptance of terms',
                'verbose_name_plural': 'acceptances of terms',
                'ordering': ['-at', '-pk'],
                'constraints': [models.UniqueConstraint(fields=('organisation', 'terms'), name='terms_accepted_once')],
            },
        ),
    ]
