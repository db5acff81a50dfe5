# SPDX-License-Identifier: Apache-2.0
"""What the database refuses: changed terms, and an organisation that nobody owns."""

from django.db import migrations

from aion.audit.append_only import protect

# Deferred: a transfer of ownership changes two rows. The lock makes two owners who leave at once wait for each other.
OWNER = """
CREATE FUNCTION tenancy_keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM tenancy_organisation WHERE id = OLD.organisation_id AND state <> 'closed' FOR NO KEY UPDATE;
  IF FOUND AND NOT EXISTS (
    SELECT 1 FROM tenancy_membership WHERE organisation_id = OLD.organisation_id AND role = 'owner'
  ) THEN
    RAISE EXCEPTION 'organisation % would have no owner', OLD.organisation_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tenancy_owner_kept AFTER DELETE OR UPDATE ON tenancy_membership
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.role = 'owner') EXECUTE FUNCTION tenancy_keep_an_owner();
"""
NO_OWNER = """
DROP TRIGGER tenancy_owner_kept ON tenancy_membership;
DROP FUNCTION tenancy_keep_an_owner();
"""


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0003_people"), ("audit", "0002_append_only")]

    operations = [
        protect("tenancy_termsversion"),
        protect("tenancy_termsacceptance"),
        migrations.RunSQL(OWNER, NO_OWNER),
    ]
