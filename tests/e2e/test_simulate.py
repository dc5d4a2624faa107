"""tendril simulate: other policies for what was really sent through Postfix,
beside what explain and SMTP said."""

import http.server
import json
import signal
import socketserver
import subprocess
import threading
import time

import pytest

from bed import conf, mail, proc, web

NEWS = "news@example.com"

POLICY = """\
segment newsletter {
  purpose = "newsletter"
  legal-basis = "legitimate-interest"
}
segment webinar {
  purpose = "events"
  legal-basis = "legitimate-interest"
}
"""
STRICT = """\
order = {webinar, newsletter}
company { at-most = "3 per 7d" }
segment newsletter {
  purpose = "newsletter"
  legal-basis = "legitimate-interest"
  at-most = "1 per 7d"
  when-full = "%s"
}
segment webinar { purpose = "events" legal-basis = "consent" }
"""


@pytest.fixture
def bed(build, make_bed):
    one = make_bed(build, policy=conf.Fixed(POLICY))
    one.start_milter()
    one.start_agent()
    one.start_hub()
    return one


def send(bed, recipient, number, segment="newsletter"):
    data = mail.message(
        NEWS, recipient, f"Letter {number}",
        fields=[("X-Tendril-Segment", segment)],
        message_id=f"<{number}.{segment}.{recipient}>")
    return mail.submit(bed.ports["apps"], NEWS, [recipient], data)


def simulate(bed, tmp_path, text, *words):
    file = tmp_path / "new.policy"
    file.write_text(text)
    done = bed.tendril.cli("simulate", "--policy", file, *words, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_sent(bed, tmp_path):
    for person in ("ann", "bob"):
        for number in (1, 2):
            assert send(bed, f"{person}@north.example", number).final[0] == 250
    assert send(bed, "ann@north.example", 1, "webinar").final[0] == 250
    bed.sink.wait("ann@north.example", 3)
    bed.sink.wait("bob@north.example", 2)

    same = json.loads(simulate(bed, tmp_path, POLICY, "--json"))
    assert same["messages"] == 5 and same["people"] == 2
    assert same["changed"] == 0
    assert same["simulated"] == same["recorded"] == {"sent": 5}

    told = json.loads(simulate(
        bed, tmp_path, STRICT % "drop", "--diff", "--json",
        "--by", "segment,company,hour"))
    assert told["compared"] == {"sent": 5}
    assert told["simulated"] == {"sent": 2, "dropped": 2, "refused": 1}
    assert told["changed"] == 3
    rows = {row["name"]: row for row in told["segments"]}
    assert rows["webinar"]["simulated"] == {"refused": 1}
    assert rows["newsletter"]["simulated"] == {"sent": 2, "dropped": 2}
    assert [row["name"] for row in told["companies"]] == ["north.example"]
    assert sum(row["messages"] for row in told["hours"]) == 5
    rules = {rule["reason"]: rule for rule in told["rules"]["simulated"]}
    assert rules["segment_cap"]["rule"] == 'at-most = "1 per 7d"'
    assert rules["segment_cap"]["dropped"] == 2

    page = simulate(bed, tmp_path, STRICT % "drop", "--diff")
    assert "It would have held 0 of 5 and not sent 3" in page
    assert "policy of today" in page and "newsletter" in page
    assert max(map(len, page.splitlines()[1:])) <= 110


def test_then_in_force_it_says_the_same(bed, tmp_path):
    """Simulated, then applied: the next message gets what was simulated."""
    for number in (1, 2):
        assert send(bed, "ann@north.example", number).final[0] == 250
    file = tmp_path / "strict.policy"
    file.write_text(STRICT % "reject")
    told = json.loads(simulate(bed, tmp_path, STRICT % "reject", "--json"))
    assert told["simulated"] == {"sent": 1, "bounced": 1}
    bed.tendril.cli("policy", "apply", file, "--reason", "test")
    done = bed.tendril.cli("explain", "ann@north.example", "newsletter",
                           "--json", check=False)
    reason = json.loads(done.stdout)["reason"]
    assert reason == told["rules"]["simulated"][0]["reason"] == "segment_cap"
    assert send(bed, "ann@north.example", 3).final[0] == 550
    # What was refused is a message that came, and the policy of now is fair.
    again = json.loads(simulate(bed, tmp_path, POLICY, "--json"))
    assert again["recorded"] == {"sent": 2, "bounced": 1}
    assert again["simulated"] == {"sent": 3}


def test_a_pause_and_a_new_address(bed, tmp_path):
    """What waited for a pause's end waits in the simulation too; and a person
    with a new address is one person."""
    bed.tendril.cli("segment", "pause", "newsletter", "--reason", "prices")
    assert send(bed, "ann@north.example", 1).final[0] == 250
    bed.tendril.cli("segment", "resume", "newsletter", "--reason", "right")
    bed.sink.wait("ann@north.example", 1)
    bed.tendril.cli("lead", "re-address", "ann@north.example",
                    "ann@south.example")
    assert send(bed, "ann@south.example", 2).final[0] == 250
    bed.sink.wait("ann@south.example", 1)

    same = json.loads(simulate(bed, tmp_path, POLICY, "--diff", "--json"))
    assert same["simulated"] == same["recorded"] == {"sent": 1, "held": 1}
    assert same["changed"] == 0 and same["people"] == 1
    assert same["stops"] == 1
    assert same["held_by_stops"] == {
        "recorded": 1, "simulated": 1, "compared": 1}
    page = simulate(bed, tmp_path, POLICY, "--diff")
    assert ("Held until a stop ended: 1; recorded: 1; policy of today: 1."
            in page)
    assert "The journal begins" in page

    told = json.loads(simulate(bed, tmp_path, STRICT % "drop", "--json"))
    assert told["simulated"] == {"held": 1, "dropped": 1}


def test_nothing_came(bed, tmp_path):
    page = simulate(bed, tmp_path, POLICY)
    assert "Nothing came in that time." in page


class Agent(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """In place of the agent: its simulation never ends."""

    daemon_threads = True
    begin = (200, {"id": 5})
    show = (200, {"id": 5, "state": "running", "share": 7})

    def __init__(self, path):
        super().__init__(str(path), Handler)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path))
        status, body = {"POST": self.server.begin, "GET": self.server.show,
                        "DELETE": (200, {})}[self.command]
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET = do_DELETE = answer

    def log_message(self, *words):
        pass


