"""Runs files of tests side by side: most tests wait, few compute.

Each file has a pytest process of its own, so one that crashes fails alone, in
a network of its own that is nothing but loopback, so a port that is free is
free. What a file prints and its report stand in a folder beside the log; in
the end all output is in the log, that of failed files last, and one report
has all tests.

Run as a program, this file is the first thing in such a network.
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as etree

PYTEST = ("-m", "pytest", "-p", "no:cacheprovider", "-v", "--durations=10")
NO_TESTS = 5  # pytest's exit status where -m leaves none of a file
COUNTS = ("tests", "failures", "errors", "skipped")
POLL_S = 0.05


@dataclasses.dataclass
class Child:
    """A file of tests and the process that runs it."""

    path: pathlib.Path
    folder: pathlib.Path  # for what it prints and reports
    # For its tests' folders, which pytest makes. One root for all of them
    # would be closed to other users by each pytest that begins.
    tmp: pathlib.Path

    def start(self, args, **options):
        self._begun = time.monotonic()
        with open(self.output, "w", encoding="utf-8") as out:
            self._popen = subprocess.Popen(
                ["unshare", "--net", sys.executable, __file__, *PYTEST,
                 f"--junitxml={self._report}",
                 f"--basetemp={self.tmp}", *args, self.path],
                stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, **options)

    @property
    def output(self):
        return self.folder / f"{self.path.stem}.log"

    @property
    def _report(self):
        return self.folder / f"{self.path.stem}.xml"

    def has_ended(self):
        if self._popen.poll() is None:
            return False
        self.seconds = time.monotonic() - self._begun
        self.suite = self._suite()
        return True

    def _suite(self):
        """The report's tests; an end without one, or a bad one that no test
        explains, is an error too."""
        status, suite = self._popen.returncode, None
        try:
            suite = etree.parse(self._report).getroot().find("testsuite")
        except (OSError, etree.ParseError):
            pass
        if suite is None:
            suite = etree.Element("testsuite", dict.fromkeys(COUNTS, "0"))
            status = f"{status}, and no report"
        if status not in (0, NO_TESTS) and not bad(suite):
            case = etree.SubElement(suite, "testcase", {
                "classname": self.path.stem, "name": "process"})
            etree.SubElement(case, "error", {
                "message": f"pytest ended with {status}"})
            for key in ("tests", "errors"):
                suite.set(key, str(int(suite.get(key)) + 1))
        return suite

    def kill(self):
        """The beds notice, and clean up."""
        self._popen.kill()
        self._popen.wait()

    def title(self):
        counts = ", ".join(f"{self.suite.get(key)} {key}" for key in COUNTS)
        return f"{self.path.name}: {counts} ({self.seconds:.1f} s)"


def bad(suite):
    return int(suite.get("failures")) + int(suite.get("errors"))


def run(files, args, log, *, jobs, **options):
    """Run `files` in this order, `jobs` at a time, with the words `args` for
    each pytest; options (cwd, env) are Popen's. Returns the path of the
    report, beside the log."""
    folder = log.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="tp-"))
    tmp.chmod(0o755)
    waiting = [Child(pathlib.Path(path), folder, tmp / str(number))
               for number, path in enumerate(files)]
    running, ended = [], []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                child = waiting.pop(0)
                child.start(args, **options)
                running.append(child)
            time.sleep(POLL_S)
            ended += [child for child in running if child.has_ended()]
            running = [child for child in running if child not in ended]
    finally:
        for child in running:
            child.kill()
        shutil.rmtree(tmp, ignore_errors=True)
    ended.sort(key=lambda child: bad(child.suite))
    write_log(ended, log)
    return write_report(ended, log.with_suffix(".xml"))


def write_log(children, log):
    with open(log, "a", encoding="utf-8") as out:
        for child in children:
            text = child.output.read_text(errors="replace")
            print(f"=== {child.title()}\n{text}", file=out)
        for child in children:
            print(f"=== {child.title()}", file=out)


def write_report(children, path):
    """The suites of all, and in front their sum, as from one pytest."""
    whole = etree.Element("testsuite", name="pytest")
    for key in COUNTS:
        whole.set(key, str(sum(int(child.suite.get(key))
                               for child in children)))
    for child in children:
        whole.extend(child.suite)
    root = etree.Element("testsuites")
    root.append(whole)
    etree.ElementTree(root).write(path)
    return path


def begin_here(argv):
    """Python with argv, in this network."""
    here = pathlib.Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(here / "tests" / "e2e"))
    from bed import machine
    machine.raise_loopback()
    os.execv(sys.executable, [sys.executable, *argv])


if __name__ == "__main__":
    begin_here(sys.argv[1:])
