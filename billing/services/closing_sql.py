# SPDX-License-Identifier: Apache-2.0
"""How a closing tells what is new: SQL that the tenants' statements and the operators' settlements share."""

from collections.abc import Sequence


def differences(*, keys: Sequence[str], used: str, stated: str) -> str:
    """Return a query of what usage says beyond what earlier lines said, by month of usage and ``keys``.

    ``used`` is FROM and WHERE over roll-up rows ``d`` and their runs ``r``, ``stated`` the same over lines ``l`` that
    stand. Usage of a month that was never stated is a row; of a stated month, the difference to what its lines said.
    It is one statement, so one snapshot: no usage falls between the lines and their total.
    """
    names = ", ".join(keys)
    runs = ", ".join(f"r.{key}" for key in keys)
    places = ", ".join(str(number) for number in range(1, len(keys) + 2))
    return f"""
  SELECT usage_month, {names}, u.seconds - coalesce(s.seconds, 0) AS seconds, u.exact - coalesce(s.exact, 0) AS exact
  FROM (
    SELECT date_trunc('month', d.day, 'UTC')::date AS usage_month, {runs},
           sum(d.milli_gpu_seconds) AS seconds, sum(d.exact) AS exact
    {used} GROUP BY {places}
  ) u
  LEFT JOIN (
    SELECT usage_month, {names}, sum(milli_gpu_seconds) AS seconds, sum(exact) AS exact
    {stated} GROUP BY {places}
  ) s USING (usage_month, {names})
  WHERE u.exact <> coalesce(s.exact, 0) OR u.seconds <> coalesce(s.seconds, 0)"""