@pytest.fixture
def slow(build, make_bed, tmp_path):
    """A bed's conf, and an agent whose simulations do not end; the command
    line, begun."""
    bed = make_bed(build, policy=conf.Fixed(POLICY))
    bed.conf.api.parent.mkdir(parents=True, exist_ok=True)
    bed.agent_stub = Agent(bed.conf.api)
    file = tmp_path / "new.policy"
    file.write_text(POLICY)

    def begin():
        return subprocess.Popen(
            [bed.tendril.builddir / "tendril", "--conf",
             bed.tendril.conf_file, "simulate", "--policy", file],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield bed.agent_stub, begin
    bed.agent_stub.shutdown()
    bed.agent_stub.server_close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_it_stops_it(slow, how):
    agent, begin = slow
    asks = begin()
    proc.wait_until(lambda: ("GET", "/v1/simulate?id=5") in agent.asked, 10,
                    "a question how far it is")
    assert ("DELETE", "/v1/simulate?id=5") not in agent.asked
    asks.send_signal(how)
    _, said = asks.communicate(timeout=20)
    assert asks.returncode == 75
    assert said == "tendril: interrupted; the simulation is stopped\n"
    assert ("DELETE", "/v1/simulate?id=5") in agent.asked


def test_the_agent_is_started_anew(slow):
    agent, begin = slow
    asks = begin()
    time.sleep(0.1)
    agent.show = (404, {"error": "no such simulation (any more)"})
    _, said = asks.communicate(timeout=20)
    assert asks.returncode == 75
    assert "the simulation is gone: the agent was started anew" in said


def test_one_at_a_time(slow):
    agent, begin = slow
    agent.begin = (409, {"error": "another simulation is running, 5 % of it "
                                  "are done; one at a time"})
    asks = begin()
    _, said = asks.communicate(timeout=20)
    assert asks.returncode == 1
    assert "another simulation is running, 5 %" in said


def test_mistakes(bed, tmp_path):
    file = tmp_path / "bad.policy"
    file.write_text("segment newsletter { purpos = x }\n")
    done = bed.tendril.cli("simulate", "--policy", file, check=False)
    assert done.returncode == 1 and "bad.policy:1" in done.stderr
    file.write_text(POLICY)
    done = bed.tendril.cli("simulate", "--policy", file, "--by", "moon",
                           check=False)
    assert done.returncode != 0 and "moon" in done.stderr
    done = bed.tendril.cli("simulate", "--policy", file, "--memory", "3G",
                           check=False)
    assert done.returncode != 0 and "memory" in done.stderr
    api = web.Api(bed.conf.api)
    assert api.ask("GET", "/v1/simulate?id=77")[0] == 404
    begun = api.call("POST", "/v1/simulate", text=POLICY)
    proc.wait_until(lambda: api.call(
        "GET", f"/v1/simulate?id={begun['id']}")["state"] == "done", 10,
        "a simulation of nothing")
