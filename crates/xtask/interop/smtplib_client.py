"""The control: proves with Python's own client that the server refuses what it must, and takes a good mail.

With this, a failure of the mail that follows is a failure of its sender.
"""

import argparse
import smtplib
import ssl
import sys
from email.message import EmailMessage


def connect(options):
    return smtplib.SMTP("127.0.0.1", options.port, local_hostname="localhost", timeout=10)


def refused(call, code):
    try:
        answer = call()
    except smtplib.SMTPResponseException as error:
        answer = (error.smtp_code, error.smtp_error)
    if answer[0] != code:
        sys.exit(f"expected {code}, the server said {answer}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    options = parser.parse_args()
    trust = ssl.create_default_context(cafile=options.ca)

    with connect(options) as plain:
        plain.ehlo()
        refused(lambda: plain.mail("errors@example.com"), 530)
        if plain.has_extn("auth"):
            sys.exit("AUTH is offered without TLS")
    with connect(options) as anonymous:
        anonymous.starttls(context=trust)
        anonymous.ehlo()
        refused(lambda: anonymous.mail("errors@example.com"), 530)
    with connect(options) as stranger:
        stranger.starttls(context=trust)
        refused(lambda: stranger.login(options.user, "not the password"), 535)
    with connect(options) as distrustful:
        try:
            distrustful.starttls(context=ssl.create_default_context())
            sys.exit("the certificate was trusted without its CA")
        except ssl.SSLCertVerificationError:
            distrustful.close()

    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "errors@example.com", "ada@example.com", "Zahlung für 5 €"
    mail.set_content("plain: 5 €")
    mail.add_alternative("<p>html: 5 €</p>", subtype="html")
    mail.add_attachment(b"\x00\x01", maintype="application", subtype="octet-stream", filename="two.bin")
    with connect(options) as good:
        good.starttls(context=trust)
        good.login(options.user, options.password)
        good.send_message(mail)


if __name__ == "__main__":
    main()
