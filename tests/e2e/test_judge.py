"""The judge must be able to say no."""

import base64

import dkim
import pytest

from bed import bed as beds
from bed import judge, keys, mail, proc, sink

FEEDBACK_ID = "june:newsletter:news:examplecom"
LIST = [("List-Unsubscribe", "<https://t.example.com/u/abc>, "
                             "<mailto:u-abc@bounces.example.com>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Id", "newsletter <newsletter.example.com>"),
        ("Feedback-ID", FEEDBACK_ID),
        ("CFBL-Address", "f-abc@bounces.example.com; report=arf"),
        ("CFBL-Feedback-ID", "abc"), ("X-Tendril-Id", "abc")]
BASE_URL = "https://t.example.com"
SIGNED = [*judge.ALWAYS_SIGNED, *judge.NURTURE_FIELDS, *judge.OVERSIGNED]


@pytest.fixture(scope="module")
def signers():
    root = beds.make_root()
    proc.own_folder(root)
    yield [keys.Key(root, "example.com", "r1", "rsa-sha256"),
           keys.Key(root, "example.com", "e1", "ed25519-sha256")]
    proc.remove_folder(root)


@pytest.fixture(scope="module")
def zone(signers):
    return keys.Zone(signers)


def sign(data, key, names):
    private = key.file.read_bytes()
    if key.algorithm == "ed25519-sha256":
        der = proc.run(["openssl", "pkey", "-in", key.file, "-outform", "DER"],
                       text=False).stdout
        private = base64.b64encode(der[-32:])
    return dkim.sign(data, key.selector.encode(), key.domain.encode(),
                     private, canonicalize=(b"relaxed", b"relaxed"),
                     signature_algorithm=key.algorithm.encode(),
                     include_headers=[name.encode() for name in names]) + data


def nurture(signers, names=None, fields=None):
    """A message as it should arrive."""
    data = mail.message("news@example.com", "a@north.example", "June",
                        fields=LIST if fields is None else fields)
    names = names or SIGNED
    for key in signers:
        data = sign(data, key, names)
    return data


def complaints(data, zone):
    return judge.judge_signed(data, zone, "example.com",
                              ["rsa-sha256", "ed25519-sha256"])


def test_good_mail_passes(signers, zone):
    data = nurture(signers)
    assert complaints(data, zone) == []
    assert judge.judge_one_click(data, BASE_URL, "bounces.example.com") == []
    assert judge.judge_nurture_headers(data, FEEDBACK_ID) == []
    assert judge.signature_summary(data, zone) == "ed25519+rsa ok"


@pytest.mark.parametrize("change", [
    (b"Hello.", b"Hallo."), (b"Subject: June", b"Subject: July"),
    (b"One-Click", b"Two-Click")])
def test_changed_bytes_do_not_verify(signers, zone, change):
    data = nurture(signers).replace(*change)
    assert len(complaints(data, zone)) == 2
    assert judge.signature_summary(data, zone) == "ed25519+rsa BAD"


def test_missing_and_foreign_keys(signers, zone):
    data = nurture(signers)
    assert complaints(data, keys.Zone(signers[:1])) != []
    assert complaints(nurture(signers[:1]), zone) == [
        "0 signatures ed25519-sha256 of example.com"]
    assert judge.judge_signed(data, zone, "other.example", ["rsa-sha256"])


def test_field_left_out_of_the_signature(signers, zone):
    left = [name for name in SIGNED if name != "List-Unsubscribe-Post"]
    assert complaints(nurture(signers, left), zone) == [
        "List-Unsubscribe-Post not signed (ed25519-sha256)",
        "List-Unsubscribe-Post not signed (rsa-sha256)"]
    for name in ("From", "List-Id"):
        once = list(SIGNED)
        once.remove(name)
        assert complaints(nurture(signers, once), zone) == [
            f"{name} not oversigned (ed25519-sha256)",
            f"{name} not oversigned (rsa-sha256)"]


def test_list_headers(signers):
    for number in range(len(LIST)):
        data = nurture(signers, fields=LIST[:number] + LIST[number + 1:])
        assert judge.judge_nurture_headers(data, FEEDBACK_ID) != []
    twice = nurture(signers, fields=LIST + LIST[:1])
    assert judge.judge_nurture_headers(twice, FEEDBACK_ID) != []
    assert judge.judge_nurture_headers(nurture(signers), "other") != []
    assert judge.judge_one_click(twice, BASE_URL, "bounces.example.com") != []
    assert judge.judge_one_click(nurture(signers), BASE_URL, "other") != []


def test_untouched():
    data = mail.message("a@example.com", "b@north.example", "x")
    trace = b"Received: from a\r\n\tby b; now\r\nReceived: by c\r\n"
    assert judge.judge_untouched(trace + data, data) == []
    assert judge.judge_untouched(trace + data + b"\r\n", data) != []
    assert judge.judge_untouched(trace + b"X: y\r\n" + data, data) != []
    assert judge.judge_unsigned(data) == []
    assert judge.judge_unsigned(b"DKIM-Signature: v=1\r\n" + data) != []
    assert judge.judge_body(data, data.replace(b"Hello", b"hello")) != []


def test_envelope():
    def envelope(sender, *recipients):
        return sink.Received(1, sender, recipients, b"", 0.0, "", "", (), (),
                             True)
    good = envelope("b-abc234@bounces.example.com", "A@north.example")
    judged = ("a@north.example", "bounces.example.com")
    assert judge.judge_envelope(good, *judged) == []
    for bad in (envelope("news@example.com", "a@north.example"),
                envelope("b-abc@bounces.example.com", "c@north.example"),
                envelope("b-abc@bounces.example.com", "a@north.example",
                         "c@north.example")):
        assert judge.judge_envelope(bad, *judged) != []


def test_metrics():
    text = ("# HELP x y\n# TYPE x counter\nx_total{verdict=\"a b\"} 3\n"
            "\ny 0.5\n")
    assert judge.metrics(text) == {'x_total{verdict="a b"}': 3.0, "y": 0.5}
