# SPDX-License-Identifier: Apache-2.0
"""The base of every API view: an unlisted action is refused, rights come before lookups."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_lazy
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from aion.actor import Actor, Scope
from aion.api.serializers import StrictSerializer
from aion.errors import NotFound, Rejected

S = TypeVar("S", bound=serializers.Serializer[Any])


def without_body(method: Any) -> Any:
    """Mark an act that is asked for without a body: what is sent all the same is refused before anything is done."""
    method.without_body = True
    return method


class UnknownParameter(Rejected):
    """The address asks by a name that this list does not know."""

    code, title = "unknown_parameter", gettext_lazy("There is no such parameter")


class KnownParameters(GenericViewSet[Any]):
    """Refuses what a read does not know: a filter that is misspelt must not answer with everything."""

    parameters: ClassVar[Collection[str]] = ()
    everywhere: ClassVar[Collection[str]] = ("format",)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the names after the rights and before any lookup. Raises UnknownParameter."""
        super().initial(request, *args, **kwargs)
        if getattr(getattr(self, self.action or "", None), "without_body", False):
            StrictSerializer(data=request.data).is_valid(raise_exception=True)
        if request.method not in {"GET", "HEAD"}:
            return
        known = self.known_parameters()
        for name in request.query_params:
            if name not in known:
                raise UnknownParameter(
                    gettext("There is no parameter '%(name)s' here; there are: %(known)s.")
                    % {"name": name[:40], "known": ", ".join(known)},
                    field=name[:40],
                    known=known,
                )

    def known_parameters(self) -> list[str]:
        """Return the names that the present action reads: its filters, its pages, its own."""
        filters = getattr(self, "filterset_class", None)
        # A single thing is neither filtered nor paged.
        several = self.action != "retrieve"
        names = [*self.parameters, *(filters.base_filters if filters else ())] if several else []
        if several and self.paginator is not None:
            names += ["cursor", "limit"]
        return [*names, *(name for name in self.everywhere if name not in names)]


class ActorListViewSet(KnownParameters):
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
        actor: Actor = self.request.auth  # type: ignore[assignment]  # what our authentication returns
        return actor

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the organisation that the key acts for in every answer: it is never only implied."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        organisation = getattr(request, "organisation", None)
        if organisation is not None:
            answer.headers["Aion-Organisation"] = organisation.public_id
        return answer

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
            raise NotFound(gettext("There is nothing with this id, or not for you."))
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
