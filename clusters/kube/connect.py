# SPDX-License-Identifier: Apache-2.0
"""From a Cluster row to its gateway. Tests replace ``connect`` with an in-memory twin."""

from functools import lru_cache

from clusters.kube.gateway import ClusterGateway


@lru_cache(maxsize=64)
def connect(api_url: str, ca_pem: str, credential_ref: str) -> ClusterGateway:
    """Return the gateway of an API address, kept for its connection pool."""
    from clusters.kube.client import KubernetesGateway  # the client takes most of a second to import

    return KubernetesGateway(api_url=api_url, ca_pem=ca_pem, credential_ref=credential_ref)
