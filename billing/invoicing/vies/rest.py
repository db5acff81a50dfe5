# SPDX-License-Identifier: Apache-2.0
"""The public REST service of the Commission. We name ourselves, so that it gives a consultation number."""

import json
from typing import Any

import urllib3

from billing.invoicing.states import NumberState
from billing.invoicing.vies import Answer

SOURCE = "vies"
PATH = "/check-vat-number"
CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
TRIES = 3
LARGEST = 1 << 16
# What the service says when a state's register, or the service itself, is busy or away.
LATER = frozenset({429, 500, 502, 503, 504})


class RestVies:
    """Asks over HTTPS, a few times at the most: a question changes nothing, so it may be repeated."""

    def __init__(self, *, url: str, requester: str, pause: float = 0.5) -> None:
        """Remember the service's address and the VAT number that asks."""
        self._url, self._requester = url.rstrip("/") + PATH, requester
        retry = urllib3.Retry(
            total=TRIES - 1, backoff_factor=pause, status_forcelist=LATER, allowed_methods=None, redirect=False,
            raise_on_status=False, respect_retry_after_header=False,
        )  # fmt: skip
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        self._pool = urllib3.PoolManager(retries=retry, timeout=timeout)

    def ask(self, number: str) -> Answer:
        """Ask; a service that is away, slow or talks nonsense is UNAVAILABLE."""
        body = {
            "countryCode": number[:2],
            "vatNumber": number[2:],
            "requesterMemberStateCode": self._requester[:2],
            "requesterNumber": self._requester[2:],
        }
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=json.dumps(body).encode(),
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                preload_content=False,
            )
            content = response.read(LARGEST)
            response.release_conn()
            return _read(response.status, json.loads(content))
        except urllib3.exceptions.HTTPError as error:
            return Answer(NumberState.UNAVAILABLE, SOURCE, detail=type(error).__name__)
        except (ValueError, AttributeError):
            return Answer(NumberState.UNAVAILABLE, SOURCE, detail="The answer cannot be read.")


def _read(status: int, answer: dict[str, Any]) -> Answer:
    """Return what a decoded answer says."""
    wrong = answer.get("errorWrappers") or []
    reason = wrong[0].get("error", "") if wrong else str(answer.get("userError") or "")
    valid = answer.get("valid")
    if status != 200 or not isinstance(valid, bool):
        detail = f"{status} {reason}".strip()[:200]
        state = NumberState.INVALID if reason == "INVALID_INPUT" else NumberState.UNAVAILABLE
        return Answer(state, SOURCE, detail=detail)
    return Answer(
        NumberState.VALID if valid else NumberState.INVALID,
        SOURCE,
        consultation=str(answer.get("requestIdentifier") or "")[:40],
        name=str(answer.get("name") or "")[:200],
        detail=reason[:200],
    )
