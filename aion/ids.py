# SPDX-License-Identifier: Apache-2.0
"""Public ids: a prefix that names the kind and 16 random characters, so that a count is never disclosed."""

import secrets
from base64 import b32encode
from functools import partial

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET.encode())


def new_id(prefix: str) -> str:
    """Return ``prefix_`` and 80 random bits in Crockford's base 32."""
    return f"{prefix}_{b32encode(secrets.token_bytes(10)).translate(CROCKFORD).decode()}"


organisation_id = partial(new_id, "org")
project_id = partial(new_id, "prj")
token_id = partial(new_id, "tok")
offer_id = partial(new_id, "off")
order_id = partial(new_id, "ord")
workload_id = partial(new_id, "wl")
lot_id = partial(new_id, "lot")
account_id = partial(new_id, "acc")
transfer_id = partial(new_id, "tr")
hold_id = partial(new_id, "hold")
pool_id = partial(new_id, "pool")
site_id = partial(new_id, "site")
grant_request_id = partial(new_id, "crq")
draft_id = partial(new_id, "pdr")
budget_id = partial(new_id, "bud")
correction_id = partial(new_id, "cor")
statement_id = partial(new_id, "stm")
event_id = partial(new_id, "evt")
endpoint_id = partial(new_id, "whe")
delivery_id = partial(new_id, "whd")
member_id = partial(new_id, "mem")
invitation_id = partial(new_id, "inv")
ownership_transfer_id = partial(new_id, "otr")
impersonation_id = partial(new_id, "imp")
programme_id = partial(new_id, "prg")
application_id = partial(new_id, "app")
attachment_id = partial(new_id, "att")
review_id = partial(new_id, "rvw")
appointment_id = partial(new_id, "apt")
decision_id = partial(new_id, "dec")
award_id = partial(new_id, "awd")
extension_id = partial(new_id, "ext")
report_id = partial(new_id, "rep")
undertaking_id = partial(new_id, "und")
aid_id = partial(new_id, "aid")
promo_code_id = partial(new_id, "pco")
quota_request_id = partial(new_id, "qrq")
quota_id = partial(new_id, "qta")
offer_change_id = partial(new_id, "ofc")
reservation_id = partial(new_id, "rsv")
document_id = partial(new_id, "doc")
payment_id = partial(new_id, "pay")
refund_id = partial(new_id, "rfd")
dispute_id = partial(new_id, "dsp")
quote_id = partial(new_id, "qte")
agreement_id = partial(new_id, "fwa")
purchase_order_id = partial(new_id, "po")
attestation_id = partial(new_id, "sat")
cost_centre_id = partial(new_id, "cct")
bank_transfer_id = partial(new_id, "btr")
settlement_id = partial(new_id, "stl")
share_agreement_id = partial(new_id, "sha")
payout_id = partial(new_id, "pyo")
credit_note_request_id = partial(new_id, "cnr")
