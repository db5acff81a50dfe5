# SPDX-License-Identifier: Apache-2.0
"""What happens between people and organisations, and who is told: services above tenancy and events."""
