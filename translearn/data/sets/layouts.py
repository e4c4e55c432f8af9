"""How classes and splits are read from a folder: by its subfolders, or from a table."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Literal

from translearn.data.files.images import FORMATS, why_no_image
from translearn.data.files.label_table import SPLITS, Row, is_table, normal, table_rows
from translearn.data.files.listing import Listing, few, list_files, shown
from translearn.errors import ConfigError, DataError


class Layout(StrEnum):
    """Where the class of an image stands."""

    auto = "auto"  # as the folder looks
    classes = "classes"  # FOLDER/<class>/...
    splits = "splits"  # FOLDER/train/<class>/..., and val, test
    csv = "csv"  # a table with the columns path, label and perhaps split


LayoutName = Literal["auto", "classes", "splits", "csv"]


@dataclass(frozen=True)
class Found:
    """The images of a folder.

    Attributes:
        listing: what was found, used and left out; its ``layout`` is how it was read.
        every: the same, with all images used, whatever the layout leaves out.
        rows: the labelled images by class and path; none where there are no classes.
        problem: why they cannot be taken for the classes; empty where they can.
    """

    listing: Listing
    every: Listing
    rows: tuple[Row, ...] = ()
    problem: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes of all splits, sorted."""
        return tuple(sorted({row.label for row in self.rows}))

    def labelled(self) -> "Found":
        """The same, where the classes are wanted.

        Raises:
            DataError: there are none, or they may be none; the message says what to do.
        """
        if self.problem:
            raise DataError(self.problem)
        return self

    def unlabelled(self) -> "Found":
        """All images without classes.

        Raises:
            DataError: there are none.
        """
        if not self.every.files:
            raise DataError(no_images(f"the folder {self.every.folder}", self.every))
        listing = replace(self.every, layout="no classes")
        return Found(listing, listing)


def find_images(place: Path, layout: Layout = Layout.auto) -> Found:
    """The images of a folder or a table, with their classes as the layout says.

    Raises:
        ConfigError: the layout does not fit what is there; the message names the one that does.
        DataError: it is missing or cannot be read.
    """
    if place.is_file():
        return from_table(place, layout)
    listing = list_files(place, why_no_image)
    chosen = looks_like(listing) if layout is Layout.auto else layout
    if chosen is Layout.csv:
        return from_table(only_table(listing), Layout.csv)
    if chosen is Layout.splits:
        return from_splits(listing)
    return from_classes(listing, sure=layout is Layout.classes)


def looks_like(listing: Listing) -> Layout:
    """The layout that a folder seems to have."""
    if not within(listing) and len(tables(listing)) == 1:
        return Layout.csv
    deep = {name.split("/")[0] for name in listing.files if name.count("/") > 1}
    whole = bool(deep) and deep == tops(listing) and all(top.lower() in SPLITS for top in deep)
    return Layout.splits if whole and named_as_splits(listing) else Layout.classes


def within(listing: Listing) -> list[str]:
    """The images that do not lie beside the subfolders."""
    return [name for name in listing.files if "/" in name]


def tops(listing: Listing) -> set[str]:
    """The subfolders that hold images."""
    return {name.split("/")[0] for name in within(listing)}


def named_as_splits(listing: Listing) -> bool:
    """Whether several subfolders are named as splits, the training one among them."""
    splits = {SPLITS.get(top.lower(), "") for top in tops(listing)} - {""}
    return len(splits) > 1 and "train" in splits


def from_classes(listing: Listing, sure: bool) -> Found:
    """Each subfolder as a class; images beside them are left out, unless there are no subfolders.

    Args:
        listing: of the folder.
        sure: whether the user said that it is so.
    """
    rows = [Row(name, normal(name.split("/")[0])) for name in within(listing)]
    loose = [name for name in listing.files if "/" not in name]
    kept = listing.without("beside the class folders", loose) if rows else listing
    layout = Layout.classes.value if rows else "no classes"
    problem = without_images(listing, rows) or ("" if sure else not_sure(listing))
    return Found(replace(kept, layout=layout), listing, ordered(rows), problem)


