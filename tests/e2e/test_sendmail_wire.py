"""The milter as Sendmail speaks to it, played by tests/mta/milterclient: each
macro at the one step where Sendmail has it ({daemon_name} at CONNECT, i and
{auth_authen} at MAIL, none at the end), and no log that is followed.
test_sendmail.py has the real one."""

import pytest

from apps import NEWS, dial
from bed import bed as beds
from bed import conf, mail
from milterclient import Client
from test_sendmail import no_log

# sendmail/cf/m4/cfhead.m4 of 8.17.
MACROS = {
    "connect": ["j", "_", "{daemon_name}", "{if_name}", "{if_addr}"],
    "helo": ["{tls_version}", "{cipher}", "{cipher_bits}", "{cert_subject}",
             "{cert_issuer}"],
    "mail": ["i", "{auth_type}", "{auth_authen}", "{auth_ssf}",
             "{auth_author}", "{mail_mailer}", "{mail_host}", "{mail_addr}"],
    "rcpt": ["{rcpt_mailer}", "{rcpt_host}", "{rcpt_addr}"],
    "data": [], "eoh": [], "eom": ["{msg_id}"], "unknown": [],
}
# What the machine's own submission program (MSP) looks like: by SMTP.
MSP = Client(host="localhost", address="127.0.0.1", port=41234,
             daemon_name="apps")
LOGIN = """\
stream crm {
  class = "nurture"
  sasl-user = {"crm"}
  from-domains = {"example.com"}
  segment = "newsletter"
}

"""


def tweak(text):
    no_log(text)
    plain = text.text
    text.text = lambda: plain().replace("stream news {",
                                        LOGIN + "stream news {")


@pytest.fixture(scope="module")
def bed(build):
    policy = conf.PolicyText(basis="legitimate-interest",
                             segment_cap="2 per 7d")
    with beds.Bed(build, policy=policy, tweak=tweak) as made:
        made.start_milter()
        yield made
        made.stop_and_look()


def call(bed, client):
    link = dial(bed, client)
    link.macro_lists = MACROS
    return link


def send(link, person, queue_id, segment="newsletter"):
    link.hello()
    link.macros["{i}"] = queue_id  # known at MAIL, unlike Postfix's
    return link.send(mail.message(
        NEWS, person, "Hi", fields=[("X-Tendril-Segment", segment)]),
        NEWS, [person], queue_id=queue_id)


def decisions(bed, person):
    return [event for event in bed.tendril.events("decision")
            if event["to"] == person]


def test_listener_and_queue_id(bed):
    """Two messages in one connection, so {daemon_name} comes once."""
    with call(bed, Client(daemon_name="apps")) as link:
        for number in (1, 2):
            person = f"l{number}@north.example"
            sent = send(link, person, f"6AMEQ{number}")
            assert sent.outcome == "accept"
            assert sent.mail.get("DKIM-Signature")
            decision, = decisions(bed, person)
            assert decision["qid"] == f"6AMEQ{number}"
            assert decision["stream"] == "news"


def test_login(bed):
    client = Client(daemon_name="MSA", sasl=("PLAIN", "crm"))
    with call(bed, client) as link:
        assert send(link, "s@north.example", "6AMEQ3").outcome == "accept"
    assert decisions(bed, "s@north.example")[0]["stream"] == "crm"


def test_another_listener_is_not_ours(bed):
    with call(bed, Client(daemon_name="MTA")) as link:
        sent = send(link, "x@north.example", "6AMEQ4")
        assert sent.outcome == "accept" and sent.changes == []
    assert decisions(bed, "x@north.example") == []


def test_a_decision_counts_at_once(bed):
    """No log tells what became of it, so the same message is another."""
    with call(bed, Client(daemon_name="apps")) as link:
        outcomes = [send(link, "c@north.example", f"6AMER{number}").outcome
                    for number in range(3)]
    assert outcomes == ["accept", "accept", "reject"]


def test_submission_program_is_refused_as_others_are(bed):
    """Sendmail's own sendmail(1) hands in by SMTP and keeps what is not
    taken: unlike Postfix's pickup it may be told so."""
    with call(bed, MSP) as link:
        outcomes = [send(link, "m@north.example", f"6AMES{number}").outcome
                    for number in range(3)]
    assert outcomes == ["accept", "accept", "reject"]
