"""Memory-limited batching, with allocations that really fail."""

import logging
import sys
import textwrap
from itertools import chain

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forked import run_forked
from ntt.segmenters.batching import GIB, MemoryBatches, is_out_of_memory

CPU = torch.device("cpu")


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 10), st.integers(1, 10))
def test_run_covers_every_item_once_for_any_memory_limit(count, budget, fits):
    """``fits`` is the number of items that fit into memory, unknown to the budget."""
    batches = MemoryBatches(item_bytes=GIB, budget=float(budget))
    tried = []

    def work(batch: slice) -> list[int]:
        tried.append(batch.stop - batch.start)
        if batch.stop - batch.start > fits:
            raise torch.OutOfMemoryError("full")
        return list(range(batch.start, batch.stop))

    assert list(chain.from_iterable(batches.run(work, count, CPU))) == list(range(count))
    assert all(size <= budget for size in tried)
    tried.clear()
    batches.run(work, count, CPU)
    assert all(size <= fits for size in tried), "a size that failed is not tried again"


def test_run_raises_if_a_single_item_does_not_fit_or_on_other_errors():
    batches = MemoryBatches(item_bytes=1, budget=None)

    def full(batch: slice) -> None:
        raise torch.OutOfMemoryError("full")

    def wrong(batch: slice) -> None:
        raise RuntimeError("shapes differ")

    for count in (5, 1):
        with pytest.raises(torch.OutOfMemoryError, match="full"):
            MemoryBatches(item_bytes=1, budget=None).run(full, count, CPU)
    with pytest.raises(RuntimeError, match="shapes differ"):
        batches.run(wrong, 5, CPU)


def test_default_cpu_budget_is_a_sixteenth_of_a_gib():
    assert MemoryBatches(item_bytes=GIB // 64, budget=None).size(CPU) == 4
    assert MemoryBatches(item_bytes=GIB, budget=None).size(CPU) == 1, "never less than one"


def test_halving_is_logged_once(caplog):
    batches = MemoryBatches(item_bytes=GIB, budget=16.0)

    def work(batch: slice) -> None:
        if batch.stop - batch.start > 2:
            raise MemoryError

    with caplog.at_level(logging.WARNING, logger="ntt.segmenters.batching"):
        batches.run(work, 16, CPU)
        batches.run(work, 16, CPU)
    assert [record.getMessage() for record in caplog.records] == [
        "Out of memory with 16 prompts per batch; continuing with smaller batches"
    ]


def test_cpu_allocator_errors_count_as_out_of_memory():
    with pytest.raises(RuntimeError, match="can't allocate memory") as refused:
        torch.empty(2**60)
    assert is_out_of_memory(refused.value)
    assert not is_out_of_memory(ValueError("no"))


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_decode_continues_with_smaller_batches_when_memory_runs_out(project_root, tmp_path):
    """A process limited to 200 MiB of additional memory decodes with a budget of three GiB."""
    script = """
        import logging, resource, torch
        from omegaconf import OmegaConf
        from ntt.proposals import grid_points
        from ntt.segmenters import Prompts, Sam2Segmenter

        logging.basicConfig()
        torch.set_num_threads(1)
        config = OmegaConf.load("conf/segmenter/sam2_nano.yaml")
        segmenter = Sam2Segmenter("nano", config.config, 512, "random", config.overrides, prompt_memory=3.0)
        points = grid_points(16, 512)[:64, None]
        prompts = Prompts(points, torch.ones(64, 1, dtype=torch.int32))
        with torch.no_grad():
            embedding = segmenter.encode(torch.rand(3, 64, 64))
            held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (held + 200 * 2**20, resource.RLIM_INFINITY))
            print(len(segmenter.decode(embedding, prompts)))
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(script))
    done = run_forked([tmp_path / "script.py"], cwd=project_root, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "64"
    assert done.stderr.count("Out of memory with 64 prompts per batch") == 1
