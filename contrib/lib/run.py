"""contrib/run: builds, starts the bed, tells the story, stays up."""

import argparse
import os
import pathlib
import random
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests" / "e2e")]
sys.dont_write_bytecode = True

import build  # noqa: E402
from bed import bed as beds  # noqa: E402
from bed import judge, proc, show, story  # noqa: E402

# Exit status: the story failed; the bed or the build did.
STORY_FAILED, BROKEN = 1, 2

YOU = "you@north.example"

SEND = """\
#!/usr/bin/python3
# send RECIPIENT [SEGMENT] - one newsletter, as an application would.
import sys
import time
sys.dont_write_bytecode = True
sys.path.insert(0, {path!r})
from bed import mail
to, segment = (sys.argv[1:] + ["newsletter"])[:2]
data = mail.message("news@example.com", to, "Try it",
                    message_id=f"<{{time.time_ns()}}@app.example.com>",
                    fields=[("X-Tendril-Segment", segment)])
print(*mail.submit({port}, "news@example.com", [to], data).final)
"""


def arguments():
    """contrib/run tells what they mean."""
    parser = argparse.ArgumentParser(prog="contrib/run")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--break", dest="piece", choices=sorted(story.BREAKS))
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--build", default=os.environ.get("TENDRIL_BUILDDIR"))
    return parser.parse_args()


def programs(args, out):
    """The folder with the built programs."""
    if args.build:
        return pathlib.Path(args.build).resolve()
    out.line("Building in build/run ...")
    begun = time.monotonic()
    folder = build.build("run")
    out.line(f"Built in {time.monotonic() - begun:.1f} s.")
    return folder


def write_send(bed):
    path = bed.root / "send"
    path.write_text(SEND.format(path=str(pathlib.Path(beds.__file__).parents[
        1]), port=bed.ports["apps"]))
    path.chmod(0o755)
    return path


def tell_where(bed, out):
    send = write_send(bed)
    bed.tendril.cli("consent", "grant", YOU, story.PURPOSE)
    out.line(f"Send mail ({YOU} has agreed to get the newsletter)", "bold")
    for what, where in (
            ("a newsletter", f"{send} {YOU} [newsletter|webinar]"),
            ("any application", f"127.0.0.1:{bed.ports['apps']}, header "
             "X-Tendril-Segment; From example.com"),
            ("sendmail(1)", f"sendmail -C {bed.hub.config_dir} {YOU}"),
            ("a stranger", f"127.0.0.1:{bed.ports['smtp25']} from "
             f"{beds.STRANGER}, to *@example.com")):
        out.line(f"  {what:16} {where}")
    out.line(f"Ask (with {bed.tendril.builddir} in $PATH)", "bold")
    out.line(f"  export TENDRIL_CONF={bed.conf_file}")
    out.line(f"  tendril explain {YOU} newsletter")
    out.line("Look", "bold")
    for what, where in (
            ("the outside got", bed.root / "outside"),
            ("the milter says", bed.tendril.milter.log_path),
            ("the agent says", bed.tendril.agent.log_path),
            ("Postfix says", bed.hub.maillog),
            ("conf", bed.conf_file), ("policy", bed.conf.policy_file),
            ("API, /metrics", f"unix socket {bed.conf.api}")):
        out.line(f"  {what:16} {where}")
    out.line()


def stay_up(bed, out):
    """Until a signal: a line for each message that arrives."""
    tell_where(bed, out)
    out.line("Running. Ctrl-C ends it and removes all of this.", "bold")
    seen = len(bed.sink.messages())
    while True:
        time.sleep(0.2)
        for message in bed.sink.messages()[seen:]:
            seen += 1
            signed = judge.signature_summary(message.data, bed.zone)
            out.line(f"outside got {message.number:04d}.eml for "
                     f"{', '.join(message.recipients)}; dkimpy: {signed}")


def run(args, out):
    seed = random.SystemRandom().randrange(10 ** 6) if args.seed is None \
        else args.seed
    folder = programs(args, out)
    out.line(f"Seed {seed}."
             + (f" Broken on purpose: {args.piece}." if args.piece else ""))
    with story.make_bed(folder, piece=args.piece, keep=args.keep) as bed:
        if args.keep:
            out.line(f"Files stay in {bed.root}.")
        story.start(bed)
        passed, failed = story.tell(bed, seed, out, args.piece)
        if not args.once:
            stay_up(bed, out)
    out.line(f"{passed} passed, {failed} failed")
    return STORY_FAILED if failed else 0


def stop_on_signal(signum, _frame):
    sys.exit(128 + signum)


def main():
    args = arguments()
    out = show.Show()
    os.umask(0o022)  # what Postfix's own users read is among the files
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, stop_on_signal)
    try:
        return run(args, out)
    except build.BuildError as error:
        out.line(f"building failed: {error}")
        if error.log:
            out.line(f"{build.tail(error.log)}\nwhole log: {error.log}")
    except proc.BedError as error:
        out.line(f"the test bed failed: {error}")
    except BrokenPipeError:  # whoever read our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN


if __name__ == "__main__":
    sys.exit(main())
