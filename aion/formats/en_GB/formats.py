# SPDX-License-Identifier: Apache-2.0
"""Read by Django through FORMAT_MODULE_PATH; what is not here stays Django's."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i"
