# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document: tokens, problem documents and idempotency on every operation."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from aion.api.idempotency import HEADER, MAX_KEY


class ProblemOut(serializers.Serializer[Any]):
    """RFC 9457, with our stable ``code``."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    request_id = serializers.CharField()
    field = serializers.CharField(required=False)
    details = serializers.DictField(required=False)
    errors = serializers.DictField(required=False)  # type: ignore[assignment]  # a field named as DRF's property


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular has no types
    """Bearer tokens."""

    target_class = "aion.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Describe the scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key: `Authorization: Bearer aion_…`",
        }


class ActorSchema(AutoSchema):
    """Adds to each operation what every operation has."""

    def get_override_parameters(self) -> list[Any]:
        """Add the Idempotency-Key to writes that create, unless the view says that there is nothing to repeat."""
        if self.method == "POST" and getattr(self.view, "takes_key", True):
            return [
                OpenApiParameter(
                    HEADER,
                    {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
                    OpenApiParameter.HEADER,
                    description="The same key with the same body is answered once; with another body it is refused. "
                    "The answer is kept for at least 24 hours.",
                )
            ]
        return []

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        wanted = ["401", "403", "404", "422", "429"]
        if self.method in {"POST", "PUT", "PATCH", "DELETE"}:
            wanted += ["400", "402", "409", "415", "503"]
        for code in wanted:
            responses[code] = self._get_response_for_code(  # type: ignore[no-untyped-call]  # spectacular has no types
                ProblemOut, code, media_types=["application/problem+json"], direction=direction
            )
        return responses
