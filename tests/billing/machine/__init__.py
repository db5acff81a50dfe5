# SPDX-License-Identifier: Apache-2.0
"""The whole money core driven at random beside an oracle in plain integers."""
