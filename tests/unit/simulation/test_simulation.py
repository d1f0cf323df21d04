"""Whatever goes wrong in whatever order: nothing is used twice, nothing is told twice, and in the end all is well.

MESOSCTL_TEST_SEED=4711 pytest tests/unit/simulation -k seed -s        # one run, with all that happens in it
"""

from __future__ import annotations

import gc
import logging
import os
import random
from collections.abc import Iterable, Iterator

import pytest

from tests.conftest import CHANCE
from tests.unit.simulation.mistakes import MISTAKES, Mistake
from tests.unit.simulation.run import run
from tests.unit.simulation.world import SimulationError

_SEEDS = 1500
_BATCH = 100
_UNTIL_SEEN = 400


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Without the logs, and without a collector that looks at all other tests' objects again and again."""
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    logging.disable(logging.NOTSET)


def test_seed() -> None:
    """The one that is asked for, or any; twice the same."""
    seed = int(os.environ.get("MESOSCTL_TEST_SEED", "17"))
    try:
        world = run(seed, traced=True)
    except SimulationError as error:
        print("\n".join(error.world.trace))
        raise
    print("\n".join(world.trace))
    assert run(seed, traced=True).trace == world.trace
    assert world.trace


@pytest.mark.parametrize("first", range(0, _SEEDS, _BATCH))
def test_clusters(first: int) -> None:
    _run_all(range(first, first + _BATCH))


def test_further_clusters() -> None:
    first = random.SystemRandom().randrange(10**9) if CHANCE else _SEEDS
    print(f"Seeds from {first}")
    _run_all(range(first, first + _BATCH // 2))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_mistakes_are_seen(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation can fail."""
    mistake(monkeypatch)
    with pytest.raises(SimulationError):
        _run_all(range(_UNTIL_SEEN))


def _run_all(seeds: Iterable[int]) -> None:
    for seed in seeds:
        run(seed)
