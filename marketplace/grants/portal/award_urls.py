# SPDX-License-Identifier: Apache-2.0
"""Addresses of reviews, awards and reports."""

from django.urls import URLPattern

tenant_pages: list[URLPattern] = []
public_pages: list[URLPattern] = []
