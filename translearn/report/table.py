"""tl-table (being built)."""
from pathlib import Path
from typing import Any
def print_result(result: dict[str, Any], folder: Path) -> None:
    print({k: v for k, v in result["metrics"].items() if k.endswith("/accuracy")}, result["train_seconds"], result["train_core_seconds"], result["samples_per_second"], folder)
def print_table(folders): ...
def collect(folders): return []
