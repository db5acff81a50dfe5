# SPDX-License-Identifier: Apache-2.0
"""What invoicing reads."""
