# SPDX-License-Identifier: Apache-2.0
"""Reviews, decisions, awards, what becomes of them."""

import aion.ids
import django.db.models.deletion
import functools
import marketplace.grants.states
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0011_promo_codes"),
        ("grants", "0002_call_facts"),
    ]

    operations = [
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, 'dec'), editable=False, max_length=24, unique=True)),
                ('kind', models.CharField(choices=[(marketplace.grants.states.DecisionKind['AWARD'], 'Award'), (marketplace.grants.states.DecisionKind['REFUSE'], 'Refuse')], max_length=8, verbose_name='kind')),
                ('amount', models.BigIntegerField(default=0, verbose_name='amount (micro-credits)')),
                ('rank', models.PositiveIntegerField(null=True, verbose_name='rank')),
                ('reason', models.TextField(max_length=2000, verbose_name='reason')),
                ('state', models.CharField(choices=[(marketplace.grants.states.Standing['PENDING'], marketplace.grants.states.Standing['PENDING']), (marketplace.grants.states.Standing['APPROVED'], marketplace.grants.states.Standing['APPROVED']), (marketplace.grants.states.Standing['REJECTED'], marketplace.grants.states.Standing['REJECTED'])], default=marketplace.grants.states.Standing['PENDING'], max_length=10, verbose_name='state')),
                ('proposed_by_id', models.BigIntegerField()),
                ('proposed_by', models.CharField(max_length=120, verbose_name='proposed by')),
                ('proposed_at', models.DateTimeField(verbose_name='proposed')),
                ('decided_by_id', models.BigIntegerField(null=True)),
                ('decided_by', models.CharField(blank=True, max_length=120, verbose_name='decided by')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='grants.application', verbose_name='application')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'decision',
                'verbose_name_plural': 'decisions',
                'ordering': ['-proposed_at', '-pk'],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('state', marketplace.grants.states.Standing['PENDING'])), fields=('application',), name='one_proposal_at_a_time'),
                    models.UniqueConstraint(condition=models.Q(('state', marketplace.grants.states.Standing['APPROVED'])), fields=('application',), name='one_decision_an_application'),
                    models.CheckConstraint(condition=models.Q(('decided_by_id', None), ('proposed_by_id', None), models.Q(('decided_by_id', models.F('proposed_by_id')), _negated=True), _connector='OR'), name='decision_by_two_persons'),
                    models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('kind', marketplace.grants.states.DecisionKind['AWARD'])), models.Q(('amount', 0), ('kind', marketplace.grants.states.DecisionKind['REFUSE'])), _connector='OR'), name='decision_amount_fits'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state', marketplace.grants.states.Standing['APPROVED']), _negated=True), ('decided_by_id__isnull', False), _connector='OR'), name='decision_names_its_second'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Award',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, 'awd'), editable=False, max_length=24, unique=True)),
                ('amount', models.BigIntegerField(verbose_name='amount (micro-credits)')),
                ('granted_at', models.DateTimeField(verbose_name='granted')),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('report_due_on', models.DateField(verbose_name='report due')),
                ('unused_checked_at', models.DateTimeField(null=True)),
                ('state', models.CharField(choices=[(marketplace.grants.states.AwardState['ACTIVE'], marketplace.grants.states.AwardState['ACTIVE']), (marketplace.grants.states.AwardState['REPORTED'], marketplace.grants.states.AwardState['REPORTED']), (marketplace.grants.states.AwardState['CLOSED'], marketplace.grants.states.AwardState['CLOSED'])], default=marketplace.grants.states.AwardState['ACTIVE'], max_length=10, verbose_name='state')),
                ('application', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='award', to='grants.application', verbose_name='application')),
                ('lot', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.ledgeraccount')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
                ('programme', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='awards', to='grants.programme', verbose_name='programme')),
                ('project', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.project')),
                ('decision', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='award', to='grants.decision')),
            ],
            options={
                'verbose_name': 'award',
                'verbose_name_plural': 'awards',
                'ordering': ['-granted_at', '-pk'],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='award_positive'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ExtensionRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, 'ext'), editable=False, max_length=24, unique=True)),
                ('until', models.DateField(verbose_name='until')),
                ('reason', models.TextField(max_length=1000, verbose_name='reason')),
                ('state', models.CharField(choices=[(marketplace.grants.states.Standing['PENDING'], marketplace.grants.states.Standing['PENDING']), (marketplace.grants.states.Standing['APPROVED'], marketplace.grants.states.Standing['APPROVED']), (marketplace.grants.states.Standing['REJECTED'], marketplace.grants.states.Standing['REJECTED'])], default=marketplace.grants.states.Standing['PENDING'], max_length=10, verbose_name='state')),
                ('asked_by_id', models.BigIntegerField(null=True)),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('decided_by', models.CharField(blank=True, max_length=120, verbose_name='decided by')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('decision_reason', models.CharField(blank=True, max_length=400, verbose_name='why so decided')),
                ('award', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='extensions', to='grants.award', verbose_name='award')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'extension request',
                'verbose_name_plural': 'extension requests',
                'ordering': ['-asked_at', '-pk'],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('state', marketplace.grants.states.Standing['PENDING'])), fields=('award',), name='one_extension_at_a_time'),
                ],
            },
        ),
        migrations.CreateModel(
            name='FinalReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, 'rep'), editable=False, max_length=24, unique=True)),
                ('state', models.CharField(choices=[(marketplace.grants.states.ReportState['DRAFT'], marketplace.grants.states.ReportState['DRAFT']), (marketplace.grants.states.ReportState['SUBMITTED'], marketplace.grants.states.ReportState['SUBMITTED']), (marketplace.grants.states.ReportState['RETURNED'], marketplace.grants.states.ReportState['RETURNED']), (marketplace.grants.states.ReportState['ACCEPTED'], marketplace.grants.states.ReportState['ACCEPTED'])], default=marketplace.grants.states.ReportState['DRAFT'], max_length=10, verbose_name='state')),
                ('figures', models.JSONField(default=dict, verbose_name='figures')),
                ('results', models.TextField(blank=True, max_length=6000, verbose_name='results')),
                ('publications', models.TextField(blank=True, max_length=3000, verbose_name='publications')),
                ('difficulties', models.TextField(blank=True, max_length=3000, verbose_name='difficulties')),
                ('submitted_at', models.DateTimeField(null=True, verbose_name='handed in')),
                ('decided_by', models.CharField(blank=True, max_length=120, verbose_name='decided by')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('decision_reason', models.CharField(blank=True, max_length=400, verbose_name='why returned')),
                ('award', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='report', to='grants.award', verbose_name='award')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'final report',
                'verbose_name_plural': 'final reports',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Reclaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.BigIntegerField(verbose_name='amount (micro-credits)')),
                ('reason', models.TextField(max_length=400, verbose_name='reason')),
                ('state', models.CharField(choices=[(marketplace.grants.states.Standing['PENDING'], marketplace.grants.states.Standing['PENDING']), (marketplace.grants.states.Standing['APPROVED'], marketplace.grants.states.Standing['APPROVED']), (marketplace.grants.states.Standing['REJECTED'], marketplace.grants.states.Standing['REJECTED'])], default=marketplace.grants.states.Standing['PENDING'], max_length=10, verbose_name='state')),
                ('proposed_by_id', models.BigIntegerField(null=True)),
                ('proposed_by', models.CharField(max_length=120, verbose_name='proposed by')),
                ('proposed_at', models.DateTimeField(verbose_name='proposed')),
                ('decided_by_id', models.BigIntegerField(null=True)),
                ('decided_by', models.CharField(blank=True, max_length=120, verbose_name='decided by')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('award', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reclaims', to='grants.award', verbose_name='award')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'reclaim',
                'verbose_name_plural': 'reclaims',
                'ordering': ['-proposed_at', '-pk'],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='reclaim_positive'),
                    models.CheckConstraint(condition=models.Q(('decided_by_id', None), ('proposed_by_id', None), models.Q(('decided_by_id', models.F('proposed_by_id')), _negated=True), _connector='OR'), name='reclaim_by_two_persons'),
                    models.UniqueConstraint(condition=models.Q(('state', marketplace.grants.states.Standing['PENDING'])), fields=('award',), name='one_reclaim_at_a_time'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ReviewAssignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, 'rvw'), editable=False, max_length=24, unique=True)),
                ('state', models.CharField(choices=[(marketplace.grants.states.ReviewState['ASSIGNED'], marketplace.grants.states.ReviewState['ASSIGNED']), (marketplace.grants.states.ReviewState['ACCEPTED'], marketplace.grants.states.ReviewState['ACCEPTED']), (marketplace.grants.states.ReviewState['SUBMITTED'], marketplace.grants.states.ReviewState['SUBMITTED']), (marketplace.grants.states.ReviewState['CONFLICT'], marketplace.grants.states.ReviewState['CONFLICT']), (marketplace.grants.states.ReviewState['CANCELLED'], marketplace.grants.states.ReviewState['CANCELLED'])], default=marketplace.grants.states.ReviewState['ASSIGNED'], max_length=10, verbose_name='state')),
                ('due_at', models.DateTimeField(verbose_name='due')),
                ('assigned_at', models.DateTimeField(verbose_name='assigned')),
                ('conflict_kind', models.CharField(blank=True, choices=[(marketplace.grants.states.ConflictKind['SAME_ORGANISATION'], "I belong to the applicant's organisation or a partner's"), (marketplace.grants.states.ConflictKind['TEAM_MEMBER'], 'I am a member of the team'), (marketplace.grants.states.ConflictKind['COOPERATION'], 'I have worked with the team in the last three years'), (marketplace.grants.states.ConflictKind['FINANCIAL'], 'I have a financial interest'), (marketplace.grants.states.ConflictKind['PERSONAL'], 'I am close to somebody of the team')], max_length=20, verbose_name='conflict of interest')),
                ('conflict_text', models.CharField(blank=True, max_length=400, verbose_name='in words')),
                ('declared_at', models.DateTimeField(null=True, verbose_name='declared')),
                ('overall_comment', models.TextField(blank=True, max_length=4000, verbose_name='overall comment')),
                ('submitted_at', models.DateTimeField(null=True, verbose_name='handed in')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reviews', to='grants.application', verbose_name='application')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
                ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='reviewer')),
            ],
            options={
                'verbose_name': 'review',
                'verbose_name_plural': 'reviews',
                'ordering': ['due_at', 'pk'],
                'indexes': [
                    models.Index(fields=['reviewer', 'state'], name='reviews_of_a_person'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('application', 'reviewer'), name='reviewer_once_an_application'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state', marketplace.grants.states.ReviewState['SUBMITTED']), _negated=True), ('submitted_at__isnull', False), _connector='OR'), name='review_handed_in_has_its_instant'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state', marketplace.grants.states.ReviewState['CONFLICT']), _negated=True), models.Q(('conflict_kind', ''), _negated=True), _connector='OR'), name='conflict_has_its_kind'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Score',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.PositiveSmallIntegerField(verbose_name='score')),
                ('comment', models.TextField(blank=True, max_length=2000, verbose_name='comment')),
                ('assignment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='scores', to='grants.reviewassignment')),
                ('criterion', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='grants.criterion')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation')),
            ],
            options={
                'verbose_name': 'score',
                'verbose_name_plural': 'scores',
                'ordering': ['criterion__position', 'pk'],
                'constraints': [
                    models.UniqueConstraint(fields=('assignment', 'criterion'), name='one_score_per_criterion'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Commitment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[(marketplace.grants.states.CommitmentKind['AWARD'], marketplace.grants.states.CommitmentKind['AWARD']), (marketplace.grants.states.CommitmentKind['RECLAIM'], marketplace.grants.states.CommitmentKind['RECLAIM'])], max_length=8, verbose_name='kind')),
                ('amount', models.BigIntegerField(verbose_name='amount (micro-credits)')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='commitments', to='grants.application')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation')),
                ('programme', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='commitments', to='grants.programme')),
            ],
            options={
                'verbose_name': 'commitment',
                'verbose_name_plural': 'commitments',
                'ordering': ['pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('kind', marketplace.grants.states.CommitmentKind['AWARD'])), models.Q(('amount__lt', 0), ('kind', marketplace.grants.states.CommitmentKind['RECLAIM'])), _connector='OR'), name='commitment_has_its_sign'), models.UniqueConstraint(condition=models.Q(('kind', marketplace.grants.states.CommitmentKind['AWARD'])), fields=('application',), name='committed_once_an_application')],
            },
        ),
    ]
