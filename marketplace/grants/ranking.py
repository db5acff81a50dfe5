# SPDX-License-Identifier: Apache-2.0
"""Which conflicts of interest of a reviewer we know of ourselves. Pure: the rest is what the reviewer declares."""

from collections.abc import Collection
from dataclasses import dataclass

from marketplace.grants.states import ConflictKind


@dataclass(frozen=True, slots=True)
class Judge:
    """What we know of a reviewer: address, and the organisations of all memberships by key and name."""

    email: str
    organisation_ids: Collection[int]
    organisation_names: Collection[str]


@dataclass(frozen=True, slots=True)
class Judged:
    """What we know of an application: the applicant with the companies it is linked to, partners and team."""

    organisation_ids: Collection[int]
    partner_names: Collection[str]
    team_emails: Collection[str]


def known_conflict(judge: Judge, judged: Judged) -> ConflictKind | None:
    """Return why ``judge`` may not judge, or None when nothing that we know of speaks against it."""
    if set(judge.organisation_ids) & set(judged.organisation_ids):
        return ConflictKind.SAME_ORGANISATION
    if _plain(judge.organisation_names) & _plain(judged.partner_names):
        return ConflictKind.SAME_ORGANISATION
    if judge.email.strip().casefold() in _plain(judged.team_emails):
        return ConflictKind.TEAM_MEMBER
    return None


def _plain(words: Collection[str]) -> set[str]:
    return {word.strip().casefold() for word in words if word.strip()}
