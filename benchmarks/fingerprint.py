"""What the fingerprint of the data costs at the start of a run.

    python benchmarks/fingerprint.py                # 10,000 photos in two folders

CPU-seconds of the run's process up to its first step, Python's start and imports included, and
those of them that go into the fingerprint: with an empty cache, then with what it remembers.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

CLASSES = 10
OPTIONS = ("method=dann", "data=folder", "backbone=narrow", "augment=none", "data.size=64",
           "data.crop=64", "run.device=cpu", "run.threads=1", "run.workers=0", "run.max_steps=1",
           "run.figures=false", "run.evaluate=[]")  # fmt: skip


class Begun(BaseException):
    """The first step was taken."""


def photos(folder: Path, count: int) -> None:
    """Photos of 96 x 96 pixels, some 6 kB each, in a folder a class."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"class {number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        coarse = random.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((96, 96)).save(place / f"{number}.jpg", quality=95)


def one_start(words: list[str]) -> None:
    """Begin a run, and print CPU-seconds until its first step and of its fingerprint."""
    from runs import config_of, train

    from translearn.engine import build
    from translearn.methods import dann

    seconds, record = {"fingerprint": 0.0}, build.data_record

    def timed(*given):
        before = time.process_time()
        found = record(*given)
        seconds["fingerprint"] += time.process_time() - before
        return found

    def begun(self, *given):
        raise Begun

    build.data_record = timed
    dann.DANN.forward = begun
    with tempfile.TemporaryDirectory() as folder:
        try:
            train(Path(folder), config=config_of(*words))
        except Begun:
            seconds["start"] = time.process_time()
    print(json.dumps(seconds))


def main() -> None:
    """Make the photos, begin two runs, print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--one", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one_start(options.one)
        return
    with tempfile.TemporaryDirectory(prefix="translearn-fingerprint-") as place:
        for domain in ("source", "target"):
            photos(Path(place) / domain, options.files // 2)
        words = [*OPTIONS, *(f"data.{d}={place}/{d}" for d in ("source", "target"))]
        for name in ("first", "remembered"):
            done = subprocess.run(
                [sys.executable, __file__, "--one", *words], capture_output=True, text=True,
                env={**os.environ, "XDG_CACHE_HOME": f"{place}/cache"},
            )  # fmt: skip
            if done.returncode:
                sys.exit(done.stderr)
            found = json.loads(done.stdout.splitlines()[-1])
            share = found["fingerprint"] / found["start"]
            print(
                f"{name}: {found['fingerprint']:.2f} of {found['start']:.1f} CPU-seconds "
                f"until the first step, {share:.1%}"
            )


if __name__ == "__main__":
    main()
