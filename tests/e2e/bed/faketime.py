"""One wall clock for the programs of a bed, which a test sets: Debian's
libfaketime, preloaded into the daemons and into what Postfix's master starts.

The clock goes on by itself, from wherever it was set; what is measured by
clocks that never go back (time-outs) stays real. So the MTA's log and the
daemons have the same time, and nobody notices that three weeks took a minute.
"""

import datetime
import math
import os
import pathlib
import time

from . import proc

LIBRARY = "faketime/libfaketimeMT.so.1"
# What master(8) hands on, as postconf(5) has it.
IMPORTED = "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE " \
    "POSTLOG_HOSTNAME"


class Clock:
    """file: where the programs read what time it is."""

    def __init__(self, file, instant):
        found = sorted(pathlib.Path("/usr/lib").glob(f"*/{LIBRARY}"))
        if not found:
            raise proc.BedError("the Debian package faketime is missing")
        self._file = pathlib.Path(file)
        self.env = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",  # looked at whenever time is asked
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",  # the times of files are the kernel's
        }
        self.set(instant)

    @property
    def import_environment(self):
        """For main.cf."""
        return " ".join([IMPORTED, *(f"{name}={value}" for name, value
                                     in self.env.items())])

    def set(self, instant):
        """instant: an aware datetime. Forward or back, for all at once."""
        offset = math.ceil(instant.timestamp() - time.time())
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset:+d}\n")
        os.replace(fresh, self._file)
        self._offset = offset

    def now(self):
        return datetime.datetime.fromtimestamp(time.time() + self._offset,
                                               datetime.timezone.utc)
