# SPDX-License-Identifier: Apache-2.0
"""The base of every API view: an unlisted action is refused, rights come before lookups."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from aion.actor import Actor, Scope
from aion.errors import NotFound

S = TypeVar("S", bound=serializers.Serializer[Any])


class ActorListViewSet(GenericViewSet[Any]):
    """A resource of the actor's organisation whose rows have no address of their own."""

    scopes: ClassVar[Mapping[str, Scope]] = {}
    out: type[serializers.Serializer[Any]]
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = "[a-z]+_[0-9a-z]+"
    cursor_ordering: Any = "-pk"

    @property
    def actor(self) -> Actor:
        """Return who acts."""
        actor: Actor = self.request.auth  # type: ignore[assignment]
        return actor

    def rows(self) -> QuerySet[Any]:
        """Return what the actor may see. Each resource starts from ``visible_to(actor)``."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        """Return the visible rows; nothing while the schema is generated."""
        return self.rows()

    def get_serializer_class(self) -> Any:
        """Return the outgoing shape."""
        return self.out

    def get_object(self) -> Any:
        """Return one visible row. Raises NotFound, alike for what does not exist and what is a stranger's."""
        value = self.kwargs[self.lookup_url_kwarg]
        row = self.rows().filter(**{self.lookup_field: value}).first()
        if row is None:
            raise NotFound("There is nothing with this id, or not for you.")
        return row

    def parsed(self, shape: type[S]) -> Any:
        """Return the request's body in ``shape``. Raises ValidationError."""
        serializer = shape(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def paged(self, rows: Any, shape: type[serializers.Serializer[Any]], **context: Any) -> Response:
        """Return a page of rows."""
        page = self.paginate_queryset(rows)
        data = shape(page, many=True, context={**self.get_serializer_context(), **context}).data
        return self.get_paginated_response(data)

    def list(self, request: Request, **_: Any) -> Response:
        """List what the actor may see."""
        return self.paged(self.filter_queryset(self.rows()), self.out)


class ActorViewSet(ActorListViewSet):
    """A resource of the actor's organisation, found by its public id."""

    def retrieve(self, request: Request, **_: Any) -> Response:
        """Return one."""
        return Response(self.out(self.get_object(), context=self.get_serializer_context()).data)


class ReadOnlyActorViewSet(ActorViewSet):
    """List and retrieve only."""

    http_method_names = ["get", "head", "options"]
