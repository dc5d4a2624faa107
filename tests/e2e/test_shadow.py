"""`mode = shadow` wherever it may stand: nothing is held or refused, and
`tendril shadow` tells what would have been, by which line."""

import json

import pytest

from bed import mail

NEWS = "news@example.com"
POLICY = """\
%(policy)s
attribute vip { type = flag }
audience everybody { condition = "not vip" }
person  { at-most = "%(p)d per 7d" %(person)s }
company { at-most = "%(c)d per 7d" %(company)s }
limit launch { for = everybody at-most = "%(l)d per 7d" %(limit)s }
segment newsletter {
  purpose     = newsletter
  legal-basis = legitimate-interest
  at-most     = "%(s)d per 7d"
  when-full   = reject
  %(segment)s
}
"""
MODE = "mode = shadow"
PLAIN = {"policy": "", "person": "", "company": "", "limit": "", "segment": "",
         "p": 9, "c": 9, "l": 9, "s": 9}


class Policy:
    def __init__(self, **values):
        self.values = {**PLAIN, **values}

    def text(self):
        return POLICY % self.values


def in_conf(conf):
    conf.mode = "shadow"


# What stands where, and the limit of one that is not kept.
CASES = {
    "segment": ({"segment": MODE, "s": 1}, None, "segment_cap"),
    "person": ({"person": MODE, "p": 1}, None, "person_cap"),
    "company": ({"company": MODE, "c": 1}, None, "company_cap"),
    "limit": ({"limit": MODE, "l": 1}, None, "person_cap"),
    "policy": ({"policy": MODE, "p": 1}, None, "person_cap"),
    "conf": ({"p": 1}, in_conf, "person_cap"),
}


def send(bed, number):
    to = "ann@north.example"
    data = mail.message(NEWS, to, f"Letter {number}",
                        fields=[("X-Tendril-Segment", "newsletter")],
                        message_id=f"<{number}@app.example.com>")
    return mail.submit(bed.ports["apps"], NEWS, [to], data).final[0]


@pytest.mark.parametrize("where", CASES)
def test_told_and_not_done(build, make_bed, where):
    values, tweak, reason = CASES[where]
    bed = make_bed(build, policy=Policy(**values), tweak=tweak)
    bed.start_milter()
    bed.start_agent()
    bed.start_hub()
    assert [send(bed, number) for number in range(3)] == [250] * 3
    bed.sink.wait("ann@north.example", count=3)
    told = json.loads(bed.tendril.cli("shadow", "--json").stdout)
    row, = (one for one in told["rows"] if one["would"] != "allow")
    assert (row["segment"], row["would"], row["reason"], row["messages"]) == \
        ("newsletter", "reject", reason, 2)
    line = bed.conf.policy_file.read_text().splitlines()[row["line"] - 1]
    assert 'at-most     = "1 ' in line or 'at-most = "1 ' in line
    assert {one["address"] for one in row["examples"]} == {"ann@north.example"}
    page = bed.tendril.cli("shadow").stdout
    assert "newsletter" in page and "ann@north.example" in page
