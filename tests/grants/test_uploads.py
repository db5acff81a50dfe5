# SPDX-License-Identifier: Apache-2.0
"""Files: stopped at 20 MB, taken only when bytes and name agree, served only as a download to their organisation."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from aion.errors import NotFound, Rejected
from aion.web.uploads import MAX_FILE_BYTES, sniff, type_of_name
from marketplace.grants.errors import FileRefused, FileTooLarge, WrongState
from marketplace.grants.models import Application, Attachment
from marketplace.grants.services.attachments import MAX_FILES, attach, find_attachment, remove
from tests.grants.scenes import JPEG, PDF, PNG, make_application, make_programme, submitted_application
from tests.worlds import NOW, Market, Tenant, browser


@pytest.fixture(autouse=True)
def _private_folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": files}


def add(tenant: Tenant, application: Application, name: str = "cv.pdf", data: bytes = PDF) -> Attachment:
    file = ContentFile(data, name="x")
    return attach(actor=tenant.actor(), public_id=application.public_id, kind="cv", name=name, file=file, at=NOW)


def stored() -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [("a.pdf", PDF, "application/pdf"), ("a.PNG", PNG, "image/png"), ("a.jpeg", JPEG, "image/jpeg")],
)
def test_three_types_are_taken(mine: Tenant, name: str, data: bytes, kind: str) -> None:
    row = add(mine, make_application(mine, make_programme()), name, data)
    assert (row.media_type, row.size, len(stored())) == (kind, len(data), 1)
    assert stored()[0].read_bytes() == data


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pdf", b"MZ\x90\x00" + b"x" * 64),
        ("a.pdf", b"<html><script>alert(1)</script>%PDF-1.7"),
        ("a.pdf", b" %PDF-1.7"),
        ("a.pdf", PNG),
        ("a.png", PDF),
        ("a.html", PDF),
        ("a.pdf.exe", PDF),
        (".pdf", PDF),
        ("pdf", PDF),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.pdf", b""),
        ("///", PDF),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused_and_not_kept(mine: Tenant, name: str, data: bytes) -> None:
    draft = make_application(mine, make_programme())
    with pytest.raises(FileRefused):
        add(mine, draft, name, data)
    assert (Attachment.objects.count(), stored()) == (0, [])


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\temp\\cv.pdf", "cv.pdf"),
        ("cv\r\nSet-Cookie: x.pdf", "cvSet-Cookie x.pdf"),
        ('a"b<c>.pdf', "abc.pdf"),
        ("\u202egpj.pdf", "gpj.pdf"),
        ("é" * 200 + ".pdf", "é" * 116 + ".pdf"),
    ],
)
def test_a_name_is_a_label_and_never_a_path(mine: Tenant, name: str, kept: str) -> None:
    row = add(mine, make_application(mine, make_programme()), name)
    assert row.name == kept
    assert row.file.name == f"grants/{row.application.public_id}/{row.public_id}"


def test_the_limit_is_sharp(mine: Tenant) -> None:
    draft = make_application(mine, make_programme())
    assert add(mine, draft, data=PDF + b"x" * (MAX_FILE_BYTES - len(PDF))).size == MAX_FILE_BYTES
    with pytest.raises(FileTooLarge):
        add(mine, draft, data=PDF + b"x" * (MAX_FILE_BYTES - len(PDF) + 1))
    assert len(stored()) == 1


def test_files_have_a_number_and_a_draft(mine: Tenant, market: Market) -> None:
    draft = make_application(mine, make_programme())
    for number in range(MAX_FILES):
        add(mine, draft, f"{number}.pdf")
    with pytest.raises(Rejected):
        add(mine, draft)
    with pytest.raises(WrongState):
        add(mine, submitted_application(mine, make_programme(), market))


def test_a_removed_file_leaves_the_disk_once_it_is_certain(
    mine: Tenant, django_capture_on_commit_callbacks: Any
) -> None:
    row = add(mine, make_application(mine, make_programme()))
    with django_capture_on_commit_callbacks(execute=True):
        remove(actor=mine.actor(), public_id=row.public_id, at=NOW)
        assert len(stored()) == 1
    assert (Attachment.objects.count(), stored()) == (0, [])


def test_a_stranger_finds_no_file(mine: Tenant, theirs: Tenant) -> None:
    row = add(mine, make_application(mine, make_programme()))
    with pytest.raises(NotFound):
        find_attachment(theirs.actor(), row.public_id)
    with pytest.raises(NotFound):
        remove(actor=theirs.actor(), public_id=row.public_id, at=NOW)


def test_a_file_is_served_as_a_download_and_never_shown(mine: Tenant) -> None:
    row = add(mine, make_application(mine, make_programme()), "Résumé.pdf")
    answer = browser(mine).get(reverse("portal:grant_file", args=[mine.organisation.slug, row.public_id]))
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert b"".join(answer.streaming_content) == PDF  # type: ignore[attr-defined]


def documents(tenant: Tenant) -> str:
    draft = make_application(tenant, make_programme())
    return reverse("portal:application_documents", args=[tenant.organisation.slug, draft.public_id])


def send(client: Client, path: str, data: bytes, name: str = "cv.pdf") -> Any:
    return client.post(path, {"kind": "cv", "file": SimpleUploadedFile(name, data)})


def test_the_page_refuses_20_mb_and_a_byte_before_it_is_stored(mine: Tenant) -> None:
    path, client = documents(mine), browser(mine)
    above = send(client, path, PDF + b"x" * (MAX_FILE_BYTES - len(PDF) + 1))
    assert (above.status_code, Attachment.objects.count(), stored()) == (413, 0, [])
    assert "at most 20 MB" in above.content.decode()
    exact = send(client, path, PDF + b"x" * (MAX_FILE_BYTES - len(PDF)))
    assert (exact.status_code, Attachment.objects.count()) == (302, 1)


def test_the_page_says_beside_the_field_why_a_file_is_refused(mine: Tenant) -> None:
    path, client = documents(mine), browser(mine)
    wrong = send(client, path, b"MZ\x90\x00", "cv.pdf")
    assert wrong.status_code == 422
    assert 'id="id_file_error"' in wrong.content.decode()
    none = client.post(path, {"kind": "cv"})
    assert none.status_code == 422


def test_names_and_bytes_are_judged_alone() -> None:
    assert (sniff(b"%PDF-1"), sniff(b"\xff\xd8\xff"), sniff(b"GIF89a"), sniff(b"")) == (
        "application/pdf",
        "image/jpeg",
        None,
        None,
    )
    assert (type_of_name("a.jpg"), type_of_name("a.tar.gz"), type_of_name("a")) == ("image/jpeg", None, None)
