# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.identity.serve CALLBACK`: make people and a client, serve, and print the port once it listens."""

import os
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

PASSWORD, CLIENT, SECRET = "a-provider-of-its-own", "aion", "a-secret-between-two-servers"
PEOPLE = {"known@elsewhere.example": True, "taken@elsewhere.example": True, "unsure@elsewhere.example": False}


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until the process is ended."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.identity.settings"
    import django

    django.setup()
    from allauth.account.models import EmailAddress
    from allauth.idp.oidc.models import Client
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    for address, verified in PEOPLE.items():
        user = User.objects.create_user(address.split("@")[0], address, PASSWORD, first_name="Noor", last_name="Haddad")
        EmailAddress.objects.create(user=user, email=address, primary=True, verified=verified)
    Client.objects.create(
        id=CLIENT,
        name="AION",
        secret=make_password(SECRET),
        scopes="openid\nprofile\nemail",
        redirect_uris=sys.argv[1],
        skip_consent=True,
    )
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
