# SPDX-License-Identifier: Apache-2.0
"""Fixtures shared by all tests: tenants, a market, a simulated site with the real client, and clients of both edges."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import teardown_databases
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from rest_framework.test import APIClient

from billing.services.partitions import months
from clusters.kube.connect import connect
from clusters.simulator.server import serve
from tests.database import make_database
from tests.scheduling import ByPlace, longest_first
from tests.worlds import Market, Tenant, make_market, make_tenant, make_user

# How long an example takes says how busy the machine is, and no test of this suite is about time.
hypothesis_settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("house")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByPlace:
    """Keep what belongs together on one worker."""
    return ByPlace(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker ends alone with it; the rest keeps its random order."""
    longest_first(items)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: Any, django_db_blocker: Any, django_db_modify_db_settings: Any
) -> Iterator[None]:
    """Make the test database whichever tests are chosen.

    pytest-django makes it only where a test asks for ``db``: ``committed`` alone would empty the real database.
    """
    with django_db_blocker.unblock():
        made = make_database()
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture
def mine(db: Any) -> Tenant:
    """Return the tenant that a test acts for."""
    return make_tenant("mine")


@pytest.fixture
def theirs(db: Any) -> Tenant:
    """Return a stranger with data that could leak."""
    return make_tenant("theirs")


@pytest.fixture
def staff_browser(db: Any) -> Client:
    """Return a browser in which staff with every right are signed in."""
    client = Client()
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def market(db: Any) -> Market:
    """Return an offer whose site no test calls."""
    return make_market()


@pytest.fixture(scope="session")
def site_server() -> Iterator[Any]:
    """Serve a simulated site over real HTTP, in this process."""
    server, clusters = serve(port=0, state_dir=None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], clusters
    server.shutdown()


@pytest.fixture
def committed(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    """Commit for real, for tests of concurrency; facts cannot be deleted, so the tables are emptied behind triggers.

    What migrations wrote stays. Few tables have rows: emptying those takes a fraction of truncating all of them.
    Months of usage that a test opened go with it: another test may look for the oldest.
    """
    with django_db_blocker.unblock():
        opened = set(months())
        yield
        kept = {"django_migrations", "residency_territory", "django_content_type", "auth_permission"}
        kept |= {"grants_aidrule", "grants_excludedsector", "grants_publicholiday", "tenancy_termsversion"}
        kept |= {"settlement_accountmapping", "settlement_networkthreshold"}
        kept |= {"procurement_agreementrule"}
        kept |= {f"invoicing_{name}" for name in ("vatrate", "vatrule", "mention", "seller")}
        with connection.cursor() as cursor:
            tables = [name for name in connection.introspection.table_names(cursor) if name not in kept]
            asked = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables)
            cursor.execute(" UNION ALL ".join(asked))
            used = [name for (name,) in cursor.fetchall()]
            cursor.execute("SET session_replication_role = replica")
            for name in used:
                cursor.execute(f"DELETE FROM {name}")
            cursor.execute("SET session_replication_role = DEFAULT")
            for month in set(months()) - opened:
                cursor.execute(f"DROP TABLE billing_usagerecord_y{month:%Y}m{month:%m}")


@pytest.fixture
def api() -> Any:
    """Return a function from a key to an API client."""

    def client(key: str | None) -> APIClient:
        result = APIClient(raise_request_exception=False)
        if key:
            result.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return result

    return client


@pytest.fixture(autouse=True)
def _our_language() -> None:
    """Begin in English: a request of the test before may have chosen another language for this thread."""
    translation.activate(settings.LANGUAGE_CODE)


@pytest.fixture(autouse=True)
def _fresh_gateways() -> Iterator[None]:
    yield
    connect.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _no_session_is_left_behind(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    """End the connections of threads that tests started (schemathesis starts one) before the database is dropped."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.close()
