# SPDX-License-Identifier: Apache-2.0
"""What the demo's organisations ran in the last three weeks. Pure: the same first day gives the same runs."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

DAYS = 21
HOUR = timedelta(hours=1)
PYTORCH = "registry.aion.example/library/pytorch:2.9-cuda13"
ROCM = "registry.aion.example/library/pytorch:2.9-rocm7"
# The simulated site cannot pull an image whose reference has this word in it.
NO_IMAGE = "registry.aion.example/lumen/vllm-missing:0.11"
INES, JONAS, MARTA = "ines@lumen.example", "jonas@lumen.example", "marta@climat.example"
LUMEN, CLIMAT = "atelier-lumen", "institut-climat"
MODELS, HEALTH = "language-models", "health-data"


class Ending(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"
    NEVER_PULLED = "cancelled for want of its image"


@dataclass(frozen=True, slots=True)
class Run:
    """One order of the past. It ends ``length`` after it was placed; a timed-out run has ``hours`` as its length."""

    person: str
    organisation: str
    project: str
    name: str
    sku: str
    gpus: int
    placed: datetime
    length: timedelta
    hours: int
    ending: Ending = Ending.SUCCEEDED

    @property
    def image(self) -> str:
        """Return the container image."""
        if self.ending is Ending.NEVER_PULLED:
            return NO_IMAGE
        return ROCM if self.sku == "mi300x" else PYTORCH

    @property
    def over(self) -> datetime:
        """Return when nothing of it is left for sure, its notice period and start included."""
        return self.placed + max(self.length, HOUR * self.hours if self.ending is Ending.TIMED_OUT else HOUR) + HOUR


@dataclass(frozen=True, slots=True)
class Habit:
    """Work that comes back on some days of the week (Monday is 0); its length grows by ``growth`` from week to week."""

    person: str
    organisation: str
    project: str
    name: str
    sku: str
    gpus: int
    weekdays: tuple[int, ...]
    clock: float
    hours: float
    limit: int
    growth: float = 1.0
    ending: Ending = Ending.SUCCEEDED


WORKDAYS = (0, 1, 2, 3, 4)
HABITS = (
    Habit(JONAS, LUMEN, MODELS, "llama-fr-sft", "h100-sxm", 8, (0, 2, 4), 17.6, 8.5, 16, growth=1.15),
    Habit(JONAS, LUMEN, MODELS, "llama-fr-eval", "l40s", 2, WORKDAYS, 7.5, 1.7, 4),
    Habit(JONAS, LUMEN, MODELS, "esm-fold-sweep", "mi300x", 4, WORKDAYS, 13.0, 3.5, 8, growth=1.2),
    Habit(INES, LUMEN, HEALTH, "cohort-embeddings", "h200-sxm", 4, (1, 3), 9.25, 5.0, 8, growth=1.1),
    Habit(INES, LUMEN, HEALTH, "risk-notebook", "l40s", 1, (1, 2, 4), 8.8, 7.2, 12, ending=Ending.CANCELLED),
    Habit(JONAS, LUMEN, MODELS, "esm-fold-full", "mi300x", 4, (5,), 10.0, 15.0, 24),
    Habit(INES, LUMEN, HEALTH, "triage-nightly", "l40s", 4, (6,), 21.0, 2.8, 6),
    Habit(MARTA, CLIMAT, MODELS, "alps-downscaling", "h200-sxm", 4, (0, 3), 10.5, 3.8, 8),
    Habit(MARTA, CLIMAT, HEALTH, "heatwave-ensemble", "b200-sxm", 8, (5,), 8.0, 5.5, 10),
)
# Day of the history, hour of that day, and what happened once.
ONCE = (
    (2, 14.2, JONAS, LUMEN, MODELS, "llama-fr-probe", "h100-sxm", 16, 0.8, 4, Ending.FAILED),
    (4, 10.4, INES, LUMEN, HEALTH, "cohort-embeddings-full", "h200-sxm", 8, 4.0, 4, Ending.TIMED_OUT),
    (8, 11.1, INES, LUMEN, HEALTH, "whisper-medical", "h200-sxm", 8, 2.2, 12, Ending.CANCELLED),
    (10, 15.5, JONAS, LUMEN, MODELS, "llama-fr-serving-bench", "l40s", 4, 0.3, 2, Ending.NEVER_PULLED),
    (13, 20.3, JONAS, LUMEN, MODELS, "llama-fr-dpo", "h100-sxm", 8, 3.1, 10, Ending.FAILED),
    (16, 9.7, INES, LUMEN, HEALTH, "cohort-survival", "l40s", 2, 6.0, 6, Ending.TIMED_OUT),
    (12, 16.0, MARTA, CLIMAT, MODELS, "alps-downscaling-4km", "h200-sxm", 8, 1.4, 6, Ending.FAILED),
)


def runs(first: datetime, *, until: datetime) -> list[Run]:
    """Return what was placed from the midnight ``first`` on and was over by ``until``, in order of placement."""
    every = [*_habits(first), *_once(first)]
    return sorted((run for run in every if run.over <= until), key=lambda run: (run.placed, run.name))


def _habits(first: datetime) -> Iterator[Run]:
    for day in range(DAYS + 1):  # today's morning belongs to it
        date = first + timedelta(days=day)
        for habit in HABITS:
            if date.weekday() not in habit.weekdays:
                continue
            dice = random.Random(f"{habit.name} {day}")  # noqa: S311 - the same day must give the same run again
            hours = habit.hours * habit.growth ** (day // 7) * dice.uniform(0.85, 1.15)
            yield Run(
                person=habit.person,
                organisation=habit.organisation,
                project=habit.project,
                name=f"{habit.name}-{date:%m%d}",
                sku=habit.sku,
                gpus=habit.gpus,
                placed=_at(date, habit.clock + dice.uniform(-0.4, 0.4)),
                length=_whole(hours),
                hours=habit.limit,
                ending=habit.ending,
            )


def _once(first: datetime) -> Iterator[Run]:
    for day, hour, person, organisation, project, name, sku, gpus, hours, limit, ending in ONCE:
        placed = _at(first + timedelta(days=day), hour)
        yield Run(person, organisation, project, name, sku, gpus, placed, _whole(hours), limit, ending)


def _at(date: datetime, hour: float) -> datetime:
    return date + _whole(hour)


def _whole(hours: float) -> timedelta:
    return timedelta(seconds=int(hours * 3600))
