# SPDX-License-Identifier: Apache-2.0
"""Refusals in the shape that the processor gives them."""

from typing import Any


class ApiError(Exception):
    """An answer with an ``error`` object."""

    status = 400
    kind = "invalid_request_error"
    # The processor keeps the answer of a request that began to run, errors too, and none of one that failed validation.
    remembered = True
    # A declined payment is a refusal that leaves facts behind: a failed charge, an intent with its error.
    keeps_changes = False

    def __init__(self, message: str, *, code: str = "", param: str = "", **more: Any) -> None:
        super().__init__(message)
        self.message, self.code, self.param, self.more = message, code, param, more

    def body(self) -> dict[str, Any]:
        """Return the answer's object."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://docs.stripe.com/error-codes#{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        return {"error": error | self.more}


class Invalid(ApiError):
    """The parameters themselves are wrong: nothing began."""

    remembered = False


class Missing(Invalid):
    """No object has this id. In the address it is 404; named by a parameter it is 400."""

    def __init__(self, kind: str, identity: str, *, param: str = "id") -> None:
        super().__init__(f"No such {kind.replace('.', ' ')}: '{identity}'", code="resource_missing", param=param)
        self.status = 404 if param == "id" else 400


class Unauthorised(ApiError):
    """The key is missing or wrong."""

    status = 401
    remembered = False


class NoSuchAddress(ApiError):
    """Nothing is served at this address."""

    status = 404
    remembered = False


class IdempotencyConflict(ApiError):
    """The same key came with other parameters."""

    kind = "idempotency_error"
    remembered = False


class KeyInUse(ApiError):
    """Another request with the same key runs at this moment."""

    status = 409
    kind = "idempotency_error"
    remembered = False


class CardError(ApiError):
    """The issuer refuses."""

    status = 402
    kind = "card_error"
    keeps_changes = True


class ServerFault(ApiError):
    """The processor fails on purpose."""

    status = 500
    kind = "api_error"
    remembered = False
