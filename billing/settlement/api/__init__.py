# SPDX-License-Identifier: Apache-2.0
"""Settlement over the API."""
