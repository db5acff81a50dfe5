# SPDX-License-Identifier: Apache-2.0
"""How a sale is taxed: a pure function from a buyer's facts and the dated rules to a decision with its rule."""

from collections.abc import Iterable
from dataclasses import dataclass

from aion.money import vat_of
from billing.invoicing.states import BuyerKind, NumberState, Place


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that is in force. A rate of None is the standard rate where the buyer is."""

    code: str
    place: Place
    buyer: BuyerKind
    needs_number: bool
    category: str
    rate_basis_points: int | None
    exemption_code: str = ""
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Territory:
    """Where a buyer is for VAT, with the standard rate there."""

    code: str
    place: Place
    rate_basis_points: int | None = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """What is known of a buyer."""

    territory: Territory
    kind: BuyerKind
    number: NumberState


@dataclass(frozen=True, slots=True)
class Taxed:
    """The decision: what rule, what rate, how much."""

    rule: Rule
    rate_basis_points: int
    vat_cents: int


class NoRule(LookupError):
    """No rule fits, or the one that does has no rate."""


def decide(*, buyer: Buyer, rules: Iterable[Rule], net_cents: int) -> Taxed:
    """Return how ``net_cents`` sold to ``buyer`` are taxed. Raises NoRule.

    A rule that needs a confirmed number comes before one that does not, one for the very kind of buyer before one for
    any. So a business without a confirmed number falls to the rule that has no such need: it is charged as a consumer.
    """
    fitting = [
        rule
        for rule in rules
        if rule.place == buyer.territory.place
        and rule.buyer in {BuyerKind.ANY, buyer.kind}
        and (not rule.needs_number or buyer.number == NumberState.VALID)
    ]
    if not fitting:
        raise NoRule(buyer.territory.code)
    best = max(fitting, key=lambda rule: (rule.needs_number, rule.buyer != BuyerKind.ANY, rule.code))
    rate = buyer.territory.rate_basis_points if best.rate_basis_points is None else best.rate_basis_points
    if rate is None:
        raise NoRule(buyer.territory.code)
    return Taxed(best, rate, vat_of(net_cents, rate))
