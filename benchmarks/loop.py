"""The training loop against what bounds it, and against the loops that users write otherwise.

    python benchmarks/loop.py                      # every row, interleaved, one thread
    python benchmarks/loop.py --rounds 3 --steps 20
    python benchmarks/loop.py --device cuda --precision bf16 --json loop.json

Samples (source and target) per core-second of this process, on a GPU per second; medians over the
rounds. Ratios are medians of the ratios within each round, so that a busy machine disturbs both
sides alike. The loops that users write otherwise are measured on the CPU alone; pytorch-adapt is
one of them where it can be imported (it needs setuptools<81).
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from translearn.artifacts.metrics_log import MetricsLog
from translearn.backbones.digits import LeNet
from translearn.config import RunConfig, conf_dir, plain
from translearn.data.access import Labelled, Unlabelled
from translearn.data.pipeline.augment import Draw
from translearn.data.types import Domain, Split, TaskSet
from translearn.engine.build import build_run
from translearn.engine.job import Job, Progress
from translearn.engine.loop import fit
from translearn.engine.step import FiniteCheck, WeightAverage, clip_gradients, make_optimizer
from translearn.methods.parts.heads import perceptron
from translearn.methods.parts.losses import adversarial_ramp, reverse_gradient
from translearn.system.signals import Stop

COUNT = 20000  # images of each domain
CLASSES = tuple("0123456789")


def random_pair() -> TaskSet:
    """Images of MNIST's and MNIST-M's shapes and types; speed does not depend on what they show."""
    generator = torch.Generator().manual_seed(0)
    domains = {}
    for task, channels in (("source", 1), ("target", 3)):
        x = torch.randint(0, 256, (COUNT, channels, 28, 28), dtype=torch.uint8, generator=generator)
        split = Split(x, torch.randint(0, 10, (COUNT,), generator=generator))
        domains[task] = Domain(task, CLASSES, split, None, split.select(torch.arange(100)))
    return TaskSet("random", domains, (3, 28, 28))


def job_of(tasks: TaskSet, folder: Path, *overrides: str) -> Job:
    """A DANN job on the given data."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        quiet = ("run.threads=1", "run.device=cpu", "run.save_seconds=1e9", "data=mnist_mnistm")
        config = plain(compose("config", ["method=dann", *quiet, *overrides]))
    return build_run(config, folder, Stop(), tasks=tasks)


class Loop:
    """translearn's own loop: ``fit``, with everything it does between two log points."""

    def __init__(self, tasks: TaskSet, folder: Path, *overrides: str) -> None:
        self.job = job_of(tasks, folder, *overrides)
        self.log = MetricsLog(folder / "metrics.jsonl", 0, True)

    def window(self, steps: int) -> float:
        """Samples per core-second over ``steps`` steps."""
        phase = self.job.method.phases(_Budget(steps))[0]
        progress = Progress(entered=True)
        never = {name: _without_evaluation(run) for name, run in self.job.phase_runs.items()}
        self.job.phase_runs = never
        fit(self.job, phase, progress, self.log, None)
        on_gpu = self.job.runtime.device.type == "cuda"
        return progress.samples / (progress.seconds if on_gpu else progress.core_seconds)


