# SPDX-License-Identifier: Apache-2.0
"""What the database refuses: changed terms, and an organisation that nobody owns; and the first documents."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

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
FOLDER = Path(__file__).resolve().parents[1] / "terms"
FIRST = "2026-01"
TITLES = {
    "terms": ("Terms of use", "Conditions d’utilisation"),
    "dpa": ("Data-processing agreement", "Accord de traitement des données"),
}


def write_first_documents(apps, schema_editor):
    """Store the texts of the first version, each with the digest of both languages."""
    versions = apps.get_model("tenancy", "TermsVersion").objects
    for kind, (english, french) in TITLES.items():
        texts = [(FOLDER / f"{FIRST}.{kind}.{language}.txt").read_text(encoding="utf-8") for language in ("en", "fr")]
        versions.create(
            kind=kind,
            version=FIRST,
            title_en=english,
            title_fr=french,
            text_en=texts[0],
            text_fr=texts[1],
            valid_from=datetime(2026, 1, 1, tzinfo=UTC),
            digest=hashlib.sha256("\n".join([english, french, *texts]).encode()).hexdigest(),
        )


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0003_people"), ("audit", "0002_append_only")]

    operations = [
        migrations.RunPython(write_first_documents, migrations.RunPython.noop),
        protect("tenancy_termsversion"),
        protect("tenancy_termsacceptance"),
        migrations.RunSQL(OWNER, NO_OWNER),
    ]
