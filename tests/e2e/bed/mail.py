"""Messages, and how applications hand them in."""

import dataclasses
import smtplib

CRLF = b"\r\n"
# A provider's report (RFC 5965) to that address.
COMPLAINT = """\
From: fbl@provider.example\r
To: {to}\r
Subject: complaint\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
a complaint\r
--b\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: abuse\r
User-Agent: Provider/1.0\r
Version: 1\r
\r
--b\r
Content-Type: text/rfc822-headers\r
\r
Subject: News\r
\r
--b--\r
"""
# One without a token, which names the person.
NAMED_COMPLAINT = """\
From: Reports <staff@{author}>\r
To: fbl@bounces.example.com\r
Subject: complaint {number}\r
Message-ID: <{number}@{author}>\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
a complaint\r
--b\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: abuse\r
User-Agent: Provider/1.0\r
Version: 1\r
Original-Rcpt-To: <{person}>\r
\r
--b\r
Content-Type: text/rfc822-headers\r
\r
From: news@example.com\r
Subject: News\r
\r
--b--\r
"""


def message(sender, recipient, subject, *, fields=(), body="Hello.\r\n",
            message_id=None):
    """A message as bytes with CRLF. fields: further (name, value) pairs,
    placed after the usual ones."""
    lines = [f"From: {sender}", f"To: {recipient}", f"Subject: {subject}",
             "Date: Mon, 01 Jun 2026 10:00:00 +0000"]
    if message_id is not None:
        lines.append(f"Message-ID: {message_id}")
    lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"]
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclasses.dataclass(frozen=True)
class Submission:
    """What the MTA said. replies: (code, text) per recipient, in order;
    data: the answer to the message, None where it was not sent."""

    mail: tuple
    replies: tuple
    data: tuple | None

    @property
    def final(self):
        """The answer that counts for a message to one recipient."""
        refused = [reply for reply in (self.mail, *self.replies)
                   if reply[0] >= 400]
        return refused[0] if refused else self.data

    @property
    def final_text(self):
        return f"{self.final[0]} {self.final[1]}"

    @property
    def queue_id(self):
        """From Postfix's `250 2.0.0 Ok: queued as ID`, else None."""
        text = "" if self.data is None else self.data[1]
        _, found, queue_id = text.partition("queued as ")
        return queue_id.strip() if found else None


def _text(reply):
    code, text = reply
    return code, text.decode("utf-8", "replace")


def submit(port, sender, recipients, data, *, source="127.0.0.1", login=None,
           mail_options=(), rcpt_options=()):
    """Submit over SMTP from the address `source`; login: (user, password).

    smtplib's sendmail() hides replies to single recipients, so this speaks
    the commands itself. Data is sent as it is, dots stuffed.
    """
    with smtplib.SMTP("127.0.0.1", port, local_hostname="app.example.com",
                      timeout=120, source_address=(source, 0)) as client:
        client.ehlo()
        if login is not None:
            client.login(*login)
        mail = _text(client.mail(sender, list(mail_options)))
        if mail[0] >= 400:
            return Submission(mail, (), None)
        replies = tuple(_text(client.rcpt(address, list(rcpt_options)))
                        for address in recipients)
        if all(code >= 400 for code, _ in replies):
            return Submission(mail, replies, None)
        return Submission(mail, replies, _text(_data(client, data)))


def _data(client, data):
    """DATA with the bytes untouched (smtplib would mend line ends)."""
    code, text = client.docmd("DATA")
    if code != 354:
        return code, text
    stuffed = CRLF.join(b"." + line if line.startswith(b".") else line
                        for line in data.split(CRLF))
    end = b"" if stuffed.endswith(CRLF) else CRLF
    client.send(stuffed + end + b".\r\n")
    return client.getreply()
