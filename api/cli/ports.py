"""Whether an address can be listened on, asked before anything is started for it."""

import errno
import socket

import click

_REASONS = {
    errno.EADDRINUSE: "it is taken by another program",
    errno.EACCES: "this user may not listen there",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


def authority(host: str, port: int) -> str:
    """Return host and port as an address has them; an IPv6 host stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ensure_free(host: str, port: int, setting: str) -> None:
    """End the command in one line where its address is not to be had.

    :param setting: the name of the setting that says the port.
    Raises click.ClickException.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do: connections of a former one that are still closing take nothing.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise click.ClickException(
            f"cannot listen on {authority(host, port)}: {reason}. {setting} sets another port, "
            f"{setting.replace('PORT', 'HOST')} another address."
        ) from error
