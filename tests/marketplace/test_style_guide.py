# SPDX-License-Identifier: Apache-2.0
"""The style guide is for developers and the demo, and nobody else."""

from typing import Any

from django.test import Client


def test_the_guide_shows_itself_in_the_demo_and_is_missing_elsewhere(db: None, settings: Any, tmp_path: Any) -> None:
    assert Client().get("/ui/").status_code == 404
    settings.LOCAL_MAILBOX = str(tmp_path)
    answer = Client().get("/ui/")
    assert answer.status_code == 200
    assert "c-dialog-confirm" in answer.content.decode()
    assert "<c-" not in answer.content.decode()
