# SPDX-License-Identifier: Apache-2.0
"""Read by Django through FORMAT_MODULE_PATH; what is not here stays Django's."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j N Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j N Y, H:i"
# Narrow, as before ; : ? and !, so that no line begins in the middle of a number; Django's is a wide one.
THOUSAND_SEPARATOR = "\u202f"
