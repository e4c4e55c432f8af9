"""The processor time of tests, their commands included; ``pytest --cpu 20`` names the dearest."""

import resource
from collections import Counter

import pytest
import warm


def used():
    """Seconds that this process, its children and its commands have used so far."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return warm.seconds + sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Clock:
    """Splits the time of this process among the tests, and adds it up."""

    def __init__(self):
        self.last, self.tests = used(), Counter()

    def pytest_collection_finish(self):
        self.last = used()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        now = used()
        report.processor_time, self.last = now - self.last, now
        return report

    def pytest_runtest_logreport(self, report):
        self.tests[report.nodeid] += getattr(report, "processor_time", 0.0)  # a lost worker's

    def pytest_terminal_summary(self, terminalreporter, config):
        if config.option.cpu:
            terminalreporter.section("processor time")
            terminalreporter.line(f"{sum(self.tests.values()):8.1f} s  all tests")
            for test, seconds in self.tests.most_common(config.option.cpu):
                terminalreporter.line(f"{seconds:8.1f} s  {test}")


def pytest_addoption(parser):
    parser.addoption("--cpu", type=int, help="name as many tests that used most processor time")


def pytest_configure(config):
    config.pluginmanager.register(Clock())
