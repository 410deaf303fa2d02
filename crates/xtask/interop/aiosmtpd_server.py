"""An SMTP server for one mail: STARTTLS, then AUTH, then the mail, parsed back by Python's `email`.

It writes two JSON lines. The first says where it listens: {"port", "ca"}.
The second comes after one accepted mail, and says what arrived; or {"error"} when none did in time, or on SIGTERM.
"""

import argparse
import asyncio
import email
import email.policy
import email.utils
import json
import os
import signal
import ssl
import sys

import trustme
from aiosmtpd.smtp import SMTP, AuthResult


class Keep:
    """Keeps the first mail, and nothing but complete ones."""

    def __init__(self, arrived):
        self.arrived = arrived

    async def handle_DATA(self, server, session, envelope):
        if not self.arrived.done():
            self.arrived.set_result(parsed(session, envelope))
        return "250 2.0.0 kept"


def parsed(session, envelope):
    raw = envelope.original_content
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    defects, attachments, parts = [], [], []
    for part in mail.walk():
        defects += [f"{part.get_content_type()}: {defect!r}" for defect in part.defects]
        for name, value in part.items():
            defects += [f"{name}: {defect!r}" for defect in getattr(value, "defects", ())]
        parts.append(part.get_content_type())
    for part in mail.iter_attachments():
        content = part.get_content()
        size = len(content.encode() if isinstance(content, str) else content)
        attachments.append({"name": part.get_filename(), "type": part.get_content_type(), "bytes": size})
    text = mail.get_body(preferencelist=("plain",))
    html = mail.get_body(preferencelist=("html",))
    lines = raw.split(b"\r\n")
    return {
        "tls": session.ssl is not None,
        "tls_version": session.ssl["ssl_object"].version() if session.ssl else None,
        "user": session.auth_data,
        "ehlo": session.host_name,
        "envelope_from": envelope.mail_from,
        "envelope_to": envelope.rcpt_tos,
        "headers": {name.lower(): str(value) for name, value in mail.items()},
        "header_counts": {name.lower(): len(mail.get_all(name)) for name in mail.keys()},
        "date": email.utils.parsedate_to_datetime(mail["Date"]).isoformat() if mail["Date"] else None,
        "parts": parts,
        "text": text.get_content() if text else None,
        "html": html.get_content() if html else None,
        "attachments": attachments,
        "defects": defects,
        # RFC 5322 section 2.1.1 allows 998 bytes in a line; section 2.3 allows CR and LF only together.
        "longest_line": max(map(len, lines)),
        "bare_cr_or_lf": any(b"\r" in line or b"\n" in line for line in lines),
        "bytes": len(raw),
    }


class Session(SMTP):
    """One connection; tells when the one that brought the mail is gone."""

    def __init__(self, arrived, left, *args, **named):
        super().__init__(Keep(arrived), *args, **named)
        self.arrived, self.left = arrived, left

    def connection_lost(self, error):
        super().connection_lost(error)
        if self.arrived.done() and not self.left.done():
            self.left.set_result(None)


def say(line):
    print(json.dumps(line), flush=True)


async def serve(options):
    loop = asyncio.get_running_loop()
    arrived, left = loop.create_future(), loop.create_future()
    authority = trustme.CA()
    ca = os.path.join(options.folder, "ca.pem")
    authority.cert_pem.write_to_path(ca)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)

    def authenticate(server, session, envelope, mechanism, data):
        good = data.login == options.user.encode() and data.password == options.password.encode()
        return AuthResult(success=good, auth_data=options.user if good else None, handled=False)

    def protocol():
        return Session(
            arrived,
            left,
            hostname="localhost",
            tls_context=tls,
            require_starttls=True,
            auth_required=True,
            auth_require_tls=True,
            authenticator=authenticate,
            loop=loop,
        )

    server = await loop.create_server(protocol, host="127.0.0.1", port=0)
    stopped = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, lambda: stopped.done() or stopped.set_result(None))
    say({"port": server.sockets[0].getsockname()[1], "ca": ca})
    await asyncio.wait({arrived, stopped}, timeout=options.seconds, return_when=asyncio.FIRST_COMPLETED)
    if arrived.done():
        # The client still says QUIT; closing under it would look to it like a failure after DATA.
        await asyncio.wait({left}, timeout=5)
        say(arrived.result())
        return 0
    say({"error": f"no mail within {options.seconds} s" if not stopped.done() else "stopped before a mail came"})
    return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, help="where the CA certificate is written")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to wait for a mail")
    return asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
