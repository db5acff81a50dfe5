# SPDX-License-Identifier: Apache-2.0
"""The local machine: embedded PostgreSQL and broker, and one supervised group of processes.

``make demo``, ``make replay``, ``make manage`` and ``make test`` run through it. Imported by nothing in the product.
"""
