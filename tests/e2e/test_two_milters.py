"""Two tendril-milter on one ledger, as tendril-milter@brand starts them: a
limit of a person is one limit, whoever decides, and however close together."""

import collections
import concurrent.futures

import pytest

from bed import conf, mail, postfix, proc, tendril
from ledger import Ledger

NEWS = "news@example.com"
CAP = 3
POLICY = f"""\
person {{ at-most = "{CAP} per 7d" }}
segment newsletter {{
  purpose     = newsletter
  legal-basis = legitimate-interest
  when-full   = reject
}}
"""
PEOPLE = [f"p{number}@north.example" for number in range(12)]
EACH = 8  # come for each person, every other one by the second milter


@pytest.fixture
def bed(build, make_bed):
    """The MTA asks the first milter, and at the port "brand" the second."""
    one = make_bed(build, policy=conf.Fixed(POLICY))
    socket = one.root / "run" / "brand.sock"
    one.ports["brand"], = proc.free_ports(1)
    brand = one.root / "brand.conf"
    brand.write_text(one.conf.text().replace(
        f"unix:{one.conf.milter_socket}", f"unix:{socket}").replace(
            'listener = {"apps"}', 'listener = {"brand"}'))
    one.hub.services["brand"] = postfix.Service("brand", one.ports["brand"], **{
        **one.hub.services["apps"].options,
        "syslog_name": "postfix/brand", "milter_macro_daemon_name": "brand",
        "smtpd_milters": f"{{ unix:{socket}, default_action=tempfail }}"})
    (one.root / "second").mkdir()
    one.second = tendril.Tendril(build, brand, one.root / "second")
    one.start_milter()
    one.second.start_milter(socket)
    one.start_agent()
    one.start_hub()
    yield one
    one.second.stop()


def send(bed, number, to):
    port = bed.ports["brand" if number % 2 else "apps"]
    data = mail.message(NEWS, to, f"Letter {number}",
                        fields=[("X-Tendril-Segment", "newsletter")],
                        message_id=f"<{number}.{to}>")
    return to, mail.submit(port, NEWS, [to], data).final[0]


def test_a_limit_is_one(bed):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        said = collections.Counter(pool.map(
            lambda job: send(bed, *job),
            [(number, to) for to in PEOPLE for number in range(EACH)]))
    assert said == {**{(to, 250): CAP for to in PEOPLE},
                    **{(to, 550): EACH - CAP for to in PEOPLE}}
    bed.sink.wait(count=CAP * len(PEOPLE))
    ledger = Ledger(bed)
    ledger.wait_settled()
    got = collections.Counter(one.recipients[0]
                              for one in bed.sink.messages())
    assert got == {to: CAP for to in PEOPLE}
    decided = [len(one.events("decision")) for one in (bed.tendril, bed.second)]
    assert decided == [len(PEOPLE) * EACH / 2] * 2
    ledger.check()
    bed.second.stop()
    bed.tendril.stop()
    ledger.rebuild()
