"""Which processors compute bf16 well, by what /proc/cpuinfo says of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from translearn.processor import bf16_of, first_processor

TEXTS = {path.stem: path.read_text() for path in (Path(__file__).parent / "cpuinfo").glob("*.txt")}
JUDGED = {  # fast, present, a word of the reason
    "intel_sapphire_rapids": (True, True, "AMX"),
    "intel_sapphire_rapids_without_amx": (False, True, "without AMX"),
    "intel_cooper_lake": (False, True, "without AMX"),
    "intel_ice_lake": (False, False, "no fast bf16"),
    "intel_haswell": (False, False, "no fast bf16"),
    "amd_zen3": (False, False, "no fast bf16"),
    "amd_zen4": (True, True, "AMD"),
    "amd_zen5": (True, True, "AMD"),
    "arm_neoverse_v1": (False, False, "ARM"),
}


def test_every_text_is_judged():
    assert TEXTS.keys() == JUDGED.keys()


@pytest.mark.parametrize("name", sorted(JUDGED))
def test_bf16_is_fast_where_the_flags_say_so(name):
    fast, present, word = JUDGED[name]
    found = bf16_of(TEXTS[name])
    assert (found.fast, found.present) == (fast, present)
    assert word in found.reason


def test_amx_without_its_tiles_is_none():
    text = TEXTS["intel_sapphire_rapids"].replace(" amx_tile", "")
    assert not bf16_of(text).fast


def test_a_system_without_cpuinfo_stays_in_fp32():
    found = bf16_of("")
    assert not found.fast
    assert "does not tell" in found.reason


def test_the_first_processor_alone_is_read():
    facts = first_processor(TEXTS["amd_zen4"])
    assert facts["processor"] == "0"
    assert facts["vendor_id"] == "AuthenticAMD"
    assert facts["power management"] == ""


def test_this_machine_is_judged_without_torch():
    code = "import sys, translearn.processor as p; p.bf16_of(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
