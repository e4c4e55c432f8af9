"""The result of a run that did not come to its end. Imports no torch: a sweep writes it too."""

import logging
import traceback
from dataclasses import replace
from pathlib import Path

from translearn.artifacts.result import started, write_result
from translearn.artifacts.surroundings import surroundings
from translearn.config import Config
from translearn.system import terminal

log = logging.getLogger(__name__)


def write_failure(config: Config, folder: Path, error: BaseException) -> None:
    """Record a run that did not come to its end; a full disk must not hide the error itself."""
    result = replace(
        started(config, getattr(error, "status", "failed")),
        exit_code=getattr(error, "exit_code", 1),
        reason=str(error) or type(error).__name__,
        environment=surroundings(),
        warnings=terminal.notices(),
    )
    try:
        if result.exit_code == 1:
            text = "".join(traceback.format_exception(error))
            (folder / "traceback.txt").write_text(text, encoding="utf-8", errors="replace")
        write_result(folder, result)
    except OSError as second:
        log.warning("result.json could not be written: %s", second.strerror)
