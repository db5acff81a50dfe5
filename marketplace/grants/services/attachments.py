# SPDX-License-Identifier: Apache-2.0
"""Files of a draft: taken only when their bytes are what their name says."""

import hashlib
from datetime import datetime
from typing import Any

from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext

from aion.actor import Actor, Scope
from aion.audit import services as audit
from aion.errors import NotFound, Rejected
from aion.web.uploads import MAX_FILE_BYTES, sniff, type_of_name
from marketplace.grants.audit import Action
from marketplace.grants.errors import FileRefused, FileTooLarge
from marketplace.grants.models import Application, Attachment
from marketplace.grants.services.applications import draft_of
from marketplace.grants.states import AttachmentKind

MAX_FILES = 12
MAX_NAME = 120


def _plain_name(name: str) -> str:
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(one for one in last if one.isprintable() and one not in '"<>|:*?').strip(" .")
    if not kept:
        raise FileRefused(gettext("Give the file a name."), field="file")
    stem, dot, end = kept.rpartition(".")
    return f"{stem[: MAX_NAME - len(end) - 1]}{dot}{end}" if dot else kept[:MAX_NAME]


def _examined(file: "File[Any]", name: str) -> tuple[str, str]:
    digest, first = hashlib.sha256(), b""
    for piece in file.chunks():
        first = first or piece[:16]
        digest.update(piece)
    file.seek(0)
    shown, said = sniff(first), type_of_name(name)
    if shown is None:
        raise FileRefused(gettext("This is not a file that we take. We take PDF, PNG and JPEG."), field="file")
    if said != shown:
        raise FileRefused(
            gettext("The name says another type than the content. We take PDF, PNG and JPEG. Name the file so."),
            field="file",
        )
    return shown, digest.hexdigest()


@transaction.atomic
def attach(*, actor: Actor, public_id: str, kind: str, name: str, file: "File[Any]", at: datetime) -> Attachment:
    """Add a file to a draft. ``name`` is the person's own; it is kept as a label and never becomes a path.

    Raises FileTooLarge above 20 MB, FileRefused for another type than its name says, Rejected for an unknown kind or
    too many files, WrongState once submitted, NotFound.
    """
    actor.require(Scope.GRANTS_WRITE)
    application = draft_of(actor, public_id)
    if kind not in set(AttachmentKind):
        raise Rejected(gettext("Say what the file is for."), field="kind")
    size = file.size or 0
    if size > MAX_FILE_BYTES:
        raise FileTooLarge(gettext("A file has at most 20 MB: make it smaller, then attach it again."), field="file")
    if not size:
        raise FileRefused(gettext("This file is empty."), field="file")
    if application.attachments.count() >= MAX_FILES:
        raise Rejected(
            gettext("An application has at most %(max_files)s files: remove one first.") % {"max_files": MAX_FILES},
            field="file",
        )
    plain = _plain_name(name)
    media_type, digest = _examined(file, plain)
    row = Attachment(
        application=application,
        organisation_id=application.organisation_id,
        kind=kind,
        name=plain,
        media_type=media_type,
        size=size,
        sha256=digest,
        uploaded_by_id=actor.user_id,
        at=at,
    )
    row.file.save(plain, file, save=False)
    path = str(row.file.name)
    try:
        with transaction.atomic():
            row.save()
            _touch(application, actor, at)
            audit.record(actor=actor, action=Action.FILE_ATTACHED, subject=row, at=at)
    except Exception:
        row.file.storage.delete(path)
        raise
    return row


@transaction.atomic
def remove(*, actor: Actor, public_id: str, at: datetime) -> Application:
    """Remove a file of a draft; its bytes go once the change is stored. Raises WrongState once submitted, NotFound."""
    actor.require(Scope.GRANTS_WRITE)
    row = find_attachment(actor, public_id)
    application = draft_of(actor, row.application.public_id)
    storage, path = row.file.storage, str(row.file.name)
    audit.record(actor=actor, action=Action.FILE_REMOVED, subject=row, at=at)
    row.delete()
    _touch(application, actor, at)
    transaction.on_commit(lambda: storage.delete(path))
    return application


def find_attachment(actor: Actor, public_id: str) -> Attachment:
    """Return a file of the actor's organisation. Raises NotFound, alike for a stranger's."""
    found: Attachment | None = (
        Attachment.objects.visible_to(actor).select_related("application").filter(public_id=public_id).first()
    )
    if found is None:
        raise NotFound(gettext("There is no such file."))
    return found


def _touch(application: Application, actor: Actor, at: datetime) -> None:
    # The revision stays: a file is no field of the steps, so what another window shows is not stale.
    Application.objects.filter(pk=application.pk).update(updated_at=at, updated_by_id=actor.user_id)
