# SPDX-License-Identifier: Apache-2.0
"""The twin without a network: a number is valid when its check digits are, and the answer says that it was offline."""

import hashlib

from stdnum import exceptions
from stdnum.eu import vat

from billing.invoicing.states import NumberState
from billing.invoicing.vies import Answer

SOURCE = "offline"


class OfflineVies:
    """Answers alike each time, for the demo and tests."""

    def ask(self, number: str) -> Answer:
        """Look at the check digits."""
        try:
            vat.validate(number)
        except exceptions.ValidationError as error:
            return Answer(NumberState.INVALID, SOURCE, detail=type(error).__name__)
        consultation = "OFFLINE-" + hashlib.sha256(number.encode()).hexdigest()[:12].upper()
        return Answer(NumberState.VALID, SOURCE, consultation=consultation, detail="check digits only")
