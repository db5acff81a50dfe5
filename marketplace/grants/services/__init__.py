# SPDX-License-Identifier: Apache-2.0
"""What may be done to programmes, applications and awards."""
