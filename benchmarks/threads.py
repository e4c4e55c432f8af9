"""Threads: which nets gain by a second one, and OMP_WAIT_POLICY beside a busy process.

    python benchmarks/threads.py         # the default run, machine idle and beside a busy process
    python benchmarks/threads.py --nets  # steps of single nets, one thread and two in turn

The first prints wall-clock samples per second of runs, each a process of its own: threads that wait
by spinning collapse when another process takes one of their cores. The second prints the fastest of
several steps (forward, backward, update) of each kind, and the multiply-adds of a batch, by which
``run.threads`` is chosen where it is null. It needs two cores for itself.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

BUSY = "while True: pass"
THREADS = (1, 2)
NETS = (  # backbone, edge of the images, batches
    ("narrow", 28, (16, 32, 64, 128)),
    ("wide", 28, (32, 64, 128, 256, 512)),
    ("lenet", 28, (32, 64, 256)),
    ("resnet18", 28, (16, 64)),
    ("resnet18", 64, (16, 32)),
    ("resnet18", 160, (4, 16)),
    ("efficientnet_lite0", 64, (16,)),
    ("efficientnet_lite0", 160, (4, 16)),
    ("efficientnet_lite0", 224, (16,)),
)


def speed(threads: int, policy: str, steps: int) -> float:
    """Samples per second of wall time; an empty policy leaves OpenMP's default."""
    with tempfile.TemporaryDirectory() as name:
        command = [
            sys.executable, "-m", "translearn.train", f"run.threads={threads}",
            f"run.max_steps={steps}", "run.evaluations=1", f"hydra.run.dir={name}/run",
        ]  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
        environment["OMP_WAIT_POLICY"] = policy
        subprocess.run(command, env=environment, capture_output=True, check=True)
        return json.loads(Path(name, "run", "result.json").read_text())["samples_per_second"]


def runs(steps: int) -> None:
    """Measure the default run and print a Markdown table."""
    print("| other process | threads | OMP_WAIT_POLICY | samples / s |\n|---|---|---|---|")
    for busy in (False, True):
        other = subprocess.Popen([sys.executable, "-c", BUSY]) if busy else None
        try:
            for threads in THREADS:
                for policy in ("PASSIVE", ""):
                    figure = speed(threads, policy, steps)
                    names = ("one" if busy else "none", threads, policy or "not set")
                    print(f"| {' | '.join(map(str, names))} | {figure:,.0f} |", flush=True)
        finally:
            if other:
                other.kill()
                other.wait()


def nets(seconds: float) -> None:
    """Measure steps of single nets for ``seconds`` each and print a Markdown table."""
    print("| net | batch | multiply-adds | one thread, ms | two threads, ms | times as fast |")
    print("|---|---|---|---|---|---|")
    for name, size, batches in NETS:
        for batch, multiply_adds, step in steps_of(name, size, batches):
            one, two = (1000 * best for best in fastest(step, seconds))
            print(
                f"| {name}, {size} pixels | {batch} | {multiply_adds / 1e9:.2f}e9 | {one:.0f} | "
                f"{two:.0f} | {one / two:.2f} |",
                flush=True,
            )


def steps_of(
    name: str, size: int, batches: tuple[int, ...]
) -> Iterator[tuple[int, int, Callable[[], None]]]:
    """Batch size, multiply-adds and the training step of a net in fp32, for each batch size."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as tl-run does, before torch is imported
    import torch

    from translearn.backbones.base import Backbone
    from translearn.components import build
    from translearn.engine.workload import multiply_adds
    from translearn.runtime import keep_freed_memory
    from translearn.train import compose_jobs

    keep_freed_memory()
    pretrained = ["backbone.pretrained=false"] if size > 28 or name == "resnet18" else []
    config = compose_jobs([f"backbone={name}", *pretrained])[0].backbone
    shape = (3, size, size)
    net = build(config, Backbone, input_shape=shape).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-6, fused=True)
    work = multiply_adds(net, shape)
    for batch in batches:
        x = torch.randn(batch, *shape).contiguous(memory_format=torch.channels_last)

        def step(x: torch.Tensor = x) -> None:
            net(x).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

        yield batch, batch * work, step


def fastest(step: Callable[[], None], seconds: float) -> list[float]:
    """Seconds of the fastest step with each number of threads, which take turns."""
    import torch

    best = [float("inf")] * len(THREADS)
    end, turns = time.monotonic() + seconds, 0
    while time.monotonic() < end or turns < 2:
        for place, threads in enumerate(THREADS):
            torch.set_num_threads(threads)
            step()  # the first step with other threads is slower
            start = time.perf_counter()
            step()
            best[place] = min(best[place], time.perf_counter() - start)
        turns += 1
    return best


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200, help="of each run")
    parser.add_argument("--nets", action="store_true")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each net, with --nets")
    given = parser.parse_args()
    if given.nets:
        nets(given.seconds)
    else:
        runs(given.steps)


if __name__ == "__main__":
    main()
