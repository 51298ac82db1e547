"""`python -m mesh.discovery.registry`: a registry in a process of its own."""

import argparse
from contextlib import closing, nullcontext

import trio

from mesh.discovery.following import chance
from mesh.discovery.registry.desk import Desk, NoStore
from mesh.discovery.registry.server import serve
from mesh.discovery.registry.store import SqliteStore
from mesh.discovery.registry.wire import PORT
from mesh.http.server import Server
from mesh.policies.leases import Registry


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mesh.discovery.registry", description=__doc__)
    parser.add_argument("--host", help="listen at this address only")
    parser.add_argument("--port", type=int, default=PORT, help="%(default)s")
    parser.add_argument("--state", metavar="FILE", help="keep who is registered in this file, through restarts")
    parser.add_argument("--duration", type=float, default=90.0, help="seconds of a lease (%(default)g)")
    parser.add_argument("--renewed-every", type=float, default=30.0, help="seconds between heartbeats (%(default)g)")
    parser.add_argument("--sweep-every", type=float, default=60.0, help="seconds between sweeps (%(default)g)")
    parser.add_argument(
        "--silent-for", type=float, default=0.0, help="seconds in which it answers nobody (%(default)g)"
    )
    parser.add_argument("--no-self-preservation", action="store_true", help="forget whoever is silent, be it everybody")
    return parser.parse_args()


async def _main(args: argparse.Namespace) -> None:
    failed = False
    leases = Registry(
        randomness=chance(),
        duration=args.duration,
        renewed_every=args.renewed_every,
        sweep_every=args.sweep_every,
        preserves_itself=not args.no_self_preservation,
    )
    with closing(SqliteStore(args.state)) if args.state else nullcontext(NoStore()) as store:
        desk = Desk(leases=leases, now=trio.current_time(), store=store, silent_for=args.silent_for)
        try:
            async with trio.open_nursery() as nursery:

                async def begin(task_status: trio.TaskStatus[Server]) -> None:
                    await serve(desk, args.port, host=args.host, task_status=task_status)

                await nursery.start(begin)
                print(f"registry: listening on {args.host or 'all addresses'}, port {args.port}", flush=True)
        except* OSError:
            failed = True
    if failed:
        raise SystemExit(f"registry: port {args.port} cannot be listened at; --port takes another")


if __name__ == "__main__":
    try:
        trio.run(_main, _arguments())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
