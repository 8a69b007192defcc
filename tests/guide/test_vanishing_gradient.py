"""The figures that the chapter on the vanishing gradient names, worked out again."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.figures.gradient_flow import factor, two_units


def test_one_factor() -> None:
    found = {a: factor(factor=a) for a in (0.5, 0.9, 0.99, 1.1)}
    assert [found[a].vanished_after for a in (0.5, 0.9, 0.99)] == [10, 66, 688]
    assert found[0.9].half_life == pytest.approx(6.6, abs=0.05)
    assert found[1.1].exploded_after == 73


def test_it_grows_more_than_fivefold_in_six_steps() -> None:
    found = two_units()
    assert (found.peak, found.radius) == (6, 0.9)
    assert found.length[6] > 5
    assert found.length[-1] < 1
    np.testing.assert_allclose(found.error[:4], [(1, 0), (0.9, 2), (0.81, 3.4), (0.729, 4.34)])


def test_symmetric_with_the_same_radius_nothing_grows() -> None:
    found = two_units(w_11=0.6, w_12=0.3, w_21=0.3, w_22=0.6)
    assert found.radius == pytest.approx(0.9)
    assert (np.diff(found.length) < 0).all()


def test_under_a_tanh_a_radius_of_one_and_a_half_shrinks() -> None:
    found = two_units(w_11=1.5, w_12=0, w_21=0, w_22=1.5, squash="tanh", start=1.0)
    assert found.hidden[0] == pytest.approx(0.86, abs=0.005)
    assert found.slope[0] == pytest.approx(0.26, abs=0.005)
    assert found.length[1] == pytest.approx(0.39, abs=0.005)
