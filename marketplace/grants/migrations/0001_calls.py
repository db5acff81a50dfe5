# SPDX-License-Identifier: Apache-2.0
"""Programmes, criteria, applications with items and files, and the history of each."""

import aion.ids
import django.contrib.postgres.fields
import django.db.models.deletion
import functools
import marketplace.grants.models.application
import marketplace.grants.states
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenancy', '0005_projects_quotas'),
    ]

    operations = [
        migrations.CreateModel(
            name='Programme',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('prg',), **{}), editable=False, max_length=24, unique=True)),
                ('code', models.SlugField(max_length=40, unique=True, verbose_name='code')),
                ('name_en', models.CharField(max_length=120, verbose_name='name (English)')),
                ('name_fr', models.CharField(max_length=120, verbose_name='name (French)')),
                ('summary_en', models.TextField(max_length=4000, verbose_name='summary (English)')),
                ('summary_fr', models.TextField(max_length=4000, verbose_name='summary (French)')),
                ('funder', models.CharField(max_length=120, verbose_name='funder')),
                ('money_source', models.CharField(choices=[(marketplace.grants.states.MoneySource['PRIVATE_PRIZE'], 'Private prize'), (marketplace.grants.states.MoneySource['UNION'], 'European Union'), (marketplace.grants.states.MoneySource['STATE'], 'State')], max_length=16, verbose_name='money source')),
                ('aid_regime', models.CharField(choices=[(marketplace.grants.states.AidRegime['NONE'], 'No aid'), (marketplace.grants.states.AidRegime['DE_MINIMIS'], 'De minimis')], default=marketplace.grants.states.AidRegime['NONE'], max_length=16, verbose_name='state aid')),
                ('aid_decided_by', models.CharField(blank=True, max_length=120, verbose_name='who decided on state aid')),
                ('pot', models.BigIntegerField(verbose_name='pot (micro-credits)')),
                ('committed', models.BigIntegerField(default=0, editable=False, verbose_name='committed (micro-credits)')),
                ('cap_per_award', models.BigIntegerField(verbose_name='most per award (micro-credits)')),
                ('opens_at', models.DateTimeField(verbose_name='opens')),
                ('closes_at', models.DateTimeField(verbose_name='closes')),
                ('zone', models.CharField(default='Europe/Paris', max_length=40, verbose_name='time zone')),
                ('decision_on', models.DateField(verbose_name='decision on')),
                ('lot_days', models.PositiveIntegerField(default=365, verbose_name='credits last (days)')),
                ('report_days', models.PositiveIntegerField(default=90, verbose_name='final report due (days after the end)')),
                ('min_reviews', models.PositiveSmallIntegerField(default=2, verbose_name='reviews each')),
                ('sku_codes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None, verbose_name='only for')),
                ('site_codes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None, verbose_name='only at')),
                ('min_level', models.PositiveSmallIntegerField(default=0, verbose_name='only from residency level')),
                ('ties_projects', models.BooleanField(default=False, verbose_name='credits only for the project applied for')),
                ('check_after_days', models.PositiveIntegerField(default=180, verbose_name='use is looked at after (days)')),
                ('min_used_percent', models.PositiveSmallIntegerField(default=0, verbose_name='used by then (%)')),
                ('rules', models.JSONField(blank=True, default=list, verbose_name='eligibility rules')),
                ('rules_version', models.PositiveIntegerField(default=1, verbose_name='version of the rules')),
                ('state', models.CharField(choices=[(marketplace.grants.states.ProgrammeState['DRAFT'], marketplace.grants.states.ProgrammeState['DRAFT']), (marketplace.grants.states.ProgrammeState['OPEN'], marketplace.grants.states.ProgrammeState['OPEN']), (marketplace.grants.states.ProgrammeState['REVIEW'], marketplace.grants.states.ProgrammeState['REVIEW']), (marketplace.grants.states.ProgrammeState['PANEL'], marketplace.grants.states.ProgrammeState['PANEL']), (marketplace.grants.states.ProgrammeState['DECIDED'], marketplace.grants.states.ProgrammeState['DECIDED']), (marketplace.grants.states.ProgrammeState['CLOSED'], marketplace.grants.states.ProgrammeState['CLOSED']), (marketplace.grants.states.ProgrammeState['CANCELLED'], marketplace.grants.states.ProgrammeState['CANCELLED'])], default=marketplace.grants.states.ProgrammeState['DRAFT'], max_length=12, verbose_name='state')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='run by')),
            ],
            options={
                'verbose_name': 'programme',
                'verbose_name_plural': 'programmes',
                'ordering': ['-opens_at', 'code'],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('pot__gt', 0)), name='programme_pot_positive', violation_error_message='The pot must be above zero.'),
                    models.CheckConstraint(condition=models.Q(('committed__gte', 0), ('committed__lte', models.F('pot'))), name='programme_pot_never_passed', violation_error_message='The awards would be more than the pot.'),
                    models.CheckConstraint(condition=models.Q(('cap_per_award__gt', 0), ('cap_per_award__lte', models.F('pot'))), name='programme_cap_within_pot', violation_error_message='The most per award must be above zero and within the pot.'),
                    models.CheckConstraint(condition=models.Q(('closes_at__gt', models.F('opens_at'))), name='programme_closes_after_opening', violation_error_message='A call closes after it opens.'),
                    models.CheckConstraint(condition=models.Q(('money_source', marketplace.grants.states.MoneySource['UNION']), models.Q(('money_source', marketplace.grants.states.MoneySource['STATE']), models.Q(('aid_regime', marketplace.grants.states.AidRegime['NONE']), _negated=True)), models.Q(('aid_regime', marketplace.grants.states.AidRegime['NONE']), ('money_source', marketplace.grants.states.MoneySource['PRIVATE_PRIZE'])), _connector='OR'), name='programme_aid_follows_the_money', violation_error_message='State money needs an aid regime, and a private prize has none.'),
                    models.CheckConstraint(condition=models.Q(('min_level__lte', 5)), name='programme_level_exists', violation_error_message='There is no such residency level.'),
                    models.CheckConstraint(condition=models.Q(('min_used_percent__lte', 100)), name='programme_percent_of_use', violation_error_message='The least use is a share of at most 100 per cent.'),
                    models.CheckConstraint(condition=models.Q(('lot_days__gt', 0), ('min_reviews__gt', 0)), name='programme_terms_positive', violation_error_message='There must be at least one day to spend the credits, and one review.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Application',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('app',), **{}), editable=False, max_length=24, unique=True)),
                ('state', models.CharField(choices=[(marketplace.grants.states.ApplicationState['DRAFT'], marketplace.grants.states.ApplicationState['DRAFT']), (marketplace.grants.states.ApplicationState['SUBMITTED'], marketplace.grants.states.ApplicationState['SUBMITTED']), (marketplace.grants.states.ApplicationState['INELIGIBLE'], marketplace.grants.states.ApplicationState['INELIGIBLE']), (marketplace.grants.states.ApplicationState['ELIGIBLE'], marketplace.grants.states.ApplicationState['ELIGIBLE']), (marketplace.grants.states.ApplicationState['IN_REVIEW'], marketplace.grants.states.ApplicationState['IN_REVIEW']), (marketplace.grants.states.ApplicationState['RANKED'], marketplace.grants.states.ApplicationState['RANKED']), (marketplace.grants.states.ApplicationState['AWARDED'], marketplace.grants.states.ApplicationState['AWARDED']), (marketplace.grants.states.ApplicationState['REFUSED'], marketplace.grants.states.ApplicationState['REFUSED']), (marketplace.grants.states.ApplicationState['WITHDRAWN'], marketplace.grants.states.ApplicationState['WITHDRAWN'])], default=marketplace.grants.states.ApplicationState['DRAFT'], max_length=12, verbose_name='state')),
                ('revision', models.PositiveIntegerField(default=1, verbose_name='revision')),
                ('title', models.CharField(blank=True, max_length=160, verbose_name='title')),
                ('abstract', models.TextField(blank=True, max_length=3000, verbose_name='abstract')),
                ('work_plan', models.TextField(blank=True, max_length=12000, verbose_name='work plan')),
                ('data_class', models.CharField(blank=True, choices=[(marketplace.grants.states.DataClass['OPEN'], 'Open data'), (marketplace.grants.states.DataClass['INTERNAL'], 'Internal data'), (marketplace.grants.states.DataClass['PERSONAL'], 'Personal data'), (marketplace.grants.states.DataClass['SENSITIVE'], 'Sensitive personal data (health, biometrics)')], max_length=12, verbose_name='data')),
                ('openness', models.CharField(blank=True, choices=[(marketplace.grants.states.Openness['OPEN'], 'Results and code are published'), (marketplace.grants.states.Openness['PARTLY'], 'Results are published, code is not'), (marketplace.grants.states.Openness['CLOSED'], 'Nothing is published')], max_length=12, verbose_name='openness')),
                ('ethics', models.TextField(blank=True, max_length=3000, verbose_name='ethics')),
                ('acknowledgement', models.BooleanField(default=False, verbose_name='names the programme in publications')),
                ('attestations', models.JSONField(blank=True, default=list, verbose_name='declarations')),
                ('declared_aid', models.BigIntegerField(blank=True, null=True, verbose_name='aid declared (micro-credits)')),
                ('team', models.JSONField(blank=True, default=list, verbose_name='team')),
                ('partners', models.JSONField(blank=True, default=list, verbose_name='partners')),
                ('requested_amount', models.BigIntegerField(default=0, verbose_name='amount asked for (micro-credits)')),
                ('milli_gpu_hours', models.BigIntegerField(default=0, verbose_name='asked for (thousandths of a GPU-hour)')),
                ('created_at', models.DateTimeField(verbose_name='started')),
                ('created_by_id', models.BigIntegerField(null=True)),
                ('updated_at', models.DateTimeField(verbose_name='changed')),
                ('updated_by_id', models.BigIntegerField(null=True)),
                ('submitted_at', models.DateTimeField(null=True, verbose_name='submitted')),
                ('submitted_by_id', models.BigIntegerField(null=True)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
                ('project', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.project', verbose_name='project')),
                ('programme', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='grants.programme', verbose_name='programme')),
            ],
            options={
                'verbose_name': 'application',
                'verbose_name_plural': 'applications',
                'ordering': ['-updated_at', '-pk'],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('state', marketplace.grants.states.ApplicationState['WITHDRAWN']), _negated=True), fields=('programme', 'organisation'), name='one_application_per_call'),
                    models.CheckConstraint(condition=models.Q(('milli_gpu_hours__gte', 0), ('requested_amount__gte', 0)), name='application_amounts'),
                    models.CheckConstraint(condition=models.Q(('state__in', (marketplace.grants.states.ApplicationState['DRAFT'], marketplace.grants.states.ApplicationState['WITHDRAWN'])), ('submitted_at__isnull', False), _connector='OR'), name='application_submitted_has_its_instant'),
                    models.CheckConstraint(condition=models.Q(('declared_aid', None), ('declared_aid__gte', 0), _connector='OR'), name='application_declared_aid'),
                ],
                'indexes': [
                    models.Index(fields=['programme', 'state'], name='application_by_programme'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ApplicationEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_state', models.CharField(blank=True, max_length=12, verbose_name='from')),
                ('to_state', models.CharField(max_length=12, verbose_name='to')),
                ('user_id', models.BigIntegerField(null=True)),
                ('actor_label', models.CharField(max_length=120, verbose_name='who')),
                ('reason', models.TextField(blank=True, verbose_name='reason')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='history', to='grants.application')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation')),
            ],
            options={
                'verbose_name': 'event of an application',
                'verbose_name_plural': 'events of applications',
                'ordering': ['at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Criterion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, verbose_name='code')),
                ('name_en', models.CharField(max_length=120, verbose_name='name (English)')),
                ('name_fr', models.CharField(max_length=120, verbose_name='name (French)')),
                ('weight', models.PositiveSmallIntegerField(verbose_name='weight (%)')),
                ('max_score', models.PositiveSmallIntegerField(default=5, verbose_name='highest score')),
                ('position', models.PositiveSmallIntegerField(default=1, verbose_name='position')),
                ('programme', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='criteria', to='grants.programme')),
            ],
            options={
                'verbose_name': 'criterion',
                'verbose_name_plural': 'criteria',
                'ordering': ['position', 'pk'],
                'constraints': [
                    models.UniqueConstraint(fields=('programme', 'code'), name='criterion_once'),
                    models.CheckConstraint(condition=models.Q(('weight__gt', 0), ('weight__lte', 100)), name='criterion_weight', violation_error_message='A criterion weighs between 1 and 100 per cent.'),
                    models.CheckConstraint(condition=models.Q(('max_score__gt', 0), ('max_score__lte', 100)), name='criterion_max_score', violation_error_message='The highest score lies between 1 and 100.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Submission',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content', models.JSONField(verbose_name='content')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('at', models.DateTimeField(verbose_name='submitted')),
                ('application', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='submission', to='grants.application')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation')),
            ],
            options={
                'verbose_name': 'submission',
                'verbose_name_plural': 'submissions',
                'ordering': ['-at'],
            },
        ),
        migrations.CreateModel(
            name='WorkItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(verbose_name='position')),
                ('title', models.CharField(max_length=120, verbose_name='title')),
                ('sku_code', models.CharField(max_length=40, verbose_name='GPU')),
                ('gpu_hours', models.PositiveBigIntegerField(verbose_name='GPU-hours')),
                ('params', models.BigIntegerField(blank=True, null=True, verbose_name='model size (parameters)')),
                ('tokens', models.BigIntegerField(blank=True, null=True, verbose_name='tokens')),
                ('mfu_bp', models.PositiveIntegerField(blank=True, null=True, verbose_name='utilisation of peak (basis points)')),
                ('flop', models.DecimalField(blank=True, decimal_places=0, max_digits=40, null=True, verbose_name='FLOP')),
                ('micro', models.BigIntegerField(verbose_name='cost (micro-credits)')),
                ('watt_hours', models.BigIntegerField(verbose_name='energy (Wh)')),
                ('g_co2e', models.BigIntegerField(verbose_name='emissions (gCO2e)')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='grants.application')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation')),
            ],
            options={
                'verbose_name': 'work item',
                'verbose_name_plural': 'work items',
                'ordering': ['position'],
                'constraints': [
                    models.UniqueConstraint(fields=('application', 'position'), name='work_item_once'),
                    models.CheckConstraint(condition=models.Q(('g_co2e__gte', 0), ('gpu_hours__gt', 0), ('micro__gte', 0), ('watt_hours__gte', 0)), name='work_item_amounts'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('att',), **{}), editable=False, max_length=24, unique=True)),
                ('kind', models.CharField(choices=[(marketplace.grants.states.AttachmentKind['CV'], 'CV'), (marketplace.grants.states.AttachmentKind['PLAN'], 'Work plan'), (marketplace.grants.states.AttachmentKind['LETTER'], 'Letter of support'), (marketplace.grants.states.AttachmentKind['OTHER'], 'Other')], max_length=8, verbose_name='kind')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('media_type', models.CharField(max_length=40, verbose_name='type')),
                ('size', models.PositiveIntegerField(verbose_name='size (bytes)')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('file', models.FileField(max_length=120, upload_to=marketplace.grants.models.application._place, verbose_name='file')),
                ('uploaded_by_id', models.BigIntegerField(null=True)),
                ('at', models.DateTimeField(verbose_name='uploaded')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attachments', to='grants.application')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation')),
            ],
            options={
                'verbose_name': 'attachment',
                'verbose_name_plural': 'attachments',
                'ordering': ['at', 'pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('size__gt', 0), ('size__lte', 20971520)), name='attachment_size')],
            },
        ),
        migrations.CreateModel(
            name='EligibilityResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule_id', models.CharField(max_length=60, verbose_name='rule')),
                ('rule_version', models.PositiveIntegerField(verbose_name='version')),
                ('passed', models.BooleanField(verbose_name='passed')),
                ('reason', models.TextField(verbose_name='reason')),
                ('evidence', models.JSONField(default=dict, verbose_name='evidence')),
                ('at', models.DateTimeField(verbose_name='checked')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='eligibility', to='grants.application')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation')),
            ],
            options={
                'verbose_name': 'eligibility result',
                'verbose_name_plural': 'eligibility results',
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('application', 'rule_id'), name='eligibility_checked_once')],
            },
        ),
    ]
