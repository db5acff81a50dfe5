# SPDX-License-Identifier: Apache-2.0
"""WSGI entry point, for servers without ASGI; live pages then poll."""

import os

from django.core.wsgi import get_wsgi_application

from aion.startup import warm_up

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aion.settings")
application = get_wsgi_application()
warm_up()