def time_of(device: torch.device) -> float:
    """Seconds of this process on the CPU; of the clock on a GPU, once it has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


class _Budget:
    def __init__(self, count: int) -> None:
        self.count = count

    def steps(self, phase: str, share: float = 1.0) -> int:
        return self.count


def _without_evaluation(run: RunConfig) -> RunConfig:
    run.evaluations = 1  # the one at the end of a phase is left to the final metrics
    return run


class FixedBatch:
    """Forward, backward, clip, step and average on one resident batch: the bound of the loop."""

    def __init__(self, tasks: TaskSet, folder: Path, augmented: bool, *overrides: str) -> None:
        job = job_of(tasks, folder, *overrides)
        self.method, self.runtime, self.prepare = job.method, job.runtime, job.prepare["source"]
        self.run, self.size = job.run, job.run.batch_size
        self.augment = job.augment if augmented else None
        self.images = tasks.tasks["source"].train.x[: self.size]
        self.device = job.runtime.device
        self.labels = tasks.tasks["source"].train.y[: self.size].to(self.device)
        self.index = torch.arange(self.size, device=self.device)
        self.target = Unlabelled(
            self.prepare(tasks.tasks["target"].train.x[: self.size]), self.index
        )
        self.source = self.prepare(self.images)
        self.optimizer = make_optimizer(self.method.param_groups(self.run.lr), self.run)
        self.average = WeightAverage(self.method, self.run.ema)
        self.finite = FiniteCheck(self.runtime.device)
        self.parameters = list(self.method.parameters())
        self.method.train()

    def window(self, steps: int) -> float:
        """Samples per core-second over ``steps`` steps, on a GPU per second."""
        generator = torch.Generator(device=self.device).manual_seed(0)
        draw = Draw(generator, self.size, slice(0, self.size))
        start = time_of(self.device)
        for step in range(steps):
            x = self.source
            if self.augment is not None:
                x = self.prepare(self.images, self.augment, draw)
            batch = {"source": Labelled(x, self.labels, self.index), "target": self.target}
            with self.runtime.autocast():
                terms = self.method("train", batch, step / steps)
            torch.stack(list(terms.values())).sum().backward()
            clip_gradients(self.parameters, self.run.clip)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.average.update(step)
        return 2 * self.size * steps / (time_of(self.device) - start)


class Pictures(Dataset):
    """The data set class that most examples show: an array, a PIL image, transforms."""

    def __init__(self, split: Split, labelled: bool) -> None:
        self.images = split.x.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().numpy()
        self.labels, self.labelled = split.y.tolist(), labelled
        normalize = transforms.Normalize((0.5,) * 3, (0.5,) * 3)
        self.transform = transforms.Compose([transforms.ToTensor(), normalize])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int):
        x = self.transform(Image.fromarray(np.asarray(self.images[i])))
        return (x, self.labels[i]) if self.labelled else x


def endless(loader: DataLoader):
    """The batches of a loader, again and again."""
    while True:
        yield from loader


class PlainLoop:
    """A plain PyTorch loop, fp32: PIL transforms, two DataLoaders, SGD; no clipping, no average."""

    def __init__(self, tasks: TaskSet, size: int = 64) -> None:
        torch.manual_seed(0)
        self.size = size
        self.features = LeNet((3, 28, 28))
        self.head = perceptron(self.features.out_dim, (100, 100), 10)
        self.discriminator = perceptron(self.features.out_dim, (100,), 1)
        parts = (self.features, self.head, self.discriminator)
        parameters = [p for part in parts for p in part.parameters()]
        self.optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9)
        options = {"batch_size": size, "shuffle": True, "drop_last": True}
        self.source = endless(DataLoader(Pictures(tasks.tasks["source"].train, True), **options))
        self.target = endless(DataLoader(Pictures(tasks.tasks["target"].train, False), **options))

    def window(self, steps: int) -> float:
        """Samples per core-second over ``steps`` steps."""
        start = time.process_time()
        for step in range(steps):
            (x, y), target = next(self.source), next(self.target)
            self.step(x, y, target, step / steps)
        return 2 * self.size * steps / (time.process_time() - start)

    def step(self, x, y, target, progress) -> None:
        """One optimizer step."""
        features = self.features(torch.cat([x, target]))
        label = F.cross_entropy(self.head(features[: len(x)]), y)
        reversed_features = reverse_gradient(features, adversarial_ramp(progress))
        logits = self.discriminator(reversed_features)[:, 0]
        is_source = (torch.arange(len(logits)) < len(x)).float()
        loss = label + F.binary_cross_entropy_with_logits(logits, is_source)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class PytorchAdapt(PlainLoop):
    """The same net and loaders under pytorch-adapt's DANNHook."""

    def __init__(self, tasks: TaskSet, size: int = 64) -> None:
        from pytorch_adapt.hooks import DANNHook

        super().__init__(tasks, size)
        discriminator = nn.Sequential(self.discriminator, nn.Flatten(0))
        self.models = {"G": self.features, "C": self.head, "D": discriminator}
        options = {"lr": 0.01, "momentum": 0.9}
        optimizers = [torch.optim.SGD(m.parameters(), **options) for m in self.models.values()]
        self.hook = DANNHook(optimizers)

    def step(self, x, y, target, progress) -> None:
        """One optimizer step."""
        data = {
            "src_imgs": x, "src_labels": y, "target_imgs": target,
            "src_domain": torch.zeros(len(x)), "target_domain": torch.ones(len(target)),
        }  # fmt: skip
        self.hook({**self.models, **data})


