# SPDX-License-Identifier: Apache-2.0
"""``python -m billing.invoicing.checks``: the worker. It knows no Django and no database."""

import sys

from billing.invoicing.checks.worker import serve

serve(sys.stdin.buffer, sys.stdout.buffer)
