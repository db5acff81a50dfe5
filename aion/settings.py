# SPDX-License-Identifier: Apache-2.0
"""The one settings module. Every difference between machines is an environment variable (docs/operations.md)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from aion import env
from aion.identity import oidc_apps, origins
from aion.logs import logging_config
from aion.periodic import SCHEDULE
from aion.staff_theme import unfold

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = env.flag("AION_DEBUG", default=False)
SECRET_KEY = env.secret("AION_SECRET_KEY")
ALLOWED_HOSTS = env.words("AION_ALLOWED_HOSTS", default="localhost,127.0.0.1,[::1]")
BASE_URL = env.text("AION_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
SECURE = BASE_URL.startswith("https://")
VIRTUAL_CLOCK = env.flag("AION_VIRTUAL_CLOCK", default=False)
SUPPORT_EMAIL = env.text("AION_SUPPORT_EMAIL", default="support@aion.example")
LOCAL_MAILBOX = env.text("AION_LOCAL_MAILBOX", default="")
METRICS_TOKEN = env.text("AION_METRICS_TOKEN", default="")
# Webhooks go to public https addresses only; a machine that is all of the network (the demo) may say otherwise.
WEBHOOKS_ALLOW_PRIVATE = env.flag("AION_WEBHOOKS_ALLOW_PRIVATE", default=False)
# Grants of credits above this many micro-credits wait for a second member of staff.
FOUR_EYES_LIMIT_MICROCREDITS = env.number("AION_FOUR_EYES_LIMIT_MICROCREDITS", default=10_000_000_000)
# Whose books the accounting entries file is: the nine digits that its name begins with.
FEC_SIREN = env.text("AION_SELLER_SIREN", default="000000000")

# VAT numbers are confirmed by check digits alone (offline, demo and tests) or by the Commission's service (rest).
VIES = env.choice("AION_VIES", default="offline", among=("offline", "rest"))
VIES_URL = env.text("AION_VIES_URL", default="https://ec.europa.eu/taxation_customs/vies/rest-api")

# A correction in favour of a customer whose lot has expired comes back as a new lot, or stays expired.
REFUND_EXPIRED_AS_GOODWILL = env.flag("AION_REFUND_EXPIRED_AS_GOODWILL", default=True)

# Card payments and direct debits; without a key none are offered. Two signing secrets while one is being replaced.
STRIPE_SECRET_KEY = env.secret("AION_STRIPE_SECRET_KEY", default="")
STRIPE_WEBHOOK_SECRETS = env.secret("AION_STRIPE_WEBHOOK_SECRET", default="").replace(",", " ").split()
STRIPE_API_BASE = env.text("AION_STRIPE_API_BASE", default="").rstrip("/")
# Credit is bought in whole credits between these two, and is usable for so many days.
PURCHASE_MIN_CREDITS = env.number("AION_PURCHASE_MIN_CREDITS", default=10, minimum=1)
PURCHASE_MAX_CREDITS = env.number("AION_PURCHASE_MAX_CREDITS", default=250_000, minimum=1)
PURCHASED_CREDIT_DAYS = env.number("AION_PURCHASED_CREDIT_DAYS", default=730, minimum=31)
# A direct debit is on its way for days: so much of it can be spent before it has settled.
SEPA_SPEND_LIMIT_MICROCREDITS = env.number("AION_SEPA_SPEND_LIMIT_MICROCREDITS", default=500_000_000)

# Running work under a budget whose step says "stop" goes on for this long after the step was reached.
BUDGET_DRAIN_NOTICE = timedelta(seconds=env.number("AION_BUDGET_DRAIN_NOTICE_SECONDS", default=86_400))

# How many days the traces of working together are kept (aion/retention.py). An event's key says that it happened once,
# so it outlives what may ask again: the longest warning comes a fortnight ahead.
KEEP_IDEMPOTENCY_DAYS = env.number("AION_KEEP_IDEMPOTENCY_DAYS", default=7, minimum=1)
KEEP_ATTEMPTS_DAYS = env.number("AION_KEEP_ATTEMPTS_DAYS", default=30, minimum=7)
KEEP_EVENTS_DAYS = env.number("AION_KEEP_EVENTS_DAYS", default=90, minimum=30)
KEEP_NOTIFICATIONS_DAYS = env.number("AION_KEEP_NOTIFICATIONS_DAYS", default=180, minimum=30)
KEEP_SENT_MAILS_DAYS = env.number("AION_KEEP_SENT_MAILS_DAYS", default=30, minimum=7)

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the default one would put its own site in the place of ours
    "aion.apps.AionAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "django_cotton",
    "csp",
    "aion.clock",
    "aion.audit",
    "aion.residency",
    "aion.tenancy",
    "aion.events",
    "aion.api",
    "aion.web",
    "billing",
    "billing.invoicing",
    "billing.purchases",
    "billing.procurement",
    "billing.settlement",
    "clusters",
    "marketplace",
    "marketplace.grants",
]
MIDDLEWARE = [
    "aion.web.middleware.RequestIdMiddleware",
    "aion.web.middleware.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "csp.middleware.CSPMiddleware",
    "aion.web.middleware.RelaxedCspMiddleware",
    "aion.web.middleware.DomainErrorMiddleware",
]
ROOT_URLCONF = "aion.urls"
ASGI_APPLICATION = "aion.asgi.application"
WSGI_APPLICATION = "aion.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "aion.web.context_processors.shell",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton", "aion.web.templatetags.aion"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES = {"default": env.database("DATABASE_URL")}
DATABASES["default"]["CONN_MAX_AGE"] = env.number("AION_DB_CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 5)
DATABASES["default"]["OPTIONS"].setdefault("application_name", "aion")
# A page that reads an offer with its pool, site and prices joins nine tables by their keys. PostgreSQL would try all
# orders of up to eight, which took it 5 to 10 ms for an answer of 0.2 ms.
DATABASES["default"]["OPTIONS"].setdefault("options", "-c join_collapse_limit=4")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "tenancy.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "portal:home"
ACCOUNT_ADAPTER = "aion.tenancy.allauth_adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# By a code, not a link: that a passkey is to be made stands in the session, and a link may open in another browser.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
MFA_ADAPTER = "aion.tenancy.mfa_adapter.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {"add_webauthn": "aion.tenancy.mfa_forms.AddPasskeyForm"}
MFA_PASSKEY_SIGNUP_ENABLED = True
MFA_TOTP_ISSUER = "AION Marketplace"
MFA_TOTP_TOLERANCE = 1  # a code typed as its half-minute ends, or a telephone's clock that is late, is no mistake
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG or not SECURE

# One OpenID Connect provider beside our own sign-in, when its address is given.
OIDC_SERVER_URL = env.text("AION_OIDC_SERVER_URL", default="").rstrip("/")
SOCIALACCOUNT_ADAPTER = "aion.tenancy.social_adapter.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": oidc_apps(OIDC_SERVER_URL)}}

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("fr", "Français")]  # each in its own words: whoever looks for one reads it
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = ["aion.formats"]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.text("AION_STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
# Uploads of customers: private, outside what any web server serves, and capped before they are stored.
MEDIA_ROOT = env.text("AION_MEDIA_ROOT", default=str(BASE_DIR / "media"))
FILE_UPLOAD_HANDLERS = [
    "aion.web.uploads.CappedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

CELERY_BROKER_URL = env.text("AION_BROKER_URL")
# What rate limits count (the API's, and those of signing in) is one count for all processes.
CACHES = {"default": env.cache("AION_CACHE_URL", broker=CELERY_BROKER_URL)}
CELERY_RESULT_BACKEND = CELERY_BROKER_URL
CELERY_BROKER_CONNECTION_TIMEOUT = 1.0
CELERY_RESULT_EXPIRES = 3600
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900, "socket_timeout": 10, "max_retries": 3}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = env.text("AION_QUEUE", default="aion")
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = SCHEDULE

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "aion.api.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["aion.api.permissions.HasScope"],
    "DEFAULT_PAGINATION_CLASS": "aion.api.pagination.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "aion.api.schema.ActorSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["aion.api.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["aion.api.throttling.TokenThrottle"],
    "DEFAULT_THROTTLE_RATES": {"token": env.text("AION_API_RATE", default="1200/min")},
    "EXCEPTION_HANDLER": "aion.api.errors.problem_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AION Marketplace API",
    "VERSION": "1.0.0",
    "DESCRIPTION": "Launch GPU workloads with sovereign credits, and read back every second that was charged. "
    "Errors are `application/problem+json` with a stable `code`. Amounts are integer micro-credits "
    "(1 credit = 1 euro = 1,000,000) beside a decimal string. Texts for people are in the language of "
    "`Accept-Language`: English, or French.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "WorkloadStateEnum": "clusters.states.WorkloadState",
        "DeliveryStateEnum": "aion.events.states.DeliveryState",
        "OrganisationStateEnum": "aion.tenancy.models.OrganisationState",
        "ApplicationStateEnum": "marketplace.grants.states.ApplicationState",
        "ProgrammeStateEnum": "marketplace.grants.states.ProgrammeState",
        "LineOutKindEnum": "billing.states.LineKind",
        "PaymentMethodEnum": "billing.purchases.states.Method",
        "PaymentStateEnum": "billing.purchases.states.PaymentState",
        "RefundStateEnum": "billing.purchases.states.RefundState",
        "DocumentStateEnum": "billing.invoicing.states.DocumentState",
        "DocumentTypeEnum": "billing.invoicing.states.DocumentType",
    },
}

PAYMENT_PAGES = origins(STRIPE_API_BASE) or ["https://checkout.stripe.com", "https://billing.stripe.com"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # The forms of signing in and of paying are redirected there.
        "form-action": [SELF, *origins(OIDC_SERVER_URL), *PAYMENT_PAGES],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "aion.web.errors.csrf_failure"

EMAIL_BACKEND = (
    "django.core.mail.backends.filebased.EmailBackend"
    if LOCAL_MAILBOX
    else env.text("AION_EMAIL_BACKEND", default="django.core.mail.backends.smtp.EmailBackend")
)
EMAIL_FILE_PATH = LOCAL_MAILBOX or None
EMAIL_HOST = env.text("AION_SMTP_HOST", default="localhost")
EMAIL_PORT = env.number("AION_SMTP_PORT", default=25, minimum=1)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("AION_FROM_EMAIL", default="AION Marketplace <no-reply@aion.example>")

LOGGING_CONFIG = None
logging_config(level=env.text("AION_LOG_LEVEL", default="INFO"), json=env.flag("AION_LOG_JSON", default=True))

UNFOLD = unfold(support=SUPPORT_EMAIL)
