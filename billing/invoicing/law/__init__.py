# SPDX-License-Identifier: Apache-2.0
"""The rows of law that the product is delivered with; migrations write them, staff add later versions."""
