"""A mail server for tests: SMTP as aiosmtpd speaks it, with the failures that a recipient's address asks for.

`451x2+ann@example.com` is refused with 451 twice and then accepted, `hang+`, `drip+`, `close+` and `lose+` never give an answer to
a mail, or only after so many tries (`hangx1+`): by silence, letter by letter, by hanging up, by hanging up after taking the mail.
"""

import asyncio
import json
import re
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

ASKED = re.compile(r"^(?:(\d{3})|(hang|drip|close|lose))(?:x(\d+))?\+")


class Server:
    def __init__(self, settings):
        self.settings = settings
        self.tries = {}
        self.context = None
        if settings["tls"] != "none":
            self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.context.load_cert_chain(settings["certificate"], settings["key"])

    def asked(self, address):
        """What to do this time."""
        found = ASKED.match(address)
        if not found:
            return None
        code, word, times = found.groups()
        self.tries[address] = self.tries.get(address, 0) + 1
        with open("tries", "a", encoding="utf-8") as file:
            file.write(address + "\n")
        over = times is not None and self.tries[address] > int(times)
        return None if over else code or word

    def authenticate(self, server, session, envelope, mechanism, data):
        given = (data.login.decode(), data.password.decode())
        # Not handled: the answer to the client is aiosmtpd's business.
        return AuthResult(success=given == (self.settings["user"], self.settings["password"]), handled=False)

    async def handle_RCPT(self, server, session, envelope, address, options):
        word = self.asked(address)
        envelope.asked = None
        if word and word.isdigit():
            return f"{word} no, <{address}>"
        envelope.asked = word
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if envelope.asked in (None, "lose"):
            self.keep(session, envelope)
        if envelope.asked == "hang":
            await asyncio.Event().wait()
        if envelope.asked == "drip":
            server._writer.write(b"250-")
            while True:
                server._writer.write(b"x")
                await asyncio.sleep(0.1)
        if envelope.asked in ("close", "lose"):
            server.transport.abort()
        return "250 taken"

    def keep(self, session, envelope):
        mail = {
            "to": envelope.rcpt_tos,
            "encrypted": session.ssl is not None or self.settings["tls"] == "wrapped",
            "authenticated": bool(session.authenticated),
            "content": envelope.content.decode("ascii"),
        }
        with open("mails.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(mail) + "\n")

    def protocol(self):
        secret = self.settings["tls"] != "none"
        return SMTP(
            self,
            hostname="localhost",
            tls_context=self.context if self.settings["tls"] == "starttls" else None,
            require_starttls=self.settings["tls"] == "starttls",
            authenticator=self.authenticate,
            auth_required=secret,
            auth_require_tls=self.settings["tls"] == "starttls",
        )

    async def run(self):
        wrapped = self.context if self.settings["tls"] == "wrapped" else None
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(self.protocol, "127.0.0.1", self.settings["port"], ssl=wrapped)
        await listening.serve_forever()


with open(sys.argv[1], encoding="utf-8") as file:
    asyncio.run(Server(json.load(file)).run())
