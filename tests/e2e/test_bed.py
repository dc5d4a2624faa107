"""The bed itself, without Tendril: what later tests take for granted."""

import email
import pathlib
import signal
import subprocess
import sys
import textwrap

from bed import bed as beds
from bed import judge, mail, proc

SENDER = "news@example.com"


def submit(bed, recipients, data, **options):
    return mail.submit(bed.ports["apps"], SENDER, recipients, data, **options)


def test_bytes_reach_the_outside_unchanged(world):
    body = ".starts with a dot\r\n..two\r\n" + "x" * 900 + "\r\n\r\n\tend\r\n"
    data = mail.message(SENDER, "a@north.example", "Gr\u00fc\u00dfe",
                        body=body, message_id="<1@app.example.com>")
    sent = submit(world, ["a@north.example"], data)
    assert sent.final[0] == 250
    received, = world.sink.wait("a@north.example")
    assert judge.judge_untouched(received.data, data) == []
    assert received.sender == SENDER
    assert received.recipients == ("a@north.example",)
    assert sent.queue_id in received.data.decode()


def test_esmtp_parameters_reach_the_outside(world):
    data = mail.message(SENDER, "a@north.example", "x")
    submit(world, ["a@north.example"], data, mail_options=["ENVID=abc"],
           rcpt_options=["NOTIFY=NEVER"])
    received, = world.sink.wait()
    assert "ENVID=abc" in received.mail_params
    assert "NOTIFY=NEVER" in received.rcpt_params[0]


def test_login_is_known_to_the_mta(world):
    data = mail.message(SENDER, "a@north.example", "x")
    sent = submit(world, ["a@north.example"], data, source=beds.STRANGER,
                  login=beds.LOGIN)
    assert sent.final[0] == 250
    world.hub.wait_log(sent.queue_id, f"sasl_username={beds.LOGIN[0]}")


def test_sendmail_command(world):
    data = mail.message("cron@example.com", "a@north.example", "x")
    world.hub.sendmail(data.replace(b"\r\n", b"\n"), "cron@example.com",
                       ["a@north.example"])
    received, = world.sink.wait()
    assert received.sender == "cron@example.com"
    assert judge.judge_untouched(received.data, data) == ["bytes differ from "
                                                          "what was sent"]
    assert judge.values(received.data, "Message-Id")


def test_stranger_may_write_to_us_and_no_further(world):
    data = mail.message("x@evil.example", "staff@example.com", "x",
                        message_id="<2@evil.example>")
    port = world.ports["smtp25"]
    assert mail.submit(port, "x@evil.example", ["staff@example.com"], data,
                       source=beds.STRANGER).final[0] == 250
    assert mail.submit(port, "x@evil.example", ["a@north.example"], data,
                       source=beds.STRANGER).final[0] == 554
    assert mail.submit(world.ports["apps"], SENDER, ["a@north.example"], data,
                       source=beds.STRANGER).final[0] == 554
    received, = world.sink.wait("staff@example.com")
    assert judge.judge_untouched(received.data, data) == []


def test_bounce_domain_ends_in_the_maildir(world):
    data = mail.message("mailer-daemon@north.example", "x", "Undelivered")
    sent = mail.submit(world.ports["smtp25"], "",
                       ["b-abc@bounces.example.com"], data,
                       source=beds.STRANGER)
    assert sent.final[0] == 250
    path, = proc.wait_until(world.feedback, 10, "feedback mail")
    text = path.read_text()
    assert "Delivered-To: b-abc@bounces.example.com" in text
    assert world.sink.messages() == []


def test_late_bounce_comes_back_as_a_dsn(world):
    data = mail.message(SENDER, "gone@outside2.example", "x")
    sent = mail.submit(world.ports["apps"], "b-tok@bounces.example.com",
                       ["gone@outside2.example", "anna@outside2.example"],
                       data)
    assert sent.final[0] == 250
    path, = proc.wait_until(world.feedback, 20, "bounce message")
    report = email.message_from_bytes(path.read_bytes())
    assert report["Return-Path"] == "<>"
    assert report.get_content_type() == "multipart/report"
    status = report.get_payload(1).get_payload()
    assert status[1]["Final-Recipient"] == "rfc822; gone@outside2.example"
    assert status[1]["Status"] == "5.1.1"
    arrived = world.late.wait_log("to=<anna@outside2.example>", "virtual")
    assert "status=sent" in arrived


