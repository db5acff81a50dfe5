# SPDX-License-Identifier: Apache-2.0
"""Reviews over the API: the declaration of independence, scores, and handing in."""

from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from aion import clock
from aion.actor import Scope
from aion.api.idempotency import once
from aion.api.negotiation import OneForm
from aion.api.serializers import MoneyOut, StrictSerializer, Text
from aion.api.views import ActorViewSet, without_body
from aion.web.downloads import kept_file
from marketplace.grants.api.serializers import AttachmentOut, CriterionOut, PartnerShape, WorkItemOut
from marketplace.grants.models import ReviewAssignment, Score
from marketplace.grants.queries import awards as queries
from marketplace.grants.services import reviews
from marketplace.grants.services.reviews import COMMENT_LIMIT, READABLE, TEXT_LIMIT, ScoreWish
from marketplace.grants.states import ConflictKind, ReviewState


class ScoreOut(serializers.Serializer[Any]):
    """What was given for one criterion."""

    criterion = serializers.CharField(source="criterion.code")
    value = serializers.IntegerField()
    comment = serializers.CharField()


class MemberOut(serializers.Serializer[Any]):
    """A person of the team, as reviewers see it: without an address."""

    name = serializers.CharField()
    role = serializers.CharField(default="")


class ContentOut(MoneyOut):
    """What a reviewer judges."""

    money: ClassVar = {"requested": "requested_amount"}

    abstract = serializers.CharField()
    work_plan = serializers.CharField()
    data_class = serializers.CharField()
    openness = serializers.CharField()
    ethics = serializers.CharField()
    team = MemberOut(many=True)
    partners = PartnerShape(many=True)
    items = WorkItemOut(many=True, source="items.all")
    attachments = AttachmentOut(many=True, source="attachments.all")


class ReviewOut(serializers.Serializer[Any]):
    """A review that the key's owner was asked for."""

    id = serializers.CharField(source="public_id")
    application = serializers.CharField(source="application.public_id")
    title = serializers.CharField(source="application.title")
    organisation = serializers.CharField(source="application.organisation.name")
    programme = serializers.CharField(source="application.programme.public_id")
    criteria = CriterionOut(many=True, source="application.programme.criteria.all")
    state = serializers.ChoiceField(choices=[(state.value, state.name) for state in ReviewState])
    due_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    scores = ScoreOut(many=True, source="scores.all", help_text="The reviewer's own.")
    overall = serializers.CharField(source="overall_comment")
    content = serializers.SerializerMethodField(help_text="Null until independence is declared.")

    @extend_schema(responses=ContentOut)
    def get_content(self, row: ReviewAssignment) -> dict[str, Any] | None:
        """Return the application to who may read it."""
        return dict(ContentOut(row.application).data) if row.state in READABLE else None


class DeclarationIn(StrictSerializer):
    """Independence, or a conflict of interest."""

    conflict = serializers.ChoiceField(
        choices=["", *(one.value for one in ConflictKind)], help_text="Empty: independent."
    )
    text = Text(lines=True, max_length=400, allow_blank=True, default="")


class ScoreIn(StrictSerializer):
    """A score, from 0 to the highest of its criterion, and why."""

    criterion = Text(max_length=40)
    value = serializers.IntegerField(min_value=-(2**31), max_value=2**31 - 1)
    comment = Text(lines=True, max_length=COMMENT_LIMIT, allow_blank=True, default="")


class ReviewPatch(StrictSerializer):
    """Scores so far; a criterion that is left out keeps what it has."""

    scores = serializers.ListField(child=ScoreIn(), max_length=40, required=False)
    overall = Text(lines=True, max_length=TEXT_LIMIT, allow_blank=True, required=False)


class ReviewViewSet(ActorViewSet):
    """The reviewer's own assignments, in programmes to which the reviewer is appointed."""

    scopes: ClassVar = dict.fromkeys(
        ("list", "retrieve", "partial_update", "declare", "submit", "file"), Scope.REVIEWS_WRITE
    )
    out = ReviewOut
    queryset = ReviewAssignment.objects.none()
    http_method_names = ["get", "patch", "post", "head", "options"]

    def rows(self) -> QuerySet[Any]:
        """Return the actor's own assignments."""
        scores = Prefetch("scores", Score.objects.select_related("criterion").order_by("criterion__position", "pk"))
        parts = ("application__items", "application__attachments", "application__programme__criteria")
        return queries.own_reviews(self.actor).prefetch_related(scores, *parts)

    def _shown(self, assignment: ReviewAssignment) -> Any:
        return ReviewOut(self.rows().get(pk=assignment.pk)).data

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "file",
                {"type": "string", "pattern": "^[a-z]+_[0-9a-z]+$"},
                OpenApiParameter.PATH,
                description="Of `attachments`.",
            )
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True, url_path=r"files/(?P<file>[a-z]+_[0-9a-z]+)", content_negotiation_class=OneForm)
    def file(self, request: Request, **_: Any) -> FileResponse:
        """Send a file of the application, once independence is declared."""
        found = reviews.find_file(self.actor, self.kwargs["file"], review_id=self.kwargs["id"])
        return kept_file(found.file.open("rb"), name=found.name)

    @extend_schema(request=DeclarationIn, responses={200: ReviewOut})
    @action(detail=True, methods=["post"])
    def declare(self, request: Request, **_: Any) -> Response:
        """Declare independence, which opens the content; or a conflict, which ends the assignment."""
        reviews.find(self.actor, self.kwargs["id"])
        data = self.parsed(DeclarationIn)

        def act() -> tuple[int, Any]:
            declared = reviews.declare(actor=self.actor, public_id=self.kwargs["id"], at=clock.now(), **data)
            return 200, self._shown(declared)

        return once(request, self.actor, act)

    @extend_schema(request=ReviewPatch, responses={200: ReviewOut})
    def partial_update(self, request: Request, **_: Any) -> Response:
        """Keep scores; nobody else sees them before the review is handed in."""
        reviews.find(self.actor, self.kwargs["id"])
        data = self.parsed(ReviewPatch)
        wishes = {one["criterion"]: ScoreWish(one["value"], one["comment"]) for one in data.get("scores", ())}

        def act() -> tuple[int, Any]:
            saved = reviews.save_scores(
                actor=self.actor, public_id=self.kwargs["id"], scores=wishes, overall=data.get("overall")
            )
            return 200, self._shown(saved)

        return once(request, self.actor, act)

    @extend_schema(request=None, responses={200: ReviewOut})
    @action(detail=True, methods=["post"])
    @without_body
    def submit(self, request: Request, **_: Any) -> Response:
        """Hand in, with a score and a comment for each criterion; it cannot be changed afterwards."""

        def act() -> tuple[int, Any]:
            handed_in = reviews.submit_review(actor=self.actor, public_id=self.kwargs["id"], at=clock.now())
            return 200, self._shown(handed_in)

        return once(request, self.actor, act)


def register(router: SimpleRouter) -> None:
    """Add this part's resources."""
    router.register("reviews", ReviewViewSet, basename="review")
