# SPDX-License-Identifier: Apache-2.0
"""Events for one member, and mails to people who have no account yet."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0002_facts'),
        ('tenancy', '0005_projects_quotas'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='recipient',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='recipient'),
        ),
        migrations.AddField(
            model_name='mail',
            name='address',
            field=models.EmailField(blank=True, max_length=254, verbose_name='address'),
        ),
        migrations.AddField(
            model_name='mail',
            name='private',
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AlterField(
            model_name='mail',
            name='user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person'),
        ),
        migrations.AddConstraint(
            model_name='mail',
            constraint=models.UniqueConstraint(condition=models.Q(('user', None)), fields=('event', 'address'), name='address_mailed_once'),
        ),
        migrations.AddConstraint(
            model_name='mail',
            constraint=models.CheckConstraint(condition=models.Q(('user', None), ('address', ''), _connector='XOR'), name='mail_goes_to_a_person_or_an_address'),
        ),
        migrations.AddConstraint(
            model_name='mail',
            constraint=models.CheckConstraint(condition=models.Q(('private', {}), ('state__in', ('pending', 'sending')), _connector='OR'), name='a_mail_that_left_keeps_no_secret'),
        ),
        migrations.RunSQL(
            "CREATE TRIGGER events_event_recipient BEFORE UPDATE OF recipient_id ON events_event "
            "FOR EACH ROW EXECUTE FUNCTION aion_refuse_change();",
            "DROP TRIGGER events_event_recipient ON events_event;",
        ),
    ]
