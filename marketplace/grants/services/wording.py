# SPDX-License-Identifier: Apache-2.0
"""States and conflicts inside a sentence of a refusal, in the present language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.grants.states import ConflictKind

CONFLICT_WORDS: Mapping[str, Any] = {
    ConflictKind.SAME_ORGANISATION: _("same organisation"),
    ConflictKind.TEAM_MEMBER: _("member of the team"),
    ConflictKind.COOPERATION: _("co-operation"),
    ConflictKind.FINANCIAL: _("financial interest"),
    ConflictKind.PERSONAL: _("personal tie"),
}


def state_word(state: str) -> str:
    """Return a state as a word within a sentence; the catalogue has them as the labels of the portal's tables."""
    return gettext(str(state).replace("_", " ").capitalize()).lower()
