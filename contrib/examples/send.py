#!/usr/bin/python3
"""send.py - hands one message to the MTA as an application would, and prints
what the MTA said.

    send.py TO SEGMENT SUBJECT      TO: one address or several, with commas
    --from ADDRESS                  default: news@example.com
    --server HOST:PORT              default: 127.0.0.1:10587
    --campaign NAME

The exit status is 0 when the message was taken, 1 when it was refused, 75 when
nobody was there to take it.
"""

import argparse
import email.message
import smtplib
import sys

TRY_AGAIN = 75

BODY = """\
Dear reader,

this is what is new.

Example GmbH, Hauptstr. 1, 10827 Berlin
"""


def arguments():
    parser = argparse.ArgumentParser(
        description="Hands one message to the MTA, as an application would.")
    parser.add_argument("to", help="one address or several, with commas")
    parser.add_argument("segment")
    parser.add_argument("subject")
    parser.add_argument("--from", dest="sender", default="news@example.com")
    parser.add_argument("--server", default="127.0.0.1:10587")
    parser.add_argument("--campaign")
    return parser.parse_args()


def compose(args):
    message = email.message.EmailMessage()
    message["From"] = args.sender
    message["To"] = args.to
    message["Subject"] = args.subject
    message["X-Tendril-Segment"] = args.segment
    if args.campaign:
        message["X-Tendril-Campaign"] = args.campaign
    message.set_content(BODY)
    return message


def main():
    args = arguments()
    host, _, port = args.server.rpartition(":")
    try:
        return send(args, host, int(port))
    except (OSError, ValueError, smtplib.SMTPException) as error:
        print(f"{args.server}: {error}", file=sys.stderr)
        return TRY_AGAIN


def send(args, host, port):
    with smtplib.SMTP(host, port) as server:
        try:
            server.ehlo_or_helo_if_needed()
            server.mail(args.sender)
            for recipient in args.to.split(","):
                code, text = server.rcpt(recipient)
                if code >= 400:
                    print(code, text.decode())
            code, text = server.data(compose(args).as_bytes())
        except smtplib.SMTPResponseException as error:
            code, text = error.smtp_code, error.smtp_error
    print(code, text.decode())
    return 0 if code < 400 else 1


if __name__ == "__main__":
    sys.exit(main())
