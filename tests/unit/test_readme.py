"""README is short, and every command in it and in docs runs; ``readme_commands`` finds them.

By default each ``tl-run`` composes and its parts bind to their signatures (of a sweep: every value
of every option once), and the arguments of every other tool parse. Full: the first job of each
``tl-run`` really trains for three steps a phase, where its data is embedded or (realdata) under
TRANSLEARN_DATA. FOLDER in ``method.init`` is a run made here. What ``only_composed`` names is
not run here, for the reason there. A tool's bare name is a mention, unless the tool does
something by itself.
"""

import argparse
import os
import re
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from readme_commands import PAGES, ROOT, commands, commands_of
from runs import DATA, METHODS, config_of, train

from translearn.backbones.base import Backbone
from translearn.commands import data as data_cli
from translearn.commands import doctor, export, predict, table, verify
from translearn.components import build, check
from translearn.config import RunConfig
from translearn.data.pipeline.augment import Augment
from translearn.data.types import DataSource
from translearn.engine.checks import METHOD_PARTS
from translearn.engine.job import phase_settings
from translearn.launch.arguments import positional
from translearn.methods.base import Method

README = ROOT / "README.md"
WRITTEN_FOR_PEOPLE = (ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md")
TOOLS = {
    "tl-table": table.main,
    "tl-predict": predict.main,
    "tl-export": export.main,
    "tl-data": data_cli.run_command,
    "tl-verify": verify.main,
    "tl-doctor": doctor.main,
}
MENTIONS = (["tl-predict"], ["tl-export"], ["tl-data"])
COMMANDS = [words for words in commands() if words not in MENTIONS]
RUNS = [words for words in COMMANDS if words[0] == "tl-run"]
OTHERS = [words for words in COMMANDS if words[0] != "tl-run"]
# Who starts the jobs; each needs an extra, and tests/cli/test_sweeps.py starts jobs by them.
LAUNCHING = ("sweep", "hydra/launcher", "hydra/sweeper", "run.like")
# The run that ``method.init=FOLDER`` stands for, by the method that starts from it.
EARLIER = {
    "finetune": ("method=source_only",),
    "zeroshot": ("method=zeroshot", "method/variant=eszsl"),
    "selftaught": ("method=selftaught", "data.target_labels_per_class=3"),
    "selfcluster": ("method=selfcluster", "method/cluster=kmeans"),
}


def jobs_of(words):
    """Overrides of jobs that have every value of every swept option, but not every combination."""
    choices = []
    for override in OverridesParser.create().parse_overrides(positional(words[1:])):
        key = override.get_key_element()
        if key in LAUNCHING:
            continue
        if not override.is_discrete_sweep():
            choices.append([str(override.input_line)])
        elif key == "seed":
            choices.append(["seed=1"])
        else:
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
    count = max(map(len, choices), default=1)
    return [[values[i % len(values)] for values in choices] for i in range(count)]


def without_hydra(job):
    """The overrides of a job without those of who starts it."""
    return [override for override in job if not override.startswith("hydra.")]


def named(words):
    """A test's name."""
    return shlex.join(words)


def test_commands_are_found_in_blocks_spans_and_tables():
    text = (
        "    pip install . && tl-run\n    tl-run -m seed=0,1 \\\n      run=smoke\n\n"
        "Say `tl-data list` and `method=none`:\n\n"
        "| Idea | Command: `tl-run method=a data=b` and |\n|---|---|\n"
        "| one `x=1` | `data=c d=[1]` or `e=2` (with `f=3`) |\n\n"
        "| `tl-table [FOLDER ...] [--csv FILE]` | `tl-predict RUN A\\|B > out.csv` |\n"
    )
    assert [named(words) for words in commands_of(text)] == [
        "tl-run",
        "tl-run -m seed=0,1 run=smoke",
        "tl-data list",
        "tl-run method=a data=b",
        "tl-run method=a data=c 'd=[1]'",
        "tl-run method=a data=b e=2",
        "tl-table FOLDER --csv FILE",
        "tl-predict RUN A",
    ]


def test_the_readme_has_a_command_for_every_method_and_tool():
    text = "\n".join(map(named, commands_of(README.read_text())))
    assert not [tool for tool in TOOLS if tool not in text]
    assert not [method for method in METHODS if not re.search(rf"method=\S*{method}\b", text)]
    assert len(RUNS) > 50


def test_the_readme_is_one_page():
    assert len(README.read_text().splitlines()) <= 150


def test_the_readme_passes_the_tests_as_ci_does():
    stages = (ROOT / ".ci" / "stages.py").read_text().replace("install -q", "install")
    commands = ("pip install '.[test]'", "pytest")
    assert " && ".join(commands) in README.read_text()
    assert all(f'"{command}"' in stages for command in commands)


@pytest.mark.parametrize("data", DATA)
def test_every_data_set_has_a_row_of_its_own(data):
    rows = (ROOT / "docs" / "data.md").read_text().splitlines()
    assert len([row for row in rows if row.startswith(f"| `{data}` |")]) == 1


def test_every_page_is_in_the_menu_of_the_site():
    menu = (ROOT / "mkdocs.yml").read_text()
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in PAGES if path != README]
    assert not [page for page in pages if not re.search(rf"(?<= ){page}$", menu, re.MULTILINE)]


