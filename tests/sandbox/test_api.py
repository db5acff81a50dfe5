# SPDX-License-Identifier: Apache-2.0
"""The API's manners: keys, versions, idempotency, errors, lists, expansions."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import stripe
from stripe._api_version import _ApiVersion

from billing.sandbox.world import API_VERSION
from tests.sandbox.scenes import paid_session, saved_method, session_params
from tests.sandbox.server import KEY, RunningSandbox, client_of, exchange

ROOT = Path(__file__).resolve().parents[2]


def post(sandbox: RunningSandbox, path: str, body: str, key: str = "") -> tuple[int, dict[str, str], bytes]:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    return exchange(sandbox.base_url, "POST", path, body.encode(), headers | ({"Idempotency-Key": key} if key else {}))


def test_the_sandbox_speaks_the_version_that_the_sdk_pins() -> None:
    assert API_VERSION == _ApiVersion.CURRENT


def test_the_sandbox_imports_nothing_of_the_product_nor_the_sdk() -> None:
    code = (
        "import sys, billing.sandbox.__main__; print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'django', 'stripe', 'aion', 'clusters', 'marketplace', 'celery'}),"
        " [n for n in sys.modules if n.startswith('billing.') and not n.startswith('billing.sandbox')])"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == "[] []\n"


def test_it_listens_on_this_machine_only(sandbox: RunningSandbox) -> None:
    assert sandbox.server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("key", ["sk_test_wrong", "sk_test_of_a_tes"])
def test_a_wrong_key_is_401(sandbox: RunningSandbox, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        client_of(sandbox.base_url, key).v1.balance.retrieve()
    assert refused.value.http_status == 401
    assert key not in str(refused.value)


def test_no_key_is_401(sandbox: RunningSandbox) -> None:
    status, headers, body = exchange(sandbox.base_url, "GET", "/v1/balance")
    assert (status, b"did not provide an API key" in body) == (401, True)
    assert headers["request-id"].startswith("req_")


def test_another_version_is_refused(sandbox: RunningSandbox) -> None:
    client = client_of(sandbox.base_url, stripe_version="2020-08-27")
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version: 2020-08-27"):
        client.v1.balance.retrieve()


def test_the_version_and_a_request_id_come_back(sandbox: RunningSandbox) -> None:
    balance = sandbox.v1.balance.retrieve()
    headers = balance.last_response.headers
    assert (headers["Stripe-Version"], headers["Request-Id"][:4]) == (API_VERSION, "req_")


def test_an_unknown_id_is_404_and_named(sandbox: RunningSandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.v1.payment_intents.retrieve("pi_nothing")
    error = refused.value
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "id")


def test_an_unknown_id_in_a_parameter_names_the_parameter(sandbox: RunningSandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.v1.payment_intents.create({"amount": 100, "currency": "eur", "customer": "cus_nobody"})
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, "resource_missing", "customer")


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"currency": "eur"}, "amount", "parameter_missing"),
        ({"amount": 100}, "currency", "parameter_missing"),
        ({"amount": 49, "currency": "eur"}, "amount", "amount_too_small"),
        ({"amount": "12.50", "currency": "eur"}, "amount", "parameter_invalid_integer"),
        ({"amount": -100, "currency": "eur"}, "amount", "parameter_invalid_integer"),
        ({"amount": 100_000_000, "currency": "eur"}, "amount", "parameter_invalid_integer"),
        ({"amount": 100, "currency": "usd"}, "currency", "parameter_invalid_string"),
        ({"amount": 100, "currency": "eur", "colour": "red"}, "colour", "parameter_unknown"),
        ({"amount": 100, "currency": "eur", "metadata": {"k" * 41: "v"}}, "metadata", None),
        ({"amount": 100, "currency": "eur", "description": ""}, "description", "parameter_invalid_empty"),
        (
            {"amount": 100, "currency": "eur", "payment_method_types": ["card"]},
            "payment_method_types",
            "payment_method_types_no_longer_supported",
        ),
    ],
)
def test_a_wrong_parameter_is_400_and_named(
    sandbox: RunningSandbox, given: dict[str, Any], param: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.v1.payment_intents.create(given)
    assert (refused.value.http_status, refused.value.param, refused.value.code) == (400, param, code)
    assert sandbox.v1.payment_intents.list().data == []


def test_a_wrong_parameter_deep_inside_is_named_by_its_path(sandbox: RunningSandbox) -> None:
    params = session_params()
    params["line_items"][0]["price_data"]["unit_amount"] = "ten"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.v1.checkout.sessions.create(params)
    assert refused.value.param == "line_items[0][price_data][unit_amount]"


def test_an_address_that_is_not_served_is_404(sandbox: RunningSandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL") as refused:
        sandbox.v1.products.list()
    assert refused.value.http_status == 404


def test_the_same_key_gives_the_same_answer_and_one_object(sandbox: RunningSandbox) -> None:
    body = "amount=2500&currency=eur&metadata[order]=7"
    first, second = (post(sandbox, "/v1/payment_intents", body, "order-7") for _ in range(2))
    assert (first[0], first[2]) == (second[0], second[2])
    assert ("idempotent-replayed" in first[1], second[1]["idempotent-replayed"]) == (False, "true")
    assert second[1]["original-request"] == first[1]["request-id"]
    assert len(sandbox.v1.payment_intents.list().data) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/payment_intents", "amount=2600&currency=eur"), ("/v1/customers", "amount=2500&currency=eur")],
)
def test_the_same_key_with_something_else_is_an_idempotency_error(
    sandbox: RunningSandbox, path: str, body: str
) -> None:
    options = {"idempotency_key": "order-7"}
    sandbox.v1.payment_intents.create({"amount": 2500, "currency": "eur"}, options)
    status, _, answer = post(sandbox, path, body, "order-7")
    assert (status, b'"idempotency_error"' in answer) == (400, True)
    with pytest.raises(stripe.IdempotencyError):
        sandbox.v1.payment_intents.create({"amount": 2600, "currency": "eur"}, options)
    assert len(sandbox.v1.payment_intents.list().data) == 1


def test_a_declined_payment_is_replayed_as_declined(sandbox: RunningSandbox) -> None:
    body = "amount=2500&currency=eur&confirm=true&payment_method=pm_card_visa_chargeDeclined"
    first, second = (post(sandbox, "/v1/payment_intents", body, "declined") for _ in range(2))
    assert (first[0], first[2], second[1]["idempotent-replayed"]) == (402, second[2], "true")
    assert len(sandbox.v1.charges.list().data) == 1


def test_a_key_of_a_request_that_failed_validation_is_free_again(sandbox: RunningSandbox) -> None:
    options = {"idempotency_key": "order-8"}
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.v1.payment_intents.create({"amount": 10, "currency": "eur"}, options)
    assert sandbox.v1.payment_intents.create({"amount": 100, "currency": "eur"}, options).amount == 100


def test_the_same_key_twice_at_once_is_409_for_one(sandbox: RunningSandbox) -> None:
    sandbox.control("faults", path="payment_intents", fault="hang", seconds=30)
    first = threading.Thread(
        target=lambda: post_until_cut(sandbox, "/v1/payment_intents", "amount=100&currency=eur", "twice")
    )
    first.start()
    waiting = threading.Event()
    while not sandbox.server.api._running:
        waiting.wait(0.01)
    status, _, body = post(sandbox, "/v1/payment_intents", "amount=100&currency=eur", "twice")
    assert (status, b"idempotency_key_in_use" in body) == (409, True)
    sandbox.server.api.pause.set()
    first.join(10)
    assert post(sandbox, "/v1/payment_intents", "amount=100&currency=eur", "twice")[0] == 200


def post_until_cut(sandbox: RunningSandbox, path: str, body: str, key: str) -> None:
    with pytest.raises(OSError):
        post(sandbox, path, body, key)


def test_a_connection_that_breaks_after_the_effect_is_repaired_by_the_same_key(sandbox: RunningSandbox) -> None:
    sandbox.control("faults", path="^/v1/payment_intents$", method="POST", fault="cut", effect=True)
    client = client_of(sandbox.base_url, max_network_retries=2)
    intent = client.v1.payment_intents.create({"amount": 2500, "currency": "eur"})
    assert intent.last_response is not None
    assert intent.last_response.headers["Idempotent-Replayed"] == "true"
    assert [one.id for one in client.v1.payment_intents.list().data] == [intent.id]


def test_a_connection_that_breaks_before_the_effect_leaves_nothing(sandbox: RunningSandbox) -> None:
    sandbox.control("faults", path="payment_intents", fault="cut")
    with pytest.raises(stripe.APIConnectionError):
        sandbox.v1.payment_intents.create({"amount": 2500, "currency": "eur"})
    assert sandbox.v1.payment_intents.list().data == []
    assert sandbox.control("faults") == {"faults": []}


def test_an_error_of_the_server_is_as_often_as_asked_and_only_where_asked(sandbox: RunningSandbox) -> None:
    sandbox.control("faults", path="refunds", times=2, status=503)
    assert sandbox.v1.balance.retrieve().object == "balance"
    for _ in range(2):
        with pytest.raises(stripe.APIError) as refused:
            sandbox.v1.refunds.list()
        assert refused.value.http_status == 503
    assert sandbox.v1.refunds.list().data == []


def test_a_list_goes_back_in_time_page_by_page(sandbox: RunningSandbox) -> None:
    made = [sandbox.v1.customers.create({"name": f"Customer {n}"}).id for n in range(5)]
    first = sandbox.v1.customers.list({"limit": 2})
    assert ([one.id for one in first.data], first.has_more) == (made[:2:-1], True)
    last = sandbox.v1.customers.list({"limit": 2, "starting_after": made[1]})
    assert ([one.id for one in last.data], last.has_more) == ([made[0]], False)
    before = sandbox.v1.customers.list({"limit": 2, "ending_before": made[1]})
    assert ([one.id for one in before.data], before.has_more) == ([made[3], made[2]], True)
    assert [one.id for one in first.auto_paging_iter()] == made[::-1]


def test_events_are_found_by_type_and_time(sandbox: RunningSandbox) -> None:
    paid_session(sandbox)
    later = sandbox.control("clock", advance=1_000)["now"]
    sandbox.v1.customers.create({"name": "Late"})
    events = sandbox.v1.events
    assert [one.type for one in events.list({"created": {"gte": later}}).data] == ["customer.created"]
    assert [one.type for one in events.list({"type": "charge.succeeded"}).data] == ["charge.succeeded"]
    two = ["checkout.session.completed", "customer.created"]
    assert [one.type for one in events.list({"types": two}).data] == two[::-1]
    newest = events.list({"limit": 1}).data[0]
    assert events.retrieve(newest.id).data.object.name == "Late"


def test_what_an_id_stands_for_is_expanded(sandbox: RunningSandbox) -> None:
    session = paid_session(sandbox)
    path = "payment_intent.latest_charge.balance_transaction"
    expanded = sandbox.v1.checkout.sessions.retrieve(session.id, {"expand": [path, "line_items"]})
    line = expanded.payment_intent.latest_charge.balance_transaction
    assert (line.amount, line.fee, line.net) == (2_500, 63, 2_437)
    assert [item.amount_total for item in expanded.line_items.data] == [2_500]
    listed = sandbox.v1.payment_intents.list({"expand": ["data.latest_charge"]})
    assert listed.data[0].latest_charge.payment_intent == expanded.payment_intent.id
    assert not hasattr(sandbox.v1.checkout.sessions.retrieve(session.id), "line_items")
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        sandbox.v1.payment_intents.list({"expand": ["data.nothing"]})


def test_metadata_is_merged_and_an_empty_value_takes_its_key_away(sandbox: RunningSandbox) -> None:
    customer = sandbox.v1.customers.create({"name": "A", "metadata": {"one": "1", "two": "2"}})
    changed = sandbox.v1.customers.update(customer.id, {"metadata": {"two": "", "three": "3"}, "name": "B"})
    assert (changed.metadata.to_dict(), changed.name) == ({"one": "1", "three": "3"}, "B")


def test_a_customer_keeps_a_default_payment_method_of_its_own_only(sandbox: RunningSandbox) -> None:
    customer, method = saved_method(sandbox)
    stranger, _ = saved_method(sandbox)
    settings = {"invoice_settings": {"default_payment_method": method.id}}
    changed = sandbox.v1.customers.update(customer.id, settings)
    assert changed.invoice_settings.default_payment_method == method.id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.v1.customers.update(stranger.id, settings)
    assert refused.value.code == "resource_missing"
    sandbox.v1.payment_methods.detach(method.id)
    assert sandbox.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
