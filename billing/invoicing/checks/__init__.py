# SPDX-License-Identifier: Apache-2.0
"""Documents against EN 16931 and the French BR-FR rules, by a process of its own that is spoken to in JSON lines."""
