import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from real_formats import real_root, write_mnist

from translearn.commands import data as cli
from translearn.commands.data import run_command
from translearn.components import build, check
from translearn.config import RunConfig, conf_dir, plain
from translearn.data.files import receiving
from translearn.data.sets.catalog import DATA_SETS, data_needs
from translearn.data.types import DataSource

DATA_YAMLS = sorted(path.stem for path in (Path(conf_dir()) / "data").glob("*.yaml"))
HERE = Path(__file__).parents[3]
TEXTS = [HERE / "README.md", *(HERE / "docs").rglob("*.md")]


@pytest.mark.parametrize("name", DATA_YAMLS)
def test_every_data_config_stands_in_a_table_of_the_documentation(name):
    rows = [line for path in TEXTS for line in path.read_text().splitlines() if line[:1] == "|"]
    assert any(f"`{name}`" in row.split("|")[1] or f"data={name}`" in row for row in rows)


@pytest.mark.parametrize("name", DATA_YAMLS)
def test_every_data_yaml_composes_and_builds(name):
    lines = (Path(conf_dir()) / "data" / f"{name}.yaml").read_text().splitlines()
    assert lines[0] == "# @package _global_" and lines[1].startswith("# about: ")
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        config = compose("config", [f"data={name}"])
    config = plain(OmegaConf.masked_copy(config, ["data", "run", "data_root"]))
    RunConfig.of(config["run"])
    assert config["data"]["name"] == name
    check("data", config["data"], DataSource, ["root", "download"])
    if name in ("folder", "vectors", "signals"):
        config["data"].update(source="a", target="b")
    if name == "folder_zeroshot":
        config["data"].update(folder="a")
    source = build(config["data"], DataSource, root=config["data_root"])
    assert source.needs == data_needs()[name].sets
    for data_set in source.needs:
        assert data_set.name in config["data"]["needs"]


def test_list_tells_what_is_there_and_how_to_get_the_rest(tmp_path, capsys):
    write_mnist(tmp_path)
    assert run_command(["list", "--root", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"present {tmp_path}/MNIST/raw/train-images-idx3-ubyte" in out
    assert f"missing {tmp_path}/USPS/usps.bz2" in out
    assert "tl-data prepare usps" in out and "tl-data prepare mnist" not in out
    assert "tl-data prepare office31" not in out and "images/<class>/*.jpg" in out
    assert "unverified: address (not tried)" in out
    for name in (*DATA_SETS, *data_needs()):
        assert name in out


def test_the_root_comes_from_the_environment(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TRANSLEARN_DATA", str(tmp_path))
    run_command(["list"])
    assert f"data root: {tmp_path}\n" in capsys.readouterr().out
    monkeypatch.delenv("TRANSLEARN_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    run_command(["list"])
    assert f"data root: {tmp_path}/.cache/translearn\n" in capsys.readouterr().out


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """A data set of four files whose checksums are those of the files below ``tmp_path``."""
    write_mnist(tmp_path)
    known = DATA_SETS["mnist"]
    resources = tuple(
        dataclasses.replace(
            resource, sha256=hashlib.sha256((tmp_path / resource.path).read_bytes()).hexdigest()
        )
        for resource in known.resources
    )
    monkeypatch.setitem(cli.DATA_SETS, "mnist", dataclasses.replace(known, resources=resources))
    return tmp_path


def test_what_a_config_needs_is_what_the_catalog_holds_now(tiny_mnist):
    assert data_needs()["usps_mnist"].sets[1] is cli.DATA_SETS["mnist"]


def test_verify_says_ok_differs_and_missing(tiny_mnist, capsys):
    arguments = ["verify", "mnist", "--root", str(tiny_mnist)]
    assert run_command(arguments) == 0
    assert capsys.readouterr().out.count("OK ") == 4
    folder = tiny_mnist / "MNIST/raw"
    (folder / "train-labels-idx1-ubyte").write_bytes(b"other")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    assert run_command(arguments) == 3
    captured = capsys.readouterr()
    assert f"differs  {folder}/train-labels-idx1-ubyte" in captured.out
    assert f"missing  {folder}/t10k-labels-idx1-ubyte" in captured.out
    assert captured.err.startswith("error: 2 of the files of mnist")


def test_prepare_of_a_complete_set_touches_no_network(tiny_mnist, capsys, monkeypatch):
    monkeypatch.setattr(receiving, "open_address", None)
    assert run_command(["prepare", "mnist", "--root", str(tiny_mnist)]) == 0
    assert "mnist is complete" in capsys.readouterr().out


def test_prepare_without_a_network_ends_with_3(tmp_path, capsys, monkeypatch):
    def unreachable(address):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(receiving, "open_address", unreachable)
    assert run_command(["prepare", "svhn_mnist", "--root", str(tmp_path)]) == 3
    error = capsys.readouterr().err
    assert "Network is unreachable" in error and "data=print_hand" in error
    assert run_command(["prepare", "office31", "--root", str(tmp_path)]) == 3
    assert "images/<class>/*.jpg" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["digits_photos", "print_hand", "folder"])
def test_sets_without_files_need_nothing(name, capsys, tmp_path):
    assert run_command(["prepare", name, "--root", str(tmp_path)]) == 0
    assert f"{name} needs" in capsys.readouterr().out


def test_an_unknown_name_gets_the_nearest(capsys):
    assert run_command(["verify", "mnits"]) == 2
    assert (
        capsys.readouterr().err == "error: the data set mnits does not exist; did you mean mnist?\n"
    )


def test_usage_errors_end_with_2():
    with pytest.raises(SystemExit) as caught:
        run_command(["fetch"])
    assert caught.value.code == 2


def test_it_imports_no_torch(tmp_path):
    code = (
        "import sys; from translearn.commands.data import run_command; "
        f"run_command(['list', '--root', {str(tmp_path)!r}]); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["mnist_mnistm", "usps", "office31"])
def test_the_real_files_are_what_the_checksums_say(name, capsys):
    assert run_command(["verify", name, "--root", real_root()]) == 0