PLAIN, ADAPT = "lenet, plain PyTorch loop", "lenet, pytorch-adapt"
RATIOS = (
    ("wide, loop", "wide, fixed batch", ">= .95"),
    ("wide, loop augmented", "wide, fixed batch augmented", ">= .95"),
    ("wide, loop augmented", "wide, loop", "the cost of augmentation"),
    ("lenet, loop", "lenet, fixed batch", ">= .95"),
    ("lenet, loop fp32", PLAIN, ">= 1.3"),
    ("lenet, loop", PLAIN, ">= 2.5"),
    ("lenet, loop fp32", ADAPT, ""),
    ("lenet, loop", ADAPT, ""),
)


def sides(folder: Path, device: str, precision: str) -> dict[str, Loop | FixedBatch | PlainLoop]:
    """Row -> what is measured in it."""
    tasks, machine = random_pair(), (f"run.device={device}", f"run.precision={precision}")
    wide = (*machine, "run.batch_size=128")
    paper = (*machine, "backbone=lenet", "run.batch_size=64", "augment=none")
    rows = {
        "wide, fixed batch": FixedBatch(tasks, folder, False, *wide, "augment=none"),
        "wide, loop": Loop(tasks, folder, *wide, "augment=none"),
        "wide, fixed batch augmented": FixedBatch(tasks, folder, True, *wide),
        "wide, loop augmented": Loop(tasks, folder, *wide),
        "lenet, fixed batch": FixedBatch(tasks, folder, False, *paper),
        "lenet, loop": Loop(tasks, folder, *paper),
    }
    if device == "cpu":
        rows["lenet, loop fp32"] = Loop(tasks, folder, *paper, "run.precision=fp32")
        rows[PLAIN] = PlainLoop(tasks)
        try:
            rows[ADAPT] = PytorchAdapt(tasks)
        except ImportError as error:
            print(f"pytorch-adapt is not in the table: {error}")
    return rows


def measured(rows: dict, rounds: int, steps: int) -> dict[str, list[float]]:
    """Row -> its speed in each round; the rows take turns."""
    speeds: dict[str, list[float]] = {row: [] for row in rows}
    for number in range(rounds + 1):
        for row, side in rows.items():
            speed = side.window(steps)
            if number:  # the first round warms up
                speeds[row].append(speed)
    return speeds


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        rows = sides(Path(name), given.device, given.precision)
        speeds = measured(rows, given.rounds, given.steps)
    unit = "samples / second" if given.device == "cuda" else "samples / core-second"
    medians = {row: statistics.median(values) for row, values in speeds.items()}
    ratios = {
        f"{over} / {under}": statistics.median(
            a / b for a, b in zip(speeds[over], speeds[under], strict=True)
        )
        for over, under, _ in RATIOS
        if over in speeds and under in speeds
    }
    print(f"\n| row | {unit} |\n|---|---|")
    for row, value in medians.items():
        print(f"| {row} | {value:,.0f} |")
    print("\n| ratio | median | aim |\n|---|---|---|")
    for over, under, aim in RATIOS:
        if f"{over} / {under}" in ratios:
            print(f"| {over} / {under} | {ratios[f'{over} / {under}']:.2f} | {aim} |")
    if given.json:
        figures = {"unit": unit, "precision": given.precision, "rows": medians, "ratios": ratios}
        given.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
