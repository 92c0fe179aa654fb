"""The learning rate depends on the step number alone, and a plan on the time only where it is short."""

import pytest

from trainer.config import ScheduleSettings
from trainer.schedule import fit_to_time, learning_rate

SETTINGS = ScheduleSettings(warmup_steps=10, final_fraction=0.1)


def test_warm_up_then_cosine_to_the_final_fraction() -> None:
    rates = [learning_rate(step, 100, 2.0, SETTINGS) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == rates[10] == 2.0
    assert rates[99] == pytest.approx(0.2)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert learning_rate(54, 100, 2.0, SETTINGS) + learning_rate(55, 100, 2.0, SETTINGS) == pytest.approx(2.2)
    assert learning_rate(500, 100, 2.0, SETTINGS) == pytest.approx(0.2)


def test_fewer_steps_are_planned_only_when_time_is_clearly_short() -> None:
    assert fit_to_time(100, 100, 20, 1.0, 80.0) == 100
    assert fit_to_time(100, 100, 20, 1.0, 78.0) == 100
    assert fit_to_time(100, 100, 20, 1.0, 40.0) == 60
    assert fit_to_time(100, 100, 20, 0.1, 1e9) == 100
    assert fit_to_time(100, 100, 20, 1.0, 0.0) == 21


def test_a_plan_recovers_when_the_machine_does_but_never_beyond_max_steps() -> None:
    assert fit_to_time(60, 100, 30, 1.0, 50.0) == 80
    assert fit_to_time(60, 100, 30, 0.1, 50.0) == 100
    assert fit_to_time(60, 100, 30, 1.0, 31.0) == 60
