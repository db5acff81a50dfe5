# SPDX-License-Identifier: Apache-2.0
"""Which characters may stand in a text: the one judge for forms, the API and drafts.

Refused are control characters, halves of surrogate pairs, and characters that nobody sees but that change what is read:
bidirectional overrides, zero-width spaces, fillers, tags. The two joiners stay, since Persian, the scripts of India and
many emoji are not written without them. Line breaks and tabs belong to texts of more than one line.
"""

import re
import unicodedata

from django.utils.translation import gettext_lazy as _

_UNSEEN = (
    "\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
)
_BEYOND = "\ud800-\udfff\U000e0001\U000e0020-\U000e007f\U0001d173-\U0001d17a"


def _spelled(characters: str) -> str:
    """Spell a class as readers of the API's document do, in ASCII."""
    return "".join(one if " " < one <= "~" else f"\\u{ord(one):04x}" for one in characters)


# As the API's document says it; what lies beyond the basic plane has no spelling there that everybody reads alike.
LINE = f"^[^\\u0000-\\u001f{_spelled(_UNSEEN)}]*$"
PROSE = f"^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f{_spelled(_UNSEEN)}]*$"
REFUSED = _(
    "Take out the characters that nobody sees: control characters, or signs that turn the direction of writing."
)
NAMELESS = _("Write a name with letters in it.")

_IN_LINE = re.compile(f"[\x00-\x1f{_UNSEEN}{_BEYOND}]")
_IN_PROSE = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f{_UNSEEN}{_BEYOND}]")


def shown(text: str, *, lines: bool = False) -> bool:
    """Tell whether a reader sees all of ``text``; only one of several ``lines`` may have line breaks and tabs."""
    return not (_IN_PROSE if lines else _IN_LINE).search(text)


def names_somebody(text: str) -> bool:
    """Tell whether ``text`` can be what a person is called: it has a letter."""
    return any(unicodedata.category(one).startswith("L") for one in text)


def without_unseen(text: str) -> str:
    """Return ``text`` on one line without what nobody sees: for a name that somebody else's system sends."""
    return " ".join(_IN_LINE.sub(" ", text).split())
