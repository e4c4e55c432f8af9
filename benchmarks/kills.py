"""Kill every method and variant at random moments, continue it, and compare all bits.

    python benchmarks/kills.py --out kills.jsonl               # 20 kills of each
    python benchmarks/kills.py --variants 5                    # 5 of each variant
    python benchmarks/kills.py dann "dann method.tune=true"    # of these alone

Each is run once undisturbed on its smoke data, four steps a phase. Then the same command is killed
by SIGKILL at moments drawn evenly from its life (in CPU-seconds, so that a busy machine does not
shift them), continued, and killed again; a run that comes to its end before its moment is compared
with the undisturbed one, and the next begins. Weights, metrics and the log without its times are
compared bit by bit. Runs saved at every step and runs saved once a phase take turns.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import commands
import warm
from runs import MACHINE, METHODS, access_of, named, outcome, smoke_options, variants_of

SAVE_SECONDS = (0.0, 1e9)  # at every step, once a phase


class Victim:
    """One method or variant: what it leaves undisturbed, and what it leaves after kills."""

    def __init__(self, method: str, variant: tuple[str, ...], place: Path, seed: str) -> None:
        select = ["run.select=source_val"] if access_of(method, variant).source_labels else []
        self.options = (*MACHINE, *smoke_options(method, variant), *select,
                        "run.max_steps=4", "run.evaluations=2")  # fmt: skip
        self.place, self.random = place, random.Random(seed)
        self.kills = self.ended = self.differing = 0
        self.whole = self.finished(self.begin("whole", SAVE_SECONDS[0]), "whole")
        self.life = self.used

    def begin(self, folder: str, save_seconds: float):
        """Start the run, or continue it as the person would whose machine went down."""
        if (self.place / folder / "checkpoints" / "last.pt.sha256").exists():
            words = (f"run.resume={folder}",)
        else:
            words = (*self.options, f"run.save_seconds={save_seconds}", f"hydra.run.dir={folder}",
                     "run.resume=auto")  # fmt: skip
        self.before = warm.seconds
        return commands.begin("translearn.train", *words, cwd=self.place)

    def finished(self, process, folder: str):
        """What an ended run has left."""
        _, message = process.communicate()
        process.end()
        self.used = warm.seconds - self.before
        if process.returncode:
            raise RuntimeError(f"{folder} ended with {process.returncode}:\n{message}")
        return outcome(self.place / folder)

    def killed(self, process, moment: float) -> bool:
        """Kill a process once it has used this many CPU-seconds; False if it ended before."""
        clock = (~process.pid << 3) | 2  # the CPU time of another process, as Linux counts it
        try:
            while time.clock_gettime(clock) < moment:
                time.sleep(0.004)
                if process.poll() is not None:
                    return False
        except OSError:
            return False
        process.kill()
        if process.wait() != -9:
            return False
        process.communicate()
        process.end()
        return True

    def harm(self, kills: int) -> None:
        """Kill until that many have hit, and compare each run that has come to its end."""
        while self.kills < kills:
            folder = f"killed {self.ended}"
            save_seconds = SAVE_SECONDS[self.ended % len(SAVE_SECONDS)]
            while self.kills < kills:
                process = self.begin(folder, save_seconds)
                if not self.killed(process, self.random.uniform(0.0, self.life)):
                    break
                self.kills += 1
            else:
                process = self.begin(folder, save_seconds)
            self.compare(self.finished(process, folder))
            if not self.differing:
                shutil.rmtree(self.place / folder)

    def compare(self, left) -> None:
        """Count the bits of weights, and the lines and values, in which a run differs."""
        self.ended += 1
        bits, log, result = left
        for name, content in self.whole[0].items():
            one, two = (int.from_bytes(b, "little") for b in (content, bits.get(name, b"")))
            self.differing += (one ^ two).bit_count()
        self.differing += (self.whole[1] != log) + (self.whole[2] != result)


def main() -> int:
    """Kill those asked for; one line each, and the sum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of methods, with the words of a variant")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--variants", type=int, help="kills of each variant, else as many")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument(
        "--out", type=Path, help="a line of JSON for each; what it holds is not repeated"
    )
    options = parser.parse_args()
    each = [(method, variant) for method in METHODS for variant in variants_of(method)]
    each.sort(key=lambda pair: bool(pair[1]))  # the methods first
    of_variants = options.kills if options.variants is None else options.variants
    lines = []
    if options.out and options.out.exists():
        lines = [json.loads(line) for line in options.out.read_text("utf-8").splitlines()]
    done, server = {line["name"] for line in lines}, warm.Server()
    try:
        for method, variant in each:
            name, before = named(method, variant), warm.seconds
            if name in done or (options.names and name not in options.names):
                continue
            with tempfile.TemporaryDirectory(prefix="translearn-kills-") as place:
                victim = Victim(method, variant, Path(place), f"{options.seed} {name}")
                victim.harm(of_variants if variant else options.kills)
            lines.append({"name": name, "kills": victim.kills, "ended": victim.ended,
                          "differing": victim.differing,
                          "cpu_seconds": round(warm.seconds - before, 1)})  # fmt: skip
            print(
                "{kills:3} kills {differing} differing {cpu_seconds:6.1f} s  {name}".format(
                    **lines[-1]
                ),
                flush=True,
            )
            if options.out:
                with options.out.open("a") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
    finally:
        server.close()
    total = {key: sum(line[key] for line in lines) for key in ("kills", "ended", "differing")}
    seconds = sum(line["cpu_seconds"] for line in lines)
    print(f"{len(lines)} methods and variants, {total}, {seconds:.0f} CPU-seconds")
    return 1 if total["differing"] else 0


if __name__ == "__main__":
    sys.exit(main())