def without_images(listing: Listing, rows: Sequence[Row]) -> str:
    """Why the subfolders are no classes: there are none, or one has no images."""
    empty = sorted({normal(name) for name in listing.folders} - {row.label for row in rows})
    if empty:
        name = next(name for name in listing.folders if normal(name) == empty[0])
        return no_images(f"the class folder {listing.folder / name}", listing, f"{name}/")
    if not listing.files:
        return no_images(f"the folder {listing.folder}", listing)
    if not rows:
        return (
            f"{listing.folder} has images and no class folders\nmake one subfolder of images for "
            "each class, or name a table: data.layout=csv"
        )
    return ""


def not_sure(listing: Listing) -> str:
    """Why the subfolders may be splits and no classes; empty where they are not named so."""
    if not named_as_splits(listing):
        return ""
    return (
        f"{listing.folder} has folders named as splits and others, or splits without class "
        f"folders: {few(sorted(tops(listing)))}\n"
        "data.layout=classes takes them for the classes; data.layout=splits wants train, val and "
        "test alone,\nwith a subfolder for each class in each"
    )


def from_splits(listing: Listing) -> Found:
    """Subfolders named as splits, with a subfolder for each class in them.

    Raises:
        ConfigError: there is no training split, or a folder is no split.
    """
    known = {SPLITS.get(top.lower(), "") for top in tops(listing)}
    if "" in known or "train" not in known:
        raise ConfigError(
            f"data.layout=splits: {listing.folder} must have the folders train, val and test, and "
            f"class folders in them\nit has {few(sorted(tops(listing)))}: {as_it_looks(listing)}"
        )
    loose = [name for name in listing.files if name.count("/") < 2]
    rows = [
        Row(name, normal(name.split("/")[1]), SPLITS[name.split("/")[0].lower()])
        for name in listing.files
        if name.count("/") > 1
    ]
    kept = listing.without("beside the class folders", loose)
    problem = "" if any(row.split == "train" for row in rows) else not_sure(listing)
    names = [split for split in ("train", "val", "test") if split in known]
    return Found(
        replace(kept, layout=f"splits {', '.join(names)}"), listing, ordered(rows), problem
    )


def as_it_looks(listing: Listing) -> str:
    """The option for the layout that a folder seems to have."""
    return f"it looks like data.layout={looks_like(listing)}"


def ordered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """By class and path, on every machine the same."""
    return tuple(sorted(rows, key=lambda row: (row.label, row.path.split("/"))))


def tables(listing: Listing) -> list[Path]:
    """The tables directly in a folder that name images and labels."""
    names = [name for names in listing.left_out.values() for name in names if "/" not in name]
    paths = [listing.folder / name for name in sorted(names) if name.lower().endswith(".csv")]
    return [path for path in paths if is_table(path)]


def only_table(listing: Listing) -> Path:
    """The one table in a folder.

    Raises:
        ConfigError: there is none, or several.
    """
    found = tables(listing)
    if len(found) != 1:
        raise ConfigError(
            f"data.layout=csv: {listing.folder} has {len(found)} .csv files with the columns path "
            f"and label\nname one instead of the folder, or leave data.layout out: "
            f"{as_it_looks(listing)}"
        )
    return found[0]


def from_table(path: Path, layout: Layout) -> Found:
    """The rows of a table; paths in it are relative to its folder.

    Raises:
        ConfigError: another layout was asked for.
        DataError: the table is broken, or names files that are not there.
    """
    if layout not in (Layout.csv, Layout.auto):
        raise ConfigError(f"data.layout={layout}, and {path} is a file: data.layout=csv reads it")
    rows = table_rows(path)
    absent = [row.path for row in rows if not os.path.lexists(path.parent / row.path)]
    if absent:
        raise DataError(
            f"{path} names {len(absent)} files that are not there: {few(absent)}\n"
            f"paths in it begin at {path.parent}"
        )
    files = tuple(sorted((row.path for row in rows), key=lambda name: name.split("/")))
    listing = Listing(path.parent, files, layout=f"csv {shown(path.name)}")
    return Found(listing, listing, ordered(rows))


def no_images(what: str, listing: Listing, below: str = "") -> str:
    """That a folder, or a part of one, has no images, and what is left out there and why."""
    gone = {
        reason: [name for name in names if name.startswith(below)]
        for reason, names in listing.left_out.items()
    }
    told = [f"{len(names)} {reason}: {few(names)}" for reason, names in gone.items() if names]
    left_out = f"\nleft out: {'; '.join(told)}" if told else ""
    return f"{what} has no images{left_out}\nimages are files of {', '.join(FORMATS)}"
