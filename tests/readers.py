"""What opens files for reading in the package, found by a rule."""

import ast
from collections.abc import Iterator
from pathlib import Path

import translearn

ROOT = Path(translearn.__file__).parent


# Calls that read a file: by the whole name, or by its last part where the object may be anything.
WHOLE = {
    "np.load", "np.loadtxt", "numpy.load", "torch.load", "Image.open", "wavfile.read", "gzip.open",
    "bz2.open", "lzma.open", "tarfile.open", "zipfile.ZipFile", "OmegaConf.load", "safe_open",
    "load_file", "torch.export.load", "mmap.mmap", "pd.read_csv", "yaml.load", "yaml.safe_load",
    "json.load", "csv.reader", "csv.DictReader", "np.fromfile", "np.memmap", "np.genfromtxt",
    "os.open", "io.open", "Image.init",
}  # fmt: skip
LAST = {"read_text", "read_bytes", "loadmat", "whosmat", "load_svmlight_file", "urlopen"}
READS = {"content", "text", "json_value", "json_lines", "yaml_value", "opened", "unpacked",
         "open_content", "file_digest"}  # our own  # fmt: skip


def readers() -> dict[str, list[str]]:
    """``module.function`` -> what it calls that opens a file for reading."""
    found: dict[str, list[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for place, call in calls(ast.parse(path.read_text(encoding="utf-8")), module):
            if reads(call):
                found.setdefault(place, []).append(ast.unparse(call.func))
    return found


def calls(node: ast.AST, place: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call below a node, with the function or class in which it stands."""
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        inside = f"{place}.{child.name}" if named else place
        if isinstance(child, ast.Call):
            yield inside, child
        yield from calls(child, inside)


def reads(call: ast.Call) -> bool:
    """Whether a call opens a file for reading."""
    name = ast.unparse(call.func)
    last = name.rpartition(".")[2]
    if name == "open" or (last == "open" and name not in WHOLE and "." in name):
        modes = [
            *call.args[(name == "open") :],
            *(k.value for k in call.keywords if k.arg == "mode"),
        ]
        modes = [m.value for m in modes if isinstance(m, ast.Constant) and isinstance(m.value, str)]
        return not any(set(mode) & set("wax") for mode in modes)
    return name in WHOLE or last in LAST or (last in READS and (name == last or "reading." in name))
