# SPDX-License-Identifier: Apache-2.0
"""Addresses of projects and quotas."""

from django.urls import URLPattern

tenant_pages: list[URLPattern] = []
public_pages: list[URLPattern] = []
