# SPDX-License-Identifier: Apache-2.0
"""What a card's holder does at the issuer's, whether on the page or by the control."""

from billing.sandbox import checkout, intents, setups
from billing.sandbox.store import Object
from billing.sandbox.world import World, kind_of


def authenticate(world: World, identity: str, *, passed: bool) -> Object:
    """Let the holder of a card pass or fail at the issuer's. Raises CardError for a refusal."""
    if kind_of(identity) == "setup_intent":
        setup = setups.authenticated_setup(world, world.edit("setup_intent", identity), passed=passed)
        checkout.after(world, setup)
        return setup
    intent = intents.authenticated(world, world.edit("payment_intent", identity), passed=passed)
    checkout.after(world, intent)
    return intent
