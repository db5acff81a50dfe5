# SPDX-License-Identifier: Apache-2.0
"""Addresses of reviews, awards and reports."""

from django.urls import URLPattern, path

from marketplace.grants.portal import awards, programmes, reviews

REVIEW = "reviews/<public_id:public_id>/"
AWARD = "grants/awards/<public_id:public_id>/"
PROGRAMME = "programmes/<public_id:public_id>/"
tenant_pages: list[URLPattern] = [
    path("reviews/", reviews.ReviewsView.as_view(), name="reviews"),
    path("reviews/files/<public_id:public_id>/", reviews.ReviewFileView.as_view(), name="review_file"),
    path(REVIEW, reviews.ReviewView.as_view(), name="review"),
    path(f"{REVIEW}declare/", reviews.DeclareView.as_view(), name="review_declare"),
    path(f"{REVIEW}submit/", reviews.HandInView.as_view(), name="review_submit"),
    path("grants/awards/", awards.AwardsView.as_view(), name="awards"),
    path(AWARD, awards.AwardView.as_view(), name="award"),
    path(f"{AWARD}letter.pdf", awards.LetterView.as_view(), name="award_letter"),
    path(f"{AWARD}extend/", awards.ExtendView.as_view(), name="award_extend"),
    path(f"{AWARD}report/", awards.ReportView.as_view(), name="award_report"),
    path(f"{AWARD}report/submit/", awards.HandInReportView.as_view(), name="award_report_submit"),
    path("programmes/", programmes.ProgrammesView.as_view(), name="programmes"),
    path(PROGRAMME, programmes.ProgrammeView.as_view(), name="programme"),
    path(f"{PROGRAMME}report.csv", programmes.FunderCsvView.as_view(), name="programme_csv"),
    path(f"{PROGRAMME}report.pdf", programmes.FunderPdfView.as_view(), name="programme_pdf"),
]
public_pages: list[URLPattern] = []
