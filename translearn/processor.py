"""What the processor computes well, by the flags that the system tells. Imports no torch."""

from pathlib import Path
from typing import NamedTuple

CPUINFO = Path("/proc/cpuinfo")


class Bf16(NamedTuple):
    """Whether bf16 is the faster format on a processor.

    Attributes:
        fast: whether a step in bf16 takes less time than in fp32.
        present: whether there are instructions for it at all; without them it is emulated.
        reason: why, as part of a sentence.
    """

    fast: bool
    present: bool
    reason: str


def bf16_of(cpuinfo: str | None = None) -> Bf16:
    """Judge a processor by its flags alone, so that a machine type always gives the same bits.

    Fast are Intel's AMX and AMD's AVX512-BF16 (Zen 4 onward), which multiplies twice as many bf16
    numbers a cycle as fp32. Intel's AVX512-BF16 without AMX (Cooper Lake, Sapphire Rapids under a
    hypervisor that hides AMX) is slower than its fp32: 3,127 against 4,281 samples a core-second of
    the default run. ARM's bf16 was never measured here, and others found little gain under
    autocast (pytorch/pytorch#90828).

    Args:
        cpuinfo: text of /proc/cpuinfo; None: this machine's, "" where there is none.
    """
    facts = first_processor(read_cpuinfo() if cpuinfo is None else cpuinfo)
    flags = set(facts.get("flags", "").split())
    if {"amx_bf16", "amx_tile"} <= flags:
        return Bf16(True, True, "this processor multiplies bf16 in tiles, AMX")
    if "avx512_bf16" in flags and facts.get("vendor_id") == "AuthenticAMD":
        return Bf16(True, True, "this AMD processor has AVX512-BF16 at full rate")
    if "avx512_bf16" in flags:
        return Bf16(False, True, "this processor has AVX512-BF16 without AMX, slower than fp32")
    if "Features" in facts:
        return Bf16(False, False, "no measurement shows bf16 to be faster on ARM")
    if not flags:
        return Bf16(False, False, "this system does not tell what its processor can do")
    return Bf16(False, False, "this processor has no fast bf16")


def first_processor(cpuinfo: str) -> dict[str, str]:
    """Name -> value of the first processor in a text of /proc/cpuinfo."""
    lines = [line.partition(":") for line in cpuinfo.strip().split("\n\n")[0].splitlines()]
    return {name.strip(): value.strip() for name, _, value in lines}


def read_cpuinfo() -> str:
    """This machine's /proc/cpuinfo; empty on systems without one."""
    return CPUINFO.read_text("utf-8", "replace") if CPUINFO.exists() else ""
