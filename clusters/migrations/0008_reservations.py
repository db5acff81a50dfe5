# SPDX-License-Identifier: Apache-2.0
"""Reservations of a pool's GPUs: the database keeps them within what the pool sells, whoever writes."""

import aion.ids
import django.db.models.deletion
import functools
from django.db import migrations, models

# The most that is promised at any instant of [since, until): ends come before starts, as windows are half-open.
PEAK = """
CREATE FUNCTION clusters_reserved_peak(pool bigint, since timestamptz, until timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
  SELECT coalesce(max(running), 0)::bigint FROM (
    SELECT sum(change) OVER (ORDER BY instant, change ROWS UNBOUNDED PRECEDING) AS running
    FROM clusters_reservation r
    CROSS JOIN LATERAL (VALUES (greatest(r.starts_at, since), r.milli_gpus), (r.ends_at, -r.milli_gpus))
      AS moment (instant, change)
    WHERE r.pool_id = pool AND r.state IN ('confirmed', 'active') AND r.starts_at < until AND r.ends_at > since
  ) steps
$$
"""
# The pool's row is locked first: of two promises at the same moment the second one sees the first. READ COMMITTED
# gives each statement of the function a snapshot of its own.
FITS = """
CREATE FUNCTION clusters_reservation_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE sold bigint;
BEGIN
  SELECT coalesce(reservable_milli_gpus, milli_gpus) INTO sold FROM clusters_pool WHERE id = NEW.pool_id FOR UPDATE;
  IF clusters_reserved_peak(NEW.pool_id, NEW.starts_at, NEW.ends_at) > sold THEN
    RAISE EXCEPTION 'reservations exceed what pool % sells', NEW.pool_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reservations_fit_their_pool';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER reservations_fit_their_pool
AFTER INSERT OR UPDATE OF pool_id, milli_gpus, starts_at, ends_at, state ON clusters_reservation
FOR EACH ROW WHEN (NEW.state IN ('confirmed', 'active')) EXECUTE FUNCTION clusters_reservation_fits();
CREATE FUNCTION clusters_pool_keeps_promises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF clusters_reserved_peak(NEW.id, '-infinity', 'infinity') > coalesce(NEW.reservable_milli_gpus, NEW.milli_gpus) THEN
    RAISE EXCEPTION 'more of pool % is reserved than it would sell', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reservations_fit_their_pool';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER pool_keeps_promises
AFTER UPDATE OF milli_gpus, reservable_milli_gpus ON clusters_pool
FOR EACH ROW EXECUTE FUNCTION clusters_pool_keeps_promises();
ALTER TABLE clusters_reservation ADD CONSTRAINT reservation_of_whole_hours CHECK (
  starts_at = date_trunc('hour', starts_at, 'UTC') AND ends_at = date_trunc('hour', ends_at, 'UTC')
  AND billed_until = date_trunc('hour', billed_until, 'UTC')
);
"""
# The terms of a promise stand as they were confirmed, like a run's.
TERMS = """
CREATE FUNCTION clusters_reservation_terms_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the terms of reservation % stand', OLD.public_id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER reservation_terms_stand
BEFORE UPDATE ON clusters_reservation FOR EACH ROW
WHEN ((OLD.organisation_id, OLD.project_id, OLD.pool_id, OLD.milli_gpus, OLD.starts_at, OLD.ends_at, OLD.price_id,
       OLD.micro_per_gpu_hour, OLD.amount, OLD.run_id, OLD.meter_id, OLD.hold_id, OLD.cancellation)
  IS DISTINCT FROM
      (NEW.organisation_id, NEW.project_id, NEW.pool_id, NEW.milli_gpus, NEW.starts_at, NEW.ends_at, NEW.price_id,
       NEW.micro_per_gpu_hour, NEW.amount, NEW.run_id, NEW.meter_id, NEW.hold_id, NEW.cancellation))
EXECUTE FUNCTION clusters_reservation_terms_stand();
CREATE TRIGGER reservation_is_kept BEFORE DELETE ON clusters_reservation FOR EACH ROW
EXECUTE FUNCTION clusters_reservation_terms_stand();
"""
DROP = """
DROP FUNCTION clusters_pool_keeps_promises() CASCADE;
DROP FUNCTION clusters_reservation_fits() CASCADE;
DROP FUNCTION clusters_reservation_terms_stand() CASCADE;
DROP FUNCTION clusters_reserved_peak(bigint, timestamptz, timestamptz);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('clusters', '0007_spot'),
        ('tenancy', '0006_quotas_with_dates'),
    ]

    operations = [
        migrations.CreateModel(
            name='Reservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=functools.partial(aion.ids.new_id, *('rsv',), **{}), editable=False, max_length=24, unique=True)),
                ('offer_ref', models.CharField(max_length=24, verbose_name='offer')),
                ('title', models.CharField(max_length=80, verbose_name='title')),
                ('milli_gpus', models.PositiveBigIntegerField(verbose_name='milli-GPUs')),
                ('starts_at', models.DateTimeField(verbose_name='starts')),
                ('ends_at', models.DateTimeField(verbose_name='ends')),
                ('sku_id', models.BigIntegerField()),
                ('price_id', models.BigIntegerField(verbose_name='price version')),
                ('price_book', models.CharField(max_length=40, verbose_name='price book')),
                ('micro_per_gpu_hour', models.BigIntegerField(verbose_name='micro-credits per GPU-hour')),
                ('amount', models.BigIntegerField(verbose_name='price of the window (micro-credits)')),
                ('cancellation', models.JSONField(verbose_name='rule of cancellation')),
                ('run_id', models.BigIntegerField(unique=True)),
                ('meter_id', models.BigIntegerField(unique=True)),
                ('hold_id', models.BigIntegerField(unique=True)),
                ('decision_id', models.BigIntegerField()),
                ('member_id', models.BigIntegerField(null=True)),
                ('idempotency_key', models.CharField(max_length=120, null=True)),
                ('state', models.CharField(choices=[('confirmed', 'Confirmed'), ('active', 'Active'), ('ended', 'Ended'), ('cancelled', 'Cancelled')], default='confirmed', max_length=12, verbose_name='state')),
                ('confirmed_at', models.DateTimeField(verbose_name='confirmed')),
                ('cancelled_at', models.DateTimeField(null=True, verbose_name='cancelled')),
                ('cancel_reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('billed_until', models.DateTimeField(verbose_name='charged until')),
                ('metered_until', models.DateTimeField(verbose_name='metered until')),
                ('warned_at', models.DateTimeField(null=True)),
                ('settled_at', models.DateTimeField(null=True, verbose_name='settled')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.organisation', verbose_name='organisation')),
                ('pool', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reservations', to='clusters.pool', verbose_name='pool')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.project', verbose_name='project')),
            ],
            options={
                'verbose_name': 'reservation',
                'verbose_name_plural': 'reservations',
                'ordering': ['-starts_at', '-pk'],
                'indexes': [models.Index(fields=['organisation', '-starts_at', '-id'], name='reservation_by_organisation'), models.Index(condition=models.Q(('state__in', ['active', 'confirmed'])), fields=['pool', 'ends_at'], name='reservations_promised'), models.Index(condition=models.Q(('settled_at', None)), fields=['metered_until'], name='reservations_to_meter')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('milli_gpus__gt', 0)), name='reservation_has_a_size'), models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='reservation_not_reversed'), models.CheckConstraint(condition=models.Q(('billed_until__gte', models.F('starts_at')), ('billed_until__lte', models.F('ends_at')), ('metered_until__gte', models.F('starts_at')), ('metered_until__lte', models.F('billed_until'))), name='reservation_metered_inside'), models.CheckConstraint(condition=models.Q(('settled_at', None), ('metered_until', models.F('billed_until')), _connector='OR'), name='reservation_settled_last'), models.UniqueConstraint(condition=models.Q(('idempotency_key__isnull', False)), fields=('organisation', 'idempotency_key'), name='reservation_once_per_key')],
            },
        ),
        migrations.AddField(
            model_name='pool',
            name='reservable_milli_gpus',
            field=models.PositiveBigIntegerField(blank=True, help_text='Empty: all of it.', null=True, verbose_name='sold as reserved at most (milli-GPUs)'),
        ),
        migrations.AlterField(
            model_name='podinterval',
            name='meter_id',
            field=models.BigIntegerField(null=True, unique=True),
        ),
        migrations.AlterField(
            model_name='workload',
            name='hold_id',
            field=models.BigIntegerField(null=True, unique=True),
        ),
        migrations.AlterField(
            model_name='workload',
            name='run_id',
            field=models.BigIntegerField(null=True, unique=True),
        ),
        migrations.AddConstraint(
            model_name='pool',
            constraint=models.CheckConstraint(condition=models.Q(('reservable_milli_gpus', None), ('reservable_milli_gpus__lte', models.F('milli_gpus')), _connector='OR'), name='pool_sells_what_it_has'),
        ),
        migrations.AddField(
            model_name='workload',
            name='reservation',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='workloads', to='clusters.reservation', verbose_name='reservation'),
        ),
        migrations.AddConstraint(
            model_name='workload',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('hold_id__isnull', False), ('reservation', None), ('run_id__isnull', False)), models.Q(('hold_id', None), ('micro_per_gpu_hour', 0), ('reservation__isnull', False), ('run_id', None)), _connector='OR'), name='workload_is_paid_once'),
        ),
        migrations.RunSQL(PEAK + ";" + FITS + TERMS, DROP),
    ]
