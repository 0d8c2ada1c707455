"""`tracejoin serve`: opens the page on this computer."""

import ipaddress
import logging
import secrets
import socket
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE
from types import FrameType

import click
import uvicorn

from pipeline.cli.context import CommandContext, author
from pipeline.cli.letter_sender import LetterSender
from pipeline.cli.options import pass_app
from pipeline.cli.terminal_text import one_line
from pipeline.configure import rules_for
from pipeline.errors import TracejoinError, UnavailableError
from pipeline.store.client import Store
from pipeline.web.access import Access
from pipeline.web.app import application
from pipeline.web.page_context import PageContext

_OWN = "127.0.0.1"
_SHORTEST_TOKEN = 32
_OF_OTHERS = 0o077


@click.command()
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="The port; otherwise a free one.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--read-only", is_flag=True, help="Nothing can be changed from the page.")
@click.option("--host", default=_OWN, metavar="ADDRESS", help="Serve others, too, at this address of this computer; needs --token-file.")
@click.option("--allow-host", "names", multiple=True, metavar="NAME", help="A name by which browsers reach it, such as that of a proxy.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file with the token that opens the page; made if it is not there. Otherwise each start has a new token.",
)
@pass_app
def serve(app: CommandContext, *, port: int, no_browser: bool, read_only: bool, host: str, names: tuple[str, ...],
          token_file: Path | None) -> int:  # fmt: skip
    """The page: hidden faults, search, transactions, services and health, in a browser on this computer, until Ctrl-C.

    It prints its address, whose token lets a browser in. Only this computer reaches it: it listens at 127.0.0.1. With --host others
    reach it, too: whoever has the token then reads every log line, and the connection is not encrypted, so put a proxy with TLS before it.
    """
    own = _is_own(host)
    if not own and not token_file:
        raise click.UsageError(f"--host {one_line(host)} lets others open the page: give them a token that lasts, with --token-file FILE")
    token = _read_token(token_file) if token_file else ""
    if not own:
        app.warn(
            f"whoever reaches {host} and has the token reads every log line; the connection is plain http: put a proxy with TLS before it"
        )
    store = app.store()
    with suppress(UnavailableError):
        # the page tells of an OpenSearch that is away, and goes on when it is back
        store.require_templates()
    serve_page(app, store, token=token, host=host, port=port, names=names, browser=not no_browser, read_only=read_only)
    return 0


def serve_page(app: CommandContext, store: Store, *, token: str = "", host: str = _OWN, port: int = 0, names: tuple[str, ...] = (),
               browser: bool = True, read_only: bool = False) -> None:  # fmt: skip
    """Serves the page over ``store`` until Ctrl-C, and prints its address; without a ``token`` it makes a new one.

    Raises TracejoinError where it can't listen at this address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise TracejoinError(f"can't listen at {one_line(host)}, port {port}: {error.strerror or error}") from error
    access = Access(token=token or secrets.token_urlsafe(_SHORTEST_TOKEN), host=host, port=listener.getsockname()[1], names=names)
    settings = app.settings
    page = PageContext(store=store, access=access, lookup_delays=settings.lookup_delays, rules=rules_for(settings),
                       api_gateway=settings.api_gateway_log_groups, read_only=read_only,
                       send_letters=None if read_only else LetterSender(store, settings), author=author())  # fmt: skip
    config = uvicorn.Config(application(page), http="h11", ws="none", loop="asyncio", lifespan="off", log_level="warning",
                            access_log=False, server_header=False, timeout_graceful_shutdown=1)  # fmt: skip
    address = access.first_address
    app.write(f"{address}\n")
    sys.stdout.flush()
    if browser:
        _open(address)
    try:
        _Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        # Ctrl-C is how it is meant to end
        return


class _Server(uvicorn.Server):
    """A server that says nothing of the requests that Ctrl-C cuts off, such as those of pages that follow what comes in."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the end."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)


def _open(address: str) -> None:
    """Opens an address in a browser with windows; one for terminals would take this terminal."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if type(browser) is not webbrowser.GenericBrowser:
        browser.open(address)


def _is_own(host: str) -> bool:
    """Whether only this computer reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_token(file: Path) -> str:
    """The token in a file, which is made where it is missing."""
    name = one_line(str(file))
    try:
        if not file.exists():
            file.touch(mode=0o600, exist_ok=False)
            file.write_text(f"{secrets.token_urlsafe(_SHORTEST_TOKEN)}\n", encoding="ascii")
        if S_IMODE(file.stat().st_mode) & _OF_OTHERS:
            raise click.UsageError(f"--token-file {name}: others on this computer may read it: chmod 600 {name}")
        token = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--token-file {name}: {error.strerror if isinstance(error, OSError) else 'it holds no token'}") from error
    if len(token) < _SHORTEST_TOKEN or not token.isprintable() or " " in token:
        raise click.UsageError(f"--token-file {name} must hold one token of {_SHORTEST_TOKEN} characters or more, without a space")
    return token
