"""The story on a terminal: progress, the table, where to look. 100 columns;
colour only on a terminal."""

import dataclasses
import os
import sys
import textwrap

WIDTH = 100
COLUMNS = (("recipient", 27), ("segment", 10), ("verdict", 7),
           ("reason, policy line", 21), ("outside got", 11),
           ("dkimpy says", 14))
COLOURS = {"red": "31", "green": "32", "bold": "1", "dim": "2"}


@dataclasses.dataclass
class Row:
    """What became of one message for one recipient."""

    recipient: str
    segment: str = "-"
    verdict: str = "-"
    reason: str = ""
    line: str = ""  # of the policy, and what it says
    rule: str = ""
    outside: str = "nothing"
    signed: str = "-"
    reply: str = ""
    complaints: list = dataclasses.field(default_factory=list)


class Show:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.colourful = out.isatty() and "NO_COLOR" not in os.environ

    def paint(self, colour, text):
        if not self.colourful:
            return text
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"

    def line(self, text="", colour=None):
        print(text if colour is None else self.paint(colour, text),
              file=self.out, flush=True)

    def verdict_of(self, rows):
        if any(row.complaints for row in rows):
            return self.paint("red", "NOT as expected")
        return self.paint("green", "as expected")

    def step(self, number, count, title, rows, seconds):
        self.line(f"[{number:2}/{count}] {title}: {self.verdict_of(rows)} "
                  f"({seconds:.1f} s)")

    def table(self, chapters):
        """chapters: (title, rows) in the order of the story."""
        self.line()
        self.line(self._cells([name for name, _ in COLUMNS]), "bold")
        self.line("-" * WIDTH, "dim")
        for number, (title, rows) in enumerate(chapters, 1):
            self.line(f"{self.paint('bold', f'{number}. {title}')}: "
                      f"{self.verdict_of(rows)}")
            for row in rows:
                self._row(row)
        self.line()

    def _row(self, row):
        why = f"{row.reason}, line {row.line}" if row.line else row.reason
        self.line(self._cells([row.recipient, row.segment, row.verdict, why,
                               row.outside, row.signed]))
        if row.rule:
            self._note(f"the policy says: {row.rule}", "dim")
        if row.reply:
            self._note(f"the MTA said: {row.reply}", "dim")
        for complaint in row.complaints:
            self._note(f"WRONG: {complaint}", "red")

    def _note(self, text, colour):
        for line in textwrap.wrap(text, WIDTH - 6):
            self.line(f"      {line}", colour)

    @staticmethod
    def _cells(texts):
        cells = []
        for text, (_, width) in zip(texts, COLUMNS):
            clean = "".join(c if c.isprintable() else "?" for c in text)
            short = clean if len(clean) <= width else clean[:width - 1] + "~"
            cells.append(short.ljust(width))
        return "  ".join(cells).rstrip()
