"""The ledger of a bed, read from outside by tests/tools/ledgertool."""

import collections
import contextlib
import dataclasses
import shutil
import subprocess

from bed import proc


@dataclasses.dataclass(frozen=True)
class Slot:
    state: str  # proposed, queued, delivered, released
    lead: str
    queue_id: str
    address: str


class Ledger:
    """Each call opens the ledger anew; daemons may run meanwhile."""

    def __init__(self, bed):
        self._tool = bed.tendril.builddir / "tests" / "tools" / "ledgertool"
        self._bed = bed

    def _run(self, *words):
        return proc.run([self._tool, self._bed.conf_file, *words],
                        timeout_s=120).stdout

    @contextlib.contextmanager
    def held(self):
        """Meanwhile nobody else can write."""
        with subprocess.Popen(
                [self._tool, self._bed.conf_file, "hold"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout.readline() == b"held\n"
            yield

    def check(self):
        """Whole, or BedError. The number of events."""
        return int(self._run("check").split()[1])

    def rebuild(self):
        """The tables are what the events say, or BedError. Only at rest."""
        scratch = self._bed.root / "scratch"
        try:
            return int(self._run("rebuild", scratch).split()[1])
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def slots(self):
        """A Slot for each message that was ever let go."""
        return [Slot(*line.split(" ", 3))
                for line in self._run("slots").splitlines()]

    def states(self):
        """How many slots are in each state."""
        return collections.Counter(slot.state for slot in self.slots())

    def history(self):
        """(state, address) -> number of counted slots, as the caps see it."""
        counts = collections.Counter()
        for line in self._run("history").splitlines():
            state, counted, address = line.split(" ", 2)
            counts[state, address] += int(counted)
        return counts

    def wait_settled(self, timeout_s=30):
        """Wait until the log has decided every slot."""
        def settled():
            states = self.states()
            return states["proposed"] + states["queued"] == 0
        proc.wait_until(settled, timeout_s, "every slot decided")
