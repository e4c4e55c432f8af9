"""ConSE with ImageNet's classifier, no training: T1 over all classes of Office-31 against T.

    python benchmarks/conse_top.py --out conse_top.png --per-class 25

Each domain passes the network once; then every T and every way to describe the classes is scored on
the same logits. T1 is the mean per-class accuracy over all 31 classes (chance .032); "new" leaves
out the classes that ImageNet has. A cell is: T1 (new) accuracy over all images.
"""

import argparse
import os

import torch
from matplotlib.figure import Figure
from omegaconf import OmegaConf

from translearn.components import build
from translearn.config import RunConfig, plain
from translearn.data.pipeline.loaders import in_order
from translearn.data.pipeline.preparation import Preparation
from translearn.data.types import DataSource
from translearn.engine.build import build_method
from translearn.engine.workload import suited
from translearn.methods.zeroshot.zeroshot import ZeroShot
from translearn.metrics.seen_unseen import unseen_metrics
from translearn.runtime import Runtime
from translearn.semantics.base import Semantics
from translearn.train import compose_jobs

TOPS = (1, 5, 10, 20, 1000)
NAMES = {  # the folder's name -> how a dictionary would write it
    "back_pack": "backpack", "bike": "bicycle", "bike_helmet": "bicycle helmet",
    "desk_chair": "office chair", "mobile_phone": "cellular phone", "letter_tray": "paper tray",
    "paper_notebook": "notebook", "punchers": "hole punch", "trash_can": "bin",
    "phone": "telephone", "laptop_computer": "laptop", "desktop_computer": "computer",
}  # fmt: skip
WAYS = {
    "glove": (),
    "glove, dictionary names": ("names",),
    "glove, ImageNet's names": ("imagenet_names",),
    "glove, not centred": ("semantics.normalise=unit",),
}


def config_of(*overrides: str) -> dict:
    """The config of a run that scores all classes of a domain."""
    fixed = ("method=zeroshot", "data=office31_zeroshot", "data.unseen=31", "run.device=cpu",
             "method/variant=conse", "method.variant.classifier=imagenet")  # fmt: skip
    return plain(OmegaConf.create(compose_jobs([*fixed, *overrides])[0]))


def first_images(labels: torch.Tensor, per_class: int) -> torch.Tensor:
    """The places of the first images of each class."""
    places = [(labels == label).nonzero().flatten()[:per_class] for label in labels.unique()]
    return torch.cat(places)


def semantics_of(config: dict, way: tuple[str, ...]) -> Semantics:
    """The class descriptions of a way."""
    chosen = dict(config["semantics"])
    if "names" in way:
        chosen["names"] = NAMES
    if "imagenet_names" in way:
        chosen["names"] = chosen["imagenet_names"]
    if "semantics.normalise=unit" in way:
        chosen["normalise"] = "unit"
    return build(chosen, Semantics, root=os.path.expanduser(config["data_root"]))


def main() -> None:
    """Measure, print a table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--per-class", type=int, default=10**6)
    parser.add_argument("--domains", default="dslr,webcam,amazon")
    given = parser.parse_args()
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for domain in given.domains.split(","):
        config = config_of(f"data.domain={domain}")
        run = RunConfig.of(config["run"])
        tasks = build(config["data"], DataSource, root=config["data_root"]).load()
        target = tasks.tasks["target"]
        classes, test = {"target": target.classes}, target.test
        assert test is not None and test.y is not None
        test = test.select(first_images(test.y, given.per_class))
        method = build_method(config, classes, tasks.input_shape).eval()
        assert isinstance(method, ZeroShot) and test.y is not None
        runtime = suited(Runtime.start(run), run, method, tasks.input_shape)
        backbone = method.backbone
        prepare = Preparation.of(
            target.kind, tasks.input_shape, backbone.mean, backbone.std, runtime
        )
        with torch.inference_mode(), runtime.autocast():
            batches = (prepare(x) for x in in_order(test.x, 64, 0))
            logits = torch.cat([method.signal(method.backbone(x)) for x in batches])
        for name, way in WAYS.items():
            rows = []
            for top in TOPS:
                config["method"]["variant"]["top"] = top
                scorer = build_method(
                    config, classes, tasks.input_shape, None, semantics_of(config, way)
                )
                assert isinstance(scorer, ZeroShot)
                scores = scorer.variant.scores(logits)
                rows.append(unseen_metrics(scores, test.y, scorer.known))
                right = (scores.argmax(dim=1) == test.y).float().mean()
                rows[-1]["accuracy"] = float(right)
            t1 = [row["zsl/t1"] for row in rows]
            new = [row.get("zsl/t1_new", float("nan")) for row in rows]
            accuracy = [row["accuracy"] for row in rows]
            cells = zip(t1, new, accuracy, strict=True)
            shown = "  ".join(f"{a:.3f} ({b:.3f}) {c:.3f}" for a, b, c in cells)
            print(f"{domain:<8}{len(test):>5} images  {name:<26}{shown}", flush=True)
            axes.plot(range(len(TOPS)), t1, marker="o", label=f"{domain}, {name}")
    axes.set_xticks(range(len(TOPS)), [str(top) for top in TOPS])
    axes.set(xlabel="T: classes of ImageNet that count", ylabel="T1 over 31 classes", ylim=(0, 0.7))
    axes.legend(fontsize=7)
    figure.savefig(given.out, dpi=120)


if __name__ == "__main__":
    main()