@pytest.mark.parametrize("page", [*PAGES, *WRITTEN_FOR_PEOPLE], ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(page):
    text = re.sub(r"^```diff\n.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.full
def test_every_run_composes_and_binds():
    wrong = {}
    for words in RUNS:
        try:
            for job in jobs_of(words):
                check_parts(config_of(*without_hydra(job)))
        except Exception as error:
            wrong[named(words)] = f"{type(error).__name__}: {error}"
    assert not wrong, "\n".join(f"{command}\n  {error}" for command, error in wrong.items())


def check_parts(config):
    """Each part's keyword arguments bind to its class."""
    run = RunConfig.of(config["run"])
    check("data", config["data"], DataSource, ["root", "download"])
    check("backbone", config["backbone"], Backbone, ["input_shape"])
    check("augment", config["augment"], Augment, ["size"])
    check("method", config["method"], Method, METHOD_PARTS)
    assert phase_settings(run, config["method"]["phases"])


class ParsedError(BaseException):
    """The arguments are well; nothing more is to happen."""


@pytest.mark.parametrize("words", OTHERS, ids=named)
def test_every_other_command_parses(words, monkeypatch):
    parse = argparse.ArgumentParser.parse_args

    def parse_alone(*arguments):
        parse(*arguments)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_alone)
    with pytest.raises(ParsedError):
        TOOLS[words[0]](words[1:])


def only_composed(words):
    """Why a command is not run here, or None."""
    command = named(words)
    for part, why in {
        "run.resume": "tests/cli/test_resume.py resumes",
        "run.like": "tests/cli/test_earlier.py",
        "run.dry": "tests/unit/test_dry.py",
        "--": "prints, tests/cli/test_start_up.py",
        "=myself": "needs one's own recordings",
        "data=folder": "needs one's own images",
        "data=vectors": "needs one's own file, tests/cli/test_kinds.py",
        "data=signals": "needs one's own file, tests/cli/test_kinds.py",
        "awa2": "needs the published features",
        "office31": "decodes photos for minutes, tests/cli/test_real_data.py",
        "sweep=": "needs an extra, tests/cli/test_sweeps.py",
        "method.init=outputs": "names the folders of the command above it",
        "method=selfcluster data=usps_mnist": "groups 54,000 images, a minute or two each",
    }.items():
        if part in command:
            return why
    return None


def run_first_job(words, tmp_path):
    """Train the first job of a command for three steps a phase."""
    job = without_hydra(jobs_of(words)[0])
    small = ["run=smoke", "run.eval_samples=64", f"output_root={tmp_path}"]
    config = config_of(*job, *small)
    if config["method"].get("init") == "FOLDER":
        data = config["data"]["name"]
        earlier = tmp_path / "earlier"
        before = (*EARLIER[config["method"]["name"]], f"data={data}", *small)
        train(earlier, *before)
        (earlier / ".hydra").mkdir()
        OmegaConf.save(config_of(*before), earlier / ".hydra" / "config.yaml")
        job = [part.replace("=FOLDER", f"={earlier}") for part in job]
    assert train(tmp_path / "run", *job, *small)["status"] == "done"


def needs(words):
    """The data sets that the first job of a command reads."""
    return build(config_of(*jobs_of(words)[0])["data"], DataSource, root="").needs


RUNNABLE = [words for words in RUNS if not only_composed(words)]


@pytest.mark.full
@pytest.mark.parametrize("words", RUNNABLE, ids=named)
def test_every_run_on_embedded_data_trains(words, tmp_path):
    if needs(words):
        pytest.skip("its data is not embedded")
    run_first_job(words, tmp_path)


@pytest.mark.full
@pytest.mark.realdata
@pytest.mark.skipif("TRANSLEARN_DATA" not in os.environ, reason="TRANSLEARN_DATA is not set")
@pytest.mark.parametrize("words", RUNNABLE, ids=named)
def test_every_run_on_real_data_trains(words, tmp_path):
    sets = needs(words)
    root = Path(os.environ["TRANSLEARN_DATA"])
    lacking = [r.path for data_set in sets for r in data_set.resources if not r.find(root)]
    if not sets or lacking:
        pytest.skip(f"data: {lacking or 'embedded'}")
    run_first_job(words, tmp_path)
