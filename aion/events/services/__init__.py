# SPDX-License-Identifier: Apache-2.0
"""Writing events and telling those they concern."""
