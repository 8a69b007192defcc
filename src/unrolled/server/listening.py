"""A socket of this machine, and serving on it until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from unrolled.errors import BadInput, PortTaken


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A socket on 127.0.0.1, or wherever a classroom is to reach it; port 0 takes any free one. Raises PortTaken."""
    # With its protocol named asyncio sets TCP_NODELAY; without, each small answer waits 40 ms for an acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError) as error:
        sock.close()
        if host != "127.0.0.1" and not isinstance(error, OverflowError) and error.errno != errno.EADDRINUSE:
            raise BadInput(
                f"“{host}” is no address of this machine. Give one that it has in its network, or 0.0.0.0 for all."
            ) from None
        why = "another program listens there" if isinstance(error, OSError) else "ports go from 0 to 65535"
        raise PortTaken(
            f"Port {port} cannot be had: {why}. Give another one, or --port 0 for any that is free."
        ) from None
    return sock


def serve(app: FastAPI, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serves until Ctrl-C; calls `ready` once it answers."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=2))

    async def run() -> None:
        serving = asyncio.create_task(server.serve([sock]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        ready()
        await serving

    with suppress(KeyboardInterrupt):
        asyncio.run(run())
