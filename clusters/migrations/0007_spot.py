# SPDX-License-Identifier: Apache-2.0
"""Spot work, which a site may preempt for work on demand."""

from django.db import migrations, models


# The next launch in each namespace tells its cluster of the priority classes and of preemption.
TELL_AGAIN = "UPDATE clusters_projectnamespace SET ready_at = NULL"


class Migration(migrations.Migration):

    dependencies = [
        ('clusters', '0006_hardware'),
    ]

    operations = [
        migrations.AddField(
            model_name='workload',
            name='spot',
            field=models.BooleanField(default=False, help_text='Its site may take the capacity back for work on demand.', verbose_name='spot'),
        ),
        migrations.AlterField(
            model_name='podinterval',
            name='end_source',
            field=models.CharField(blank=True, choices=[('', ''), ('finished', 'finished'), ('deleted', 'deleted'), ('node_lost', 'node_lost'), ('preempted', 'preempted')], max_length=12),
        ),
        migrations.AlterField(
            model_name='workload',
            name='reason',
            field=models.CharField(blank=True, choices=[('', ''), ('no_capacity', 'no_capacity'), ('site_unreachable', 'site_unreachable'), ('refused_by_site', 'refused_by_site'), ('pulling_image', 'pulling_image'), ('image_error', 'image_error'), ('stopped_by_user', 'stopped_by_user'), ('organisation_frozen', 'organisation_frozen'), ('budget_exceeded', 'budget_exceeded'), ('max_duration_exceeded', 'max_duration_exceeded'), ('node_failure', 'node_failure'), ('exited_with_error', 'exited_with_error'), ('lost', 'lost'), ('preempted', 'preempted')], max_length=32, verbose_name='reason'),
        ),
        migrations.RunSQL(TELL_AGAIN, migrations.RunSQL.noop),
    ]
