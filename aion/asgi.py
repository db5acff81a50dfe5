# SPDX-License-Identifier: Apache-2.0
"""ASGI entry point (granian --interface asginl)."""

import os

from django.core.asgi import get_asgi_application

from aion.startup import warm_up

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aion.settings")
application = get_asgi_application()
warm_up()
