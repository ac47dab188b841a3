"""Messages to people: a webhook (Slack's form, or plain JSON) and e-mail, as the settings say.

Here belongs the sending. What is told, and when, is decided elsewhere.
"""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS = 20.0
LOCAL_HOSTS = frozenset(["localhost", "127.0.0.1", "::1"])


@dataclass(frozen=True)
class Channels:
    """Where messages go; what is None is not used.

    Attributes:
        webhook: URL that a POST goes to.
        form: `slack`: a document with `text`; `json`: the message's own document.
        recipients: e-mail addresses.
        smtp: `smtp://[user:password@]host[:port]` (STARTTLS where the host offers it) or `smtps://`.
        sender: address that e-mail comes from.
    """

    webhook: str | None = None
    form: Literal["slack", "json"] = "slack"
    recipients: tuple[str, ...] = ()
    smtp: str | None = None
    sender: str = "resistance@localhost"

    @property
    def any(self) -> bool:
        return bool(self.webhook or self.recipients)


def send(channels: Channels, subject: str, text: str, document: Mapping[str, Any]) -> list[str]:
    """Send a message through every channel.

    Args:
        channels: where to.
        subject: one line.
        text: the whole message for people.
        document: the same for programs.

    Returns:
        Why a channel did not take it, one line each, without secrets; empty where all did.
    """
    problems = []
    if channels.webhook:
        body = {"text": _for_slack(f"{subject}\n{text}")} if channels.form == "slack" else dict(document)
        if problem := _post(channels.webhook, body):
            problems.append(f"webhook at {urlsplit(channels.webhook).hostname}: {problem}")
    if channels.recipients and (problem := _mail(channels, subject, text)):
        problems.append(f"e-mail to {', '.join(channels.recipients)}: {problem}")
    return problems


def _for_slack(text: str) -> str:
    """Slack reads these three characters as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _post(url: str, body: Mapping[str, Any]) -> str | None:
    if urlsplit(url).scheme not in ("http", "https"):
        return "the address is not http or https"
    data = json.dumps(body, default=str).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        return f"answered {error.code}"
    except OSError as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
    return None


def _mail(channels: Channels, subject: str, text: str) -> str | None:
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"], message["To"] = channels.sender, ", ".join(channels.recipients)
    message.set_content(text)
    place = urlsplit(channels.smtp or "smtp://localhost")
    is_tls = place.scheme == "smtps"
    port = place.port or (465 if is_tls else 587 if place.username else 25)
    host = place.hostname or "localhost"
    try:
        # Without a context of its own smtplib asks for no certificate, and anybody on the way could take the password.
        trusted = ssl.create_default_context()
        opened = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=trusted) if is_tls else smtplib.SMTP(
            host, port, timeout=TIMEOUT_SECONDS
        )  # fmt: skip
        with opened as server:
            server.ehlo()
            if not is_tls and server.has_extn("starttls"):
                server.starttls(context=trusted)
                server.ehlo()
                is_tls = True
            if place.username and not is_tls and host not in LOCAL_HOSTS:
                return f"{host} offers no TLS, and a password is not sent in the clear; use smtps:// or another port"
            if place.username:
                server.login(unquote(place.username), unquote(place.password or ""))
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return None
