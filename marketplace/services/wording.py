# SPDX-License-Identifier: Apache-2.0
"""What a launch may call itself and what it may run."""

import re
from collections.abc import Sequence

from django.utils.translation import gettext

from aion.errors import Rejected

NAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
MAX_IMAGE = 200
# The grammar of container registries: host and port, path, tag, digest; no scheme, and only the path is not optional.
_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_STEP = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
IMAGE = re.compile(
    rf"(?:{_HOST}(?:\.{_HOST})*(?::[0-9]{{1,5}})?/)?{_STEP}(?:/{_STEP})*(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{{0,127}})?(?:@{_DIGEST})?"
)


def check_text(*, name: str, image: str, command: Sequence[str]) -> None:
    """Raise Rejected, with the field, for a bad name, image or command."""
    if not NAME.fullmatch(name):
        raise Rejected(
            gettext("Use up to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends."),
            field="name",
        )
    if len(image) > MAX_IMAGE or not IMAGE.fullmatch(image):
        raise Rejected(
            gettext("This is not an image reference, such as registry.example/team/train:1.0."), field="image"
        )
    if len(command) > 64 or any(len(part) > 1000 for part in command):
        raise Rejected(gettext("A command has at most 64 parts of 1,000 characters each."), field="command")
