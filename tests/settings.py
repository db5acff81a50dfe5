# SPDX-License-Identifier: Apache-2.0
"""The few overrides of tests and static checks; everything else is the product's own settings."""

import os

os.environ.setdefault("AION_SECRET_KEY", "only-for-tests-and-static-checks-0123456789-abcdefghijklmnop")
os.environ.setdefault("DATABASE_URL", "postgresql://aion@/aion?host=/nonexistent")
os.environ["AION_BROKER_URL"] = "memory://"
os.environ["AION_VIRTUAL_CLOCK"] = "no"
os.environ["AION_WEBHOOKS_ALLOW_PRIVATE"] = "no"
os.environ["AION_LOG_LEVEL"] = "ERROR"
os.environ["AION_LOCAL_MAILBOX"] = ""
os.environ["AION_BASE_URL"] = "http://127.0.0.1:8000"
os.environ["AION_API_RATE"] = "1000000/min"

from aion.settings import *  # noqa: F403

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_RESULT_BACKEND = "cache+memory://"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
