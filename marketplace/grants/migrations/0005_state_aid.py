# SPDX-License-Identifier: Apache-2.0
"""State aid: rules as dated rows, undertakings and the aid they got."""

import aion.ids
import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import functools
import marketplace.grants.states
from django.db import migrations, models

from datetime import date, timedelta

from django.db.backends.postgresql.psycopg_any import DateRange

from aion.audit.append_only import protect

EURO = 1_000_000
REGULATION = "Regulation (EU) 2023/2831, Article 3(2): EUR 300,000 per single undertaking over any period of three years"
# Agriculture and fishery production fall under regulations of their own (Article 1(1) of the same regulation).
EXCLUDED = (("01", "primary agricultural production"), ("03", "fishery and aquaculture"))
# Fixed holidays, and those that hang on Easter, of the French State: the authority's working days.
FIXED = ((1, 1, "Jour de l'An"), (5, 1, "Fête du Travail"), (5, 8, "Victoire 1945"), (7, 14, "Fête nationale"),
         (8, 15, "Assomption"), (11, 1, "Toussaint"), (11, 11, "Armistice 1918"), (12, 25, "Noël"))
EASTER = {2026: date(2026, 4, 5), 2027: date(2027, 3, 28), 2028: date(2028, 4, 16), 2029: date(2029, 4, 1),
          2030: date(2030, 4, 21), 2031: date(2031, 4, 13)}
MOVABLE = ((1, "Lundi de Pâques"), (39, "Ascension"), (50, "Lundi de Pentecôte"))


def write_rules(apps, schema_editor):
    apps.get_model("grants", "AidRule").objects.create(
        code="de_minimis", valid=DateRange(date(2024, 1, 1), date(2031, 1, 1), "[)"), cap=300_000 * EURO,
        window_years=3, registration_days=20, source=REGULATION,
        note="We read the rolling period so: aid granted on 24 November 2023 counts until 23 November 2026.",
    )
    sector = apps.get_model("grants", "ExcludedSector")
    for prefix, words in EXCLUDED:
        sector.objects.create(code="de_minimis", nace_prefix=prefix, source=f"Regulation (EU) 2023/2831: {words}")
    holiday = apps.get_model("grants", "PublicHoliday")
    days = {date(year, month, day): name for year in EASTER for month, day, name in FIXED}
    days |= {easter + timedelta(days=after): name for easter in EASTER.values() for after, name in MOVABLE}
    holiday.objects.bulk_create([holiday(day=day, name=name) for day, name in sorted(days.items())])


