"""``tl-data``: what each data set needs, where it was looked for, and how to get it."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from translearn.data.files.download import DataSet, data_root, require
from translearn.data.files.listing import shown
from translearn.data.sets.catalog import DATA_SETS, data_needs
from translearn.errors import ConfigError, DataError, nearest
from translearn.renamed.names import RENAMED
from translearn.system import command
from translearn.system.problems import expanded

DEFAULT_ROOT = "~/.cache/translearn"
MOST_SHOWN = 20  # classes that check names


def main() -> None:
    """The entry point of ``tl-data``."""
    sys.exit(run_command(sys.argv[1:], alone=True))


def run_command(arguments: Sequence[str], alone: bool = False) -> int:
    """Run ``tl-data`` with these arguments.

    Returns:
        The exit code: 0, or that of the error that was printed.
    """
    return command.run(lambda: look_after(arguments), alone)


def look_after(arguments: Sequence[str]) -> int:
    """What ``tl-data`` does with these arguments."""
    parser = argparse.ArgumentParser("tl-data", description="Look after the data sets.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, about in (
        ("list", "what each data set needs, where it was looked for, how to get it"),
        ("verify", "compare the files of a data set with their checksums"),
        ("prepare", "download what a data set lacks, and check it"),
        ("check", "read every image of a folder, or a file of numbers, and name what is wrong"),
    ):
        sub = commands.add_parser(name, help=about, description=about)
        if name == "check":
            add_check(sub)
            continue
        if name != "list":
            sub.add_argument("name", help="a data set, or a data config such as mnist_mnistm")
        sub.add_argument("--root", help=f"the data root (TRANSLEARN_DATA, else {DEFAULT_ROOT})")
    options = parser.parse_args(arguments)
    if options.command == "check":
        place = expanded(options.folder)
        if is_number_file(place):
            check_numbers(place, options.label, options.answer)
        else:
            check(place, options.workers, options.max_pixels)
        return 0
    root = data_root(options.root or os.environ.get("TRANSLEARN_DATA") or DEFAULT_ROOT)
    if options.command == "list":
        show_all(root)
    elif options.command == "verify":
        verify(RENAMED.data.get(options.name, options.name), root)
    else:
        prepare(RENAMED.data.get(options.name, options.name), root)
    return 0


def add_check(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``tl-data check``."""
    parser.add_argument(
        "folder", metavar="FOLDER|FILE",
        help="searched through; or a table of images; or a file of vectors or signals",
    )  # fmt: skip
    parser.add_argument(
        "--label", metavar="NAME", type=column, help="of a file of numbers, as by data.label"
    )
    parser.add_argument(
        "--answer", choices=("class", "number"), default="class",
        help="what a label in a file of numbers is, as by data.answer (class)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", metavar="N", type=int, default=2, help="decoding processes (2)"
    )
    parser.add_argument(
        "--max-pixels", metavar="N", type=int, default=50_000_000,
        help="a larger image is refused, as by data.max_pixels (50000000)",
    )  # fmt: skip


def check(place: Path, workers: int, max_pixels: int) -> None:
    """Read every image of a folder or a table as a run would, and print what is wrong with which.

    Raises:
        ConfigError: an option is out of range.
        DataError: some cannot be read, or there are none.
    """
    from translearn.data.files.images import FileImages, Reading  # with torch, only where needed
    from translearn.data.pipeline.decoding import read_all
    from translearn.data.sets.layouts import find_images

    if workers < 0 or max_pixels < 1:
        raise ConfigError("--workers must be at least 0, and --max-pixels above 0")
    listing = find_images(place).every
    if not listing.files:
        raise DataError(f"there are no images in {listing}")
    print(listing)
    paths = tuple(listing.folder / name for name in listing.files)
    images = FileImages(paths, size=64, reading=Reading(max_pixels=max_pixels))
    contents = read_all(images, workers, keep=False)
    for look, count in sorted(contents.looks.items()):
        print(f"shown: {count} {look}")
    for position in sorted(contents.bad):
        print(f"bad: {shown(listing.files[position])}: {contents.bad[position].reason}")
    if contents.bad:
        raise DataError(
            f"{len(contents.bad)} of {len(paths)} images cannot be read\n"
            "mend or delete them; a run leaves them out with data.on_bad=skip"
        )
    print(f"all {len(paths)} images can be read")


