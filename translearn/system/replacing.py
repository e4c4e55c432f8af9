"""Files that exist are replaced where a user says so, and left alone where not."""

import argparse
from pathlib import Path

from translearn.errors import ConfigError


def add_force(parser: argparse.ArgumentParser) -> None:
    """Let a command be told that it may replace files."""
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def refuse_existing(option: str, path: Path, force: bool) -> None:
    """Refuse to write over a file.

    Args:
        option: that names the file.
        path: where it would be written; a device or a pipe may be written to.
        force: whether it may be replaced.

    Raises:
        ConfigError: it exists and may not.
    """
    if path.is_file() and not force:
        raise ConfigError(
            f"{option} {path} exists, and was left as it is\n"
            "add --force to replace it, or name another"
        )
