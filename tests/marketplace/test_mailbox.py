# SPDX-License-Identifier: Apache-2.0
"""The demo's mailbox shows every mail, also of those that were sent over one connection."""

from pathlib import Path
from typing import Any

from django.core import mail
from django.core.mail.backends.filebased import EmailBackend
from django.test import Client


def test_mails_of_one_connection_are_all_shown_the_newest_first(db: None, settings: Any, tmp_path: Path) -> None:
    settings.LOCAL_MAILBOX = str(tmp_path)
    with EmailBackend(file_path=str(tmp_path)) as connection:
        for number in range(3):
            text = f"Dear person {number}\n-- \n-----\nThe rest of mail {number}"
            mail.EmailMessage(f"Mail {number}", text, to=[f"p{number}@x.example"], connection=connection).send()
    page = Client().get("/mailbox/").content.decode()
    places = [page.find(f"The rest of mail {number}") for number in (2, 1, 0)]
    assert -1 not in places and places == sorted(places)
    assert all(f"p{number}@x.example" in page for number in range(3))
