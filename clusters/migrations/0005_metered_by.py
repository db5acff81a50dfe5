# SPDX-License-Identifier: Apache-2.0
"""A pool says who meters it; a run may end because its budget is used up."""

import clusters.states
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clusters', '0004_runs'),
    ]

    operations = [
        migrations.AddField(
            model_name='pool',
            name='metered_by',
            field=models.CharField(choices=[(clusters.states.MeteredBy['AION'], 'AION, from the pods'), (clusters.states.MeteredBy['OPERATOR'], 'the operator, over the API')], default=clusters.states.MeteredBy['AION'], max_length=8, verbose_name='metered by'),
        ),
        migrations.AlterField(
            model_name='workload',
            name='reason',
            field=models.CharField(blank=True, choices=[(clusters.states.Reason['NONE'], clusters.states.Reason['NONE']), (clusters.states.Reason['NO_CAPACITY'], clusters.states.Reason['NO_CAPACITY']), (clusters.states.Reason['SITE_UNREACHABLE'], clusters.states.Reason['SITE_UNREACHABLE']), (clusters.states.Reason['REFUSED_BY_SITE'], clusters.states.Reason['REFUSED_BY_SITE']), (clusters.states.Reason['PULLING_IMAGE'], clusters.states.Reason['PULLING_IMAGE']), (clusters.states.Reason['IMAGE_ERROR'], clusters.states.Reason['IMAGE_ERROR']), (clusters.states.Reason['STOPPED_BY_USER'], clusters.states.Reason['STOPPED_BY_USER']), (clusters.states.Reason['ORGANISATION_FROZEN'], clusters.states.Reason['ORGANISATION_FROZEN']), (clusters.states.Reason['BUDGET_EXCEEDED'], clusters.states.Reason['BUDGET_EXCEEDED']), (clusters.states.Reason['MAX_DURATION_EXCEEDED'], clusters.states.Reason['MAX_DURATION_EXCEEDED']), (clusters.states.Reason['NODE_FAILURE'], clusters.states.Reason['NODE_FAILURE']), (clusters.states.Reason['EXITED_WITH_ERROR'], clusters.states.Reason['EXITED_WITH_ERROR']), (clusters.states.Reason['LOST'], clusters.states.Reason['LOST'])], max_length=32, verbose_name='reason'),
        ),
    ]