def column(label: str) -> str | int:
    """A column or an array by its name, or a column by its number."""
    return int(label) if label.removeprefix("-").isdecimal() else label


def is_number_file(place: Path) -> bool:
    """Whether a place is a file of vectors or signals, and no table of images."""
    from translearn.data.files.label_table import is_table
    from translearn.data.files.number_files import SUFFIXES

    suffix = place.suffix.lower()
    return place.is_file() and suffix in SUFFIXES and not (suffix == ".csv" and is_table(place))


def check_numbers(place: Path, label: str | int | None, answer: str = "class") -> None:
    """Read a file of vectors or signals as a run would, and print what it holds.

    Raises:
        DataError: it cannot be read; the place in it is named.
    """
    from translearn.data.files.number_files import read_numbers
    from translearn.data.files.numbers import labels_of, values_of

    found = read_numbers(place, label, None, values_of if answer == "number" else labels_of)
    kind = "vectors" if len(found.x.shape) == 2 else "signals"
    size = " x ".join(map(str, found.x.shape[1:]))
    print(f"{place}: {len(found)} {kind} of {size} numbers, all finite")
    if found.y and answer == "number":
        values = sorted(map(float, found.y))
        print(f"{len(values)} numbers from {values[0]:g} to {values[-1]:g}")
        return
    counts = Counter(found.y or ())
    told = ", ".join(f"{shown(name)} ({count})" for name, count in counts.most_common(MOST_SHOWN))
    more = f" and {len(counts) - MOST_SHOWN} more" if len(counts) > MOST_SHOWN else ""
    print(f"{len(counts)} classes: {told}{more}" if counts else "no labels")


def data_sets(name: str) -> tuple[DataSet, ...]:
    """The sets behind the name of a set or of a data config.

    Raises:
        ConfigError: there is no such name.
    """
    if name in data_needs():
        return data_needs()[name].sets
    if name in DATA_SETS:
        return (DATA_SETS[name],)
    known = DATA_SETS.keys() | data_needs().keys()
    raise ConfigError(f"the data set {name} does not exist{nearest(name, known)}")


def show_all(root: Path) -> None:
    """Print every set with its files, and every data config with its sets."""
    print(f"data root: {root}\n")
    for data_set in DATA_SETS.values():
        print(f"{data_set.name}: {data_set.title}")
        complete = True
        for resource in data_set.resources:
            found = resource.find(root)
            complete &= found is not None
            kind = f" ({resource.samples} files)" if resource.samples else ""
            print(f"  {'present' if found else 'missing':<8}{found or root / resource.path}{kind}")
        notes = {resource.unverified for resource in data_set.resources if resource.unverified}
        if not complete:
            if all(resource.address for resource in data_set.resources):
                print(f"  get it: tl-data prepare {data_set.name}")
            print(f"  by hand, below the data root: {data_set.by_hand}")
        for note in sorted(notes):
            print(f"  unverified: {note}")
        print()
    print("used by")
    for name, needs in data_needs().items():
        print(f"  data={name:<18}{needs}")


def verify(name: str, root: Path) -> None:
    """Print whether each file of ``name`` is what its checksum says.

    Raises:
        DataError: one is missing or differs.
    """
    bad = 0
    sets = data_sets(name)
    for data_set in sets:
        for resource in data_set.resources:
            found = resource.find(root)
            status = "missing"
            if found is not None and not (resource.sha256 or resource.md5):
                status = "unchecked"  # there is no checksum to compare with
            elif found is not None:
                status = "OK" if resource.matches(found) else "differs"
            bad += status in ("missing", "differs")
            print(f"{status:<8} {found or root / resource.path}")
    if not sets:
        print(f"{name} needs {data_needs()[name]}")
    if bad:
        raise DataError(
            f"{bad} of the files of {name} are missing or differ from their checksums\n"
            f"delete what differs, then: tl-data prepare {name} --root {root}"
        )


def prepare(name: str, root: Path) -> None:
    """Download what ``name`` lacks; what is there is left as it is.

    Raises:
        DataError: a download failed, or there is no address for it.
    """
    sets = data_sets(name)
    for data_set in sets:
        require(data_set, root, download=True)
        print(f"{data_set.name} is complete in {root}")
    if not sets:
        print(f"{name} needs {data_needs()[name]}")


if __name__ == "__main__":
    main()
