"""contrib/check: which tests of a stage failed, and the first line of why.

Each function returns a list of lines, empty where nothing tells. The reports
are our own tests', but a test that broke may have left anything in them.
"""

import re
import xml.etree.ElementTree

WIDTH = 160
MOST = 20

# What automake's driver says of a program: "FAIL: tests/unit/test_x 7 - name".
_VERDICT = re.compile(r"(FAIL|XPASS|ERROR): (\S+) (.+)")
_SECTION = re.compile(r"(?:FAIL|ERROR): (\S+)")
# Lines of a log that tell more than others.
_TELLING = re.compile(r"\berror: |NOT as expected|SUMMARY: \w+Sanitizer: |"
                      r": runtime error: |\*\*\* ")


def _first_line(text):
    return next((line.strip() for line in text.splitlines() if line.strip()),
                "")


def of_junit(report):
    """From what pytest wrote."""
    if not report.exists():
        return []
    try:
        root = xml.etree.ElementTree.parse(report).getroot()
    except xml.etree.ElementTree.ParseError as why:
        return [f"{report.name}: {why}"]
    lines = []
    for case in root.iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}.py::" \
               f"{case.get('name')}"
        lines += [f"{name}: {_first_line(bad.get('message') or '')}"
                  for bad in case if bad.tag in ("failure", "error")]
    return lines


def of_suite(suite):
    """From automake's test-suite.log, which has a section for each program
    that failed: its output, and after each bad line what the driver says."""
    if not suite.exists():
        return []
    found, program = [], ""
    lines = suite.read_text(errors="replace").splitlines()
    for line, after in zip(lines, lines[1:] + [""]):
        section = _SECTION.fullmatch(line)
        verdict = _VERDICT.fullmatch(line)
        if section and after.startswith("==="):
            program = section[1]
        elif verdict and verdict[2] == program:
            found.append(f"{program} {verdict[3]}{_place(after)}")
        elif re.match(r"SUMMARY: \w+Sanitizer: ", line) or \
                ": runtime error: " in line:
            found.append(f"{program}: {line}")
    return _without_echo(found)


def _place(line):
    """`# at FILE:LINE`, as tap.h writes it below a test that failed."""
    return f" ({line[2:]})" if line.startswith("# at ") else ""


def _without_echo(found):
    """Status 1 is how a program says that a test of it failed."""
    failed = {line.split()[0] for line in found if " - exited" not in line}
    return [line for line in found
            if not (line.endswith(" - exited with status 1") and
                    line.split()[0] in failed)]


def of_log(log):
    """For a stage that counts nothing: lines that tell, else the last one."""
    if not log.exists():
        return []
    lines = [line.strip() for line in
             log.read_text(errors="replace").splitlines() if line.strip()]
    return [line for line in lines if _TELLING.search(line)] or lines[-1:]


def table(stages):
    """What is printed of {stage: lines}: at most MOST lines, each stage's
    share of them, every stage at least one."""
    shown, room = [], MOST
    for left, (stage, lines) in zip(range(len(stages), 0, -1),
                                    stages.items()):
        share = max(1, room // left)
        more = len(lines) - share
        if more > 0 and share > 1:
            lines = [*lines[:share - 1], f"... and {more + 1} more"]
        lines = lines[:share] or ["nothing in its log tells why"]
        shown += [f"  {stage}: {line}"[:WIDTH] for line in lines]
        room -= len(lines)
    return shown
