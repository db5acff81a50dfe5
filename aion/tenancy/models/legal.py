# SPDX-License-Identifier: Apache-2.0
"""What an organisation is before the law, and the terms it accepted."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from aion.tenancy.models.organisations import Organisation
from aion.tenancy.querysets import OwnedQuerySet


class RegistrationScheme(models.TextChoices):
    """In which register the organisation's number stands."""

    SIREN = "siren", _("SIREN")
    SIRET = "siret", _("SIRET")
    OTHER = "other", _("Other national register")


class OrganisationSize(models.TextChoices):
    """Size after Commission Recommendation 2003/361/EC; decides which grants and aid it may have."""

    MICRO = "micro", _("Micro (under 10 people, at most 2 million euros)")
    SMALL = "small", _("Small (under 50 people, at most 10 million euros)")
    MEDIUM = "medium", _("Medium (under 250 people, at most 50 million euros)")
    LARGE = "large", _("Large")
    NOT_APPLICABLE = "na", _("Not applicable (public body, research)")


class LegalIdentity(models.Model):
    """Who the organisation is before the law; the numbers are stored without blanks and dots."""

    organisation = models.OneToOneField(
        Organisation, on_delete=models.PROTECT, related_name="legal_identity", verbose_name=_("organisation")
    )
    legal_name = models.CharField(_("legal name"), max_length=160)
    country = models.ForeignKey("residency.Territory", on_delete=models.PROTECT, related_name="+")
    registration_scheme = models.CharField(_("register"), max_length=8, choices=RegistrationScheme.choices)
    registration_number = models.CharField(_("registration number"), max_length=32, blank=True)
    vat_number = models.CharField(_("VAT number"), max_length=20, blank=True)
    nace = models.CharField(_("NACE code"), max_length=6, blank=True)
    size = models.CharField(_("size"), max_length=8, choices=OrganisationSize.choices)
    founded_on = models.DateField(_("founded on"), null=True)
    listed = models.BooleanField(_("listed on a stock exchange"), default=False)
    address = models.CharField(_("address"), max_length=300)
    updated_at = models.DateTimeField(_("updated"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("legal identity")
        verbose_name_plural = _("legal identities")
        constraints: ClassVar = [
            models.UniqueConstraint(
                "country",
                "registration_scheme",
                "registration_number",
                condition=~Q(registration_number=""),
                name="registered_once",
            )
        ]

    def __str__(self) -> str:
        return self.legal_name


class TermsKind(models.TextChoices):
    """Which document."""

    TERMS = "terms", _("Terms of use")
    DPA = "dpa", _("Data-processing agreement")


class TermsVersion(models.Model):
    """One version of a document, for everybody and for ever: the database refuses to change it."""

    kind = models.CharField(_("document"), max_length=8, choices=TermsKind.choices)
    version = models.SlugField(_("version"), max_length=20)
    title_en = models.CharField(_("title (English)"), max_length=160)
    title_fr = models.CharField(_("title (French)"), max_length=160)
    text_en = models.TextField(_("text (English)"))
    text_fr = models.TextField(_("text (French)"))
    valid_from = models.DateTimeField(_("valid from"))
    digest = models.CharField(_("SHA-256 of all texts"), max_length=64, editable=False)

    class Meta:
        ordering: ClassVar = ["kind", "-valid_from"]
        verbose_name = _("version of the terms")
        verbose_name_plural = _("versions of the terms")
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "version"], name="terms_version_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.version}"

    @property
    def title(self) -> str:
        """Return the title in the present language."""
        return self.title_fr if (get_language() or "").startswith("fr") else self.title_en

    @property
    def text(self) -> str:
        """Return the text in the present language."""
        return self.text_fr if (get_language() or "").startswith("fr") else self.text_en


class TermsAcceptance(models.Model):
    """That an organisation accepted a version, through whom and when. A fact."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="terms_acceptances")
    terms = models.ForeignKey(TermsVersion, on_delete=models.PROTECT, related_name="acceptances")
    user_id = models.BigIntegerField()
    at = models.DateTimeField(_("when"))

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        verbose_name = _("acceptance of terms")
        verbose_name_plural = _("acceptances of terms")
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "terms"], name="terms_accepted_once")]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.terms_id}"
