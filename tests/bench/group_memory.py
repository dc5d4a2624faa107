"""Memory: the largest resident size of each filter after 256 connections sent
64 KB mail at once. Each is started afresh for it."""

from benchlib import Unavailable, group

LOAD = ("-c", 256, "-b", 65536, "-t", 4)


@group("memory", "largest resident size, 256 connections, 64 KB mail")
def run(bench):
    peaks = {}
    for make in (bench.opendkim, bench.null, bench.tendril):
        try:
            peer = make()
        except Unavailable as why:
            bench.skip(f"memory.{make.__name__}", str(why))
            continue
        with bench.running(peer) as up:
            if not up:
                continue
            try:
                figures = bench.load(peer, *LOAD)
            except Unavailable as why:
                bench.skip(f"memory.{peer.name}", str(why))
                continue
            peaks[peer.name] = [figures["rss_peak"] / 1024]
    for name, peak in peaks.items():
        against = peaks.get("opendkim") if name != "opendkim" else None
        bench.line(f"memory.256.{name}", peak, "MB",
                   "memory.256.opendkim" if against else "", against)
