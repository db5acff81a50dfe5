# SPDX-License-Identifier: Apache-2.0
"""What is asked after every step of the state machine: the same questions, planned once for many steps."""

from typing import Any

from django.db import connection

from billing.reconcile import CHECKS, narrowed


class Prepared:
    """Statements that the server keeps the plans of. Tables grow while the machine runs: forget them now and then."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.forget()

    def forget(self) -> None:
        """Let the server plan everything anew."""
        self.names.clear()
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with connection.cursor() as cursor:
            if query not in self.names:
                self.names[query] = f"machine_{len(self.names)}"
                cursor.execute(f"PREPARE {self.names[query]} AS {query}")
            cursor.execute(f"EXECUTE {self.names[query]}")
            return cursor.fetchall()

    def contradictions(self, organisations: list[int]) -> list[tuple[str, int]]:
        """Ask all rules of the reconciler in one question; return those that are broken, and how often."""
        counts = (
            f"SELECT '{name}' AS rule, count(*) AS broken FROM ({narrowed(query, organisations)}) found"
            for name, query in CHECKS.items()
        )
        return self.rows(f"SELECT * FROM ({' UNION ALL '.join(counts)}) counts WHERE broken > 0")
