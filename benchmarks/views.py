"""The loop on two views of each image, against the same step on two views of one fixed batch.

    python benchmarks/views.py                     # SimCLR on random images of MNIST's shape

Images per core-second of this process, interleaved, one thread; the ratio is the median of the
ratios within each round, so that a busy machine disturbs both sides alike.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from loop import Loop, random_pair

from translearn.data.access import Unlabelled
from translearn.data.pipeline.preparation import Preparer
from translearn.engine.step import WeightAverage, clip_gradients, make_optimizer

OPTIONS = ("method=selftaught", "run.batch_size=256", "run.log_every=50")


class FixedViews:
    """Two views of one resident batch, forward, backward, clip, step and average."""

    def __init__(self, loop: Loop) -> None:
        job = loop.job
        self.method, self.runtime, self.run = job.method, job.runtime, job.phase_runs["pretrain"]
        size = self.run.batch_size
        self.images, self.index = job.view["source"].x[:size], torch.arange(size)
        prepare, rows = job.prepare["source"], slice(0, size)
        self.prepare = Preparer(prepare, [job.pair_augment] * 2, True, size, rows)
        self.method.requires_grad_(False)
        for part in (self.method.backbone, self.method.pretext):
            part.requires_grad_(True)
        self.optimizer = make_optimizer(self.method.param_groups(self.run.lr), self.run)
        self.average = WeightAverage(self.method, self.run.ema)
        self.parameters = [p for p in self.method.parameters() if p.requires_grad]
        self.method.train()

    def window(self, steps: int) -> float:
        """Images per core-second over ``steps`` steps."""
        generator = torch.Generator().manual_seed(0)
        start = time.process_time()
        for step in range(steps):
            x = self.prepare(self.images, None, generator)
            with self.runtime.autocast():
                terms = self.method("pretrain", {"source": Unlabelled(x, self.index)}, 0.0)
            torch.stack(list(terms.values())).sum().backward()
            clip_gradients(self.parameters, self.run.clip)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.average.update(step)
        return len(self.images) * steps / (time.process_time() - start)


def main() -> None:
    """Measure and print both speeds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=12)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        tasks = random_pair()
        fixed = FixedViews(Loop(tasks, Path(name), *OPTIONS))
        loop = Loop(tasks, Path(name), *OPTIONS)
        pairs = [(fixed.window(given.steps), loop.window(given.steps)) for _ in range(given.rounds)]
    bound, own = (statistics.median(side) for side in zip(*pairs[1:], strict=True))  # warmed up
    ratio = statistics.median(mine / theirs for theirs, mine in pairs[1:])
    print(f"fixed batch {bound:,.0f}, loop {own:,.0f} images / core-second; ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
