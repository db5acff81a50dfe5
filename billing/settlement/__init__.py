# SPDX-License-Identifier: Apache-2.0
"""What the consortium owes the operators whose GPUs were used."""
