# SPDX-License-Identifier: Apache-2.0
"""A simulated Kubernetes site behind the real HTTP API. Imported by nothing in the product.

``store`` is etcd and its journal, ``api`` the verbs, ``controllers`` Kueue, the Job controller, the scheduler and
the kubelets on one clock, ``server`` the HTTP edge with fault switches.
"""