def forget_rules(apps, schema_editor):
    for model in ("AidRule", "ExcludedSector", "PublicHoliday"):
        apps.get_model("grants", model).objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ("grants", "0004_award_facts"),
    ]

    operations = [
        migrations.CreateModel(
            name='PublicHoliday',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(unique=True, verbose_name='day')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
            ],
            options={
                'verbose_name': 'public holiday',
                'verbose_name_plural': 'public holidays',
                'ordering': ['day'],
            },
        ),
        migrations.CreateModel(
            name='Undertaking',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, 'und'), editable=False, max_length=24, unique=True)),
                ('name', models.CharField(max_length=160, verbose_name='name')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('closed_at', models.DateTimeField(null=True, verbose_name='merged into another')),
            ],
            options={
                'verbose_name': 'undertaking',
                'verbose_name_plural': 'undertakings',
                'ordering': ['name', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='AidRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, 'aid'), editable=False, max_length=24, unique=True)),
                ('kind', models.CharField(choices=[(marketplace.grants.states.AidKind['OURS'], marketplace.grants.states.AidKind['OURS']), (marketplace.grants.states.AidKind['DECLARED'], marketplace.grants.states.AidKind['DECLARED'])], max_length=8, verbose_name='kind')),
                ('authority', models.CharField(max_length=160, verbose_name='authority')),
                ('instrument', models.CharField(max_length=160, verbose_name='instrument')),
                ('nace', models.CharField(blank=True, max_length=6, verbose_name='NACE code')),
                ('granted_on', models.DateField(verbose_name='granted')),
                ('amount', models.BigIntegerField(verbose_name='amount (micro-credits)')),
                ('register_due_on', models.DateField(null=True, verbose_name='to register until')),
                ('registered_on', models.DateField(null=True, verbose_name='registered')),
                ('register_ref', models.CharField(blank=True, max_length=80, verbose_name='reference of the register')),
                ('award', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='aid', to='grants.award')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'aid record',
                'verbose_name_plural': 'aid records',
                'ordering': ['-granted_on', '-pk'],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='aid_record_positive'),
                    models.CheckConstraint(condition=models.Q(('registered_on', None), models.Q(('register_ref', ''), _negated=True), _connector='OR'), name='aid_registered_has_its_reference'),
                ],
            },
        ),
        migrations.CreateModel(
            name='AidRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=20, verbose_name='code')),
                ('valid', django.contrib.postgres.fields.ranges.DateRangeField(verbose_name='valid')),
                ('cap', models.BigIntegerField(verbose_name='cap (micro-credits)')),
                ('window_years', models.PositiveSmallIntegerField(verbose_name='rolling years')),
                ('registration_days', models.PositiveSmallIntegerField(verbose_name='working days to register')),
                ('source', models.CharField(max_length=300, verbose_name='source')),
                ('note', models.TextField(blank=True, verbose_name='note')),
            ],
            options={
                'verbose_name': 'aid rule',
                'verbose_name_plural': 'aid rules',
                'ordering': ['code', '-valid'],
                'constraints': [models.CheckConstraint(condition=models.Q(('cap__gt', 0), ('window_years__gt', 0)), name='aid_rule_positive', violation_error_message='The cap and the years must be above zero.'), django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('code', '='), ('valid', '&&')], name='one_aid_rule_in_force', violation_error_message='Another rule with this code is in force in a part of this time: end it first.')],
            },
        ),
        migrations.CreateModel(
            name='ExcludedSector',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=20, verbose_name='rule')),
                ('nace_prefix', models.CharField(max_length=6, verbose_name='NACE begins with')),
                ('source', models.CharField(max_length=300, verbose_name='source')),
            ],
            options={
                'verbose_name': 'excluded sector',
                'verbose_name_plural': 'excluded sectors',
                'ordering': ['code', 'nace_prefix'],
                'constraints': [models.UniqueConstraint(fields=('code', 'nace_prefix'), name='sector_excluded_once')],
            },
        ),
        migrations.CreateModel(
            name='AidEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[(marketplace.grants.states.AidEntryKind['GRANT'], marketplace.grants.states.AidEntryKind['GRANT']), (marketplace.grants.states.AidEntryKind['DECLARED'], marketplace.grants.states.AidEntryKind['DECLARED']), (marketplace.grants.states.AidEntryKind['MERGER'], marketplace.grants.states.AidEntryKind['MERGER']), (marketplace.grants.states.AidEntryKind['SPLIT'], marketplace.grants.states.AidEntryKind['SPLIT']), (marketplace.grants.states.AidEntryKind['WITHDRAWAL'], marketplace.grants.states.AidEntryKind['WITHDRAWAL'])], max_length=10, verbose_name='kind')),
                ('amount', models.BigIntegerField(verbose_name='amount (micro-credits)')),
                ('granted_on', models.DateField(verbose_name='granted')),
                ('at', models.DateTimeField(verbose_name='recorded')),
                ('record', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='grants.aidrecord')),
                ('undertaking', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='grants.undertaking')),
            ],
            options={
                'verbose_name': 'aid entry',
                'verbose_name_plural': 'aid entries',
                'ordering': ['pk'],
                'indexes': [
                    models.Index(fields=['undertaking', 'granted_on'], name='aid_of_an_undertaking'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='aid_entry_moves_something'),
                ],
            },
        ),
        migrations.CreateModel(
            name='UndertakingLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('valid', django.contrib.postgres.fields.ranges.DateRangeField(verbose_name='valid')),
                ('source', models.CharField(max_length=300, verbose_name='known from')),
                ('recorded_by', models.CharField(max_length=120, verbose_name='recorded by')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
                ('undertaking', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='links', to='grants.undertaking')),
            ],
            options={
                'verbose_name': 'link of an organisation',
                'verbose_name_plural': 'links of organisations',
                'ordering': ['-pk'],
                'constraints': [
                    django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('organisation', '='), ('valid', '&&')], name='one_undertaking_at_a_time'),
                ],
            },
        ),
        migrations.RunPython(write_rules, forget_rules),
        protect("grants_aidrecord", frozen=["organisation_id", "award_id", "kind", "amount", "granted_on"]),
        protect("grants_aidentry"),
    ]
