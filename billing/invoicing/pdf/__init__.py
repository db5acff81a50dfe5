# SPDX-License-Identifier: Apache-2.0
"""The page that people read: set by typst as PDF/A-3b, with the CII inside as Factur-X."""
