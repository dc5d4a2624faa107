"""One day of answers with Postfix: see answers.py. With mail handed in by SMTP,
and by sendmail(1)."""

import pytest

import answers
from bed import bed as beds


@pytest.fixture(params=["smtp", "sendmail"])
def story(build, tmp_path, request):
    world = answers.World(tmp_path)
    try:
        with beds.Bed(build, policy=answers.POLICY,
                      tweak=answers.tweak(world)) as bed:
            bed.late = answers.outside(bed, world)
            bed.start_milter()
            bed.start_agent()
            bed.start_hub()
            bed.start_late()
            yield answers.Story(bed, bed.hub, world, request.param)
            bed.stop_and_look()
    finally:
        world.stop()


def test_a_day(story):
    answers.tell(story)
