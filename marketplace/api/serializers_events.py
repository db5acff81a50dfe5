# SPDX-License-Identifier: Apache-2.0
"""What the API takes and shows of events and webhooks."""

from typing import Any

from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from aion.api.serializers import Pattern, StrictSerializer, Text
from aion.events.guard import MAX_URL
from aion.events.states import DeliveryState

TYPE_LENGTH = 64
URL = r"^https?://[!-~]+$"
URL_MESSAGES: dict[str, Any] = {
    "invalid": gettext_lazy("Write an address such as https://example.org/hooks, in plain ASCII characters.")
}


class EventTypeOut(serializers.Serializer[Any]):
    """One thing that can happen."""

    name = serializers.CharField()
    family = serializers.CharField()
    title = serializers.CharField()
    example = serializers.DictField()


class EventOut(serializers.Serializer[Any]):
    """One thing that happened."""

    id = serializers.CharField(source="public_id")
    type = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]  # a field named as DRF's
    created_at = serializers.DateTimeField()


class EndpointOut(serializers.Serializer[Any]):
    """An address that we call. Its secret is shown when it is created or rotated, and never again."""

    id = serializers.CharField(source="public_id")
    url = serializers.CharField()
    description = serializers.CharField()
    event_types = serializers.ListField(child=serializers.CharField(), help_text="Empty means all.")
    enabled = serializers.BooleanField()
    disabled_reason = serializers.CharField()
    previous_secret_valid_until = serializers.DateTimeField(source="previous_valid_until", allow_null=True)
    created_at = serializers.DateTimeField()


class EndpointSecretOut(EndpointOut):
    """An endpoint with its new secret."""

    secret = serializers.SerializerMethodField()

    @extend_schema_field(
        serializers.CharField(
            allow_null=True, help_text="Shown once: null when an answer is repeated under its Idempotency-Key."
        )
    )
    def get_secret(self, row: Any) -> str:
        """Return the clear text."""
        secret: str = self.context["secret"]
        return secret


class EndpointIn(StrictSerializer):
    """A new endpoint."""

    url = Pattern(URL, max_length=MAX_URL, error_messages=URL_MESSAGES)
    description = Text(max_length=120, default="", allow_blank=True)
    event_types = serializers.ListField(
        child=Text(max_length=TYPE_LENGTH), default=list, max_length=100, help_text="Empty means all."
    )


class EndpointPatch(StrictSerializer):
    """What is to change; what is left out stays."""

    url = Pattern(URL, max_length=MAX_URL, required=False, error_messages=URL_MESSAGES)
    description = Text(max_length=120, required=False, allow_blank=True)
    event_types = serializers.ListField(
        child=Text(max_length=TYPE_LENGTH), required=False, max_length=100, help_text="Empty means all."
    )
    enabled = serializers.BooleanField(required=False)


class DeliveryOut(serializers.Serializer[Any]):
    """One event on its way to one endpoint."""

    id = serializers.CharField(source="public_id")
    event = serializers.CharField(source="event.public_id")
    event_type = serializers.CharField(source="event.type")
    endpoint = serializers.CharField(source="endpoint.public_id")
    state = serializers.ChoiceField(choices=[(state.value, state.name) for state in DeliveryState])
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    last_status = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class AttemptOut(serializers.Serializer[Any]):
    """One call and its answer."""

    at = serializers.DateTimeField()
    succeeded = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True)
    milliseconds = serializers.IntegerField()
    error = serializers.CharField()
    response_excerpt = serializers.CharField(source="excerpt")


class DeliveryDetailOut(DeliveryOut):
    """A delivery with its log, newest attempt first."""

    log = serializers.SerializerMethodField()

    @extend_schema_field(AttemptOut(many=True))
    def get_log(self, row: Any) -> Any:
        """Return the attempts."""
        return AttemptOut(row.log.all()[:50], many=True).data
