"""One day of answers with Sendmail: see answers.py. Its log is followed, its
DSNs come back; mail is handed in by SMTP, and by its sendmail(1)."""

import re
import shutil

import pytest

import answers
from bed import bed as beds
from bed import proc, sendmail

pytestmark = pytest.mark.long


def tweak(root, world):
    change = answers.tweak(world, local='listener = {"MSA"}')

    def both(text):
        change(text)
        plain = text.text

        def changed():
            found, count = re.subn(r'(mta-log \{\s*file = ")[^"]*',
                                   rf"\g<1>{root}/maillog", plain())
            assert count == 1
            return found
        text.text = changed
    return both


def our_mta(bed, files):
    msa, = proc.free_ports(1)
    shutil.copy(bed.tendril.builddir / "tendril", bed.root)
    return sendmail.Sendmail(
        files, bed.root / "sendmail", ports={**bed.ports, "msa": msa},
        sink_port=bed.sink.port, socket=bed.conf.milter_socket,
        bounce_domain=beds.BOUNCE_DOMAIN, own_domains=[beds.OWN_DOMAIN],
        routes={beds.LATE_DOMAIN: bed.ports["late"]},
        maillog=bed.root / "maillog",
        ingest=f"{bed.root}/tendril ingest --conf {bed.conf_file}")


@pytest.fixture(params=["smtp", "sendmail"])
def story(build, tmp_path, request):
    try:
        files = sendmail.unpack(build)
    except sendmail.Missing as why:
        pytest.skip(f"Sendmail's packages cannot be had: {why}")
    world = answers.World(tmp_path)
    root = beds.make_root("/run")
    try:
        with beds.Bed(build, root=root, policy=answers.POLICY,
                      tweak=tweak(root, world)) as bed:
            bed.late = answers.outside(bed, world)
            mta = our_mta(bed, files)
            bed.start_milter()
            bed.start_agent()
            mta.start()
            bed.start_late()
            yield answers.Story(bed, mta, world, request.param)
            mta.stop()
            bed.stop_and_look()
    finally:
        world.stop()


def test_a_day(story):
    answers.tell(story)
