import re

import pytest

from translearn.commands.doctor import main
from translearn.commands.doctor_speed import Speed, hints

SLOW, FAST = Speed(1000, 1000), Speed(2000, 2000)


def test_what_is_as_it_should_be_gets_no_hint():
    assert not hints(SLOW, FAST, loop=FAST, bound=FAST, several=Speed(2100, 1000))
    assert not hints(SLOW, None, loop=SLOW, bound=SLOW, several=None)
    assert not hints(FAST, SLOW, loop=FAST, bound=FAST, several=None)


def test_hints_name_the_option_to_change():
    assert "run.precision=fp32" in hints(FAST, SLOW, SLOW, SLOW, None)[0]
    assert "run.precision=bf16" in hints(SLOW, FAST, SLOW, SLOW, None)[0]
    assert "1.80 times as fast with run.threads=" in hints(
        SLOW, FAST, FAST, FAST, Speed(3600, 1800)
    )[0]  # fmt: skip
    assert "50% of a step" in hints(SLOW, None, SLOW, FAST, None)[0]


@pytest.mark.slow
def test_the_doctor_measures(capsys, tmp_path):
    assert main(["--output-root", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert int(re.search(r"fp32, one thread +([\d,]+) samples", out)[1].replace(",", "")) > 10
    assert re.search(r"\d+% reached", out)
    assert not list(tmp_path.iterdir())