def test_scripted_refusal_and_retry(world):
    world.sink.script("gone@*", "550 5.1.1 No such user")
    world.sink.script("later@*", "451 4.7.1 Try again", times=1)
    world.sink.script("heavy@*", "552 5.3.4 Too big", stage="data")
    for name in ("gone", "later", "heavy"):
        data = mail.message(SENDER, f"{name}@north.example", "x")
        mail.submit(world.ports["apps"], "b-tok@bounces.example.com",
                    [f"{name}@north.example"], data)
    world.sink.wait("later@north.example")
    assert world.sink.attempts("later@north.example") == 2
    world.hub.wait_empty()
    assert world.sink.messages("gone@north.example") == []
    assert world.sink.messages("heavy@north.example") == []
    assert len(world.feedback()) == 2


def test_what_a_missing_milter_means_on_each_service(make_bed):
    bed = make_bed(milter="unix:/nonexistent/milter.sock")
    bed.start_hub()
    data = mail.message(SENDER, "a@north.example", "x")
    assert submit(bed, ["a@north.example"], data).final[0] == 451
    inbound = mail.message("x@north.example", "staff@example.com", "x")
    assert mail.submit(bed.ports["smtp25"], "x@north.example",
                       ["staff@example.com"], inbound,
                       source=beds.STRANGER).final[0] == 250
    bed.sink.wait("staff@example.com")
    bed.hub.sendmail(data, SENDER, ["b@north.example"])
    held = proc.wait_until(
        lambda: [m for m in bed.hub.queue() if m["queue_name"] == "hold"],
        10, "held message")
    assert held[0]["recipients"][0]["address"] == "b@north.example"
    assert bed.sink.messages("b@north.example") == []


def test_nothing_survives_kill_9():
    """A killed test run leaves no daemon and no folder behind."""
    here = pathlib.Path(__file__).parent
    script = textwrap.dedent("""\
        import sys, time
        sys.path.insert(0, sys.argv[1])
        from bed import bed
        one = bed.Bed(root=sys.argv[2])
        one.start_hub()
        print(one.hub.daemon.pid, flush=True)
        time.sleep(60)
        """)
    root = beds.make_root()
    with subprocess.Popen([sys.executable, "-c", script, here, root],
                          stdout=subprocess.PIPE, text=True) as child:
        master = int(child.stdout.readline())
        assert proc.is_alive(master)
        child.send_signal(signal.SIGKILL)
    proc.wait_until(lambda: not root.exists(), 10, "removal of the folder")
    proc.wait_until(lambda: not proc.is_alive(master), 10, "its end")


def test_close_removes_everything():
    with beds.Bed() as bed:
        bed.start_hub()
        root, master = bed.root, bed.hub.daemon.pid
        assert root.exists()
    assert not root.exists()
    assert not proc.is_alive(master)


def test_daemon_that_ended_kills_nobody(tmp_path):
    """Its number may be somebody else's by then."""
    daemon = proc.Daemon("ended", ["true"], tmp_path / "log")
    proc.wait_until(lambda: not daemon.is_running(), 20, "its end")
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        daemon.popen.pid = stranger.pid
        assert daemon.kill() == 0
        assert daemon.stop() == 0
        assert proc.stays(lambda: stranger.poll() is None, 0.3)
    finally:
        stranger.kill()
        stranger.wait()


def test_what_a_daemon_left_is_killed(tmp_path):
    child = f"sh -c 'sleep 60; : {tmp_path}' &"
    daemon = proc.Daemon("left", ["sh", "-c", f"{child} exit 3"],
                         tmp_path / "log")
    try:
        proc.wait_until(lambda: not daemon.is_running(), 20, "its end")
        assert proc.naming(tmp_path)
    finally:
        assert daemon.kill() == 3
    proc.wait_until(lambda: not proc.naming(tmp_path), 20, "its child's end")
