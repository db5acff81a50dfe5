# SPDX-License-Identifier: Apache-2.0
"""The payment processor behind a small port."""
