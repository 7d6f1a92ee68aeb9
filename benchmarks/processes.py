"""What a process costs: a thousand connections, a second worker, the start, memory."""

from contextlib import ExitStack
from functools import partial

from benchmarks.contestants import LIST, QUERY, THROUGH_FLASK, Bank
from benchmarks.figures import Section, Spread, Target, in_turn, ratios
from benchmarks.load import wrk
from benchmarks.reads import OURS
from benchmarks.servers import LOAD_CORES, SERVER_CORES, Server, family, proportional_bytes, running

MANY = 1000
MEGABYTE = 1024 * 1024


def connections(bank: Bank, rounds: int, seconds: float) -> Section:
    """A thousand connections at once."""
    rows, shares, errors = [], [], 0
    with running(bank.product()) as server:
        for _ in range(rounds):
            found = wrk(server.url(LIST), seconds, connections=MANY)
            shares.append(found.p99 / found.p50)
            errors += found.errors
            latencies = (f"{each * 1000:.1f} ms" for each in (found.p50, found.p99))
            rows.append([f"{found.rate:,.0f}", *latencies, str(found.errors)])
    return Section(
        "connections",
        f"{MANY:,} connections",
        "The hot list, a round in each row.",
        ("requests/s", "p50", "p99", "errors"),
        rows,
        [
            Target("errors", Spread(errors, errors, errors), at_most=0),
            Target("p99 beside p50", Spread.of(shares), at_most=5),
        ],
    )


def workers(bank: Bank, rounds: int, seconds: float) -> Section:
    """Two workers on two cores, beside one on one.

    With the cache bypassed: a hot read costs the load as much as the server, and on a machine of two
    cores they would measure each other.
    """
    cores = f"{SERVER_CORES},{LOAD_CORES}"
    with ExitStack() as stack:
        one = stack.enter_context(running(bank.product(WORKERS="1", **THROUGH_FLASK)))
        two = stack.enter_context(running(bank.product(WORKERS="2", **THROUGH_FLASK), cores=cores))
        found = in_turn(
            {
                "one worker": lambda: wrk(one.url(LIST), seconds, cores=cores).rate,
                "two workers": lambda: wrk(two.url(LIST), seconds, cores=cores).rate,
            },
            rounds,
        )
    return Section(
        "workers",
        "A second worker",
        f"The list with the cache bypassed: one worker on core {SERVER_CORES}, two on cores {cores}. "
        "The machine has no third core, so the load takes its part of the second worker's.",
        ("", "requests/s"),
        [[name, f"{Spread.of(rates).middle:,.0f}"] for name, rates in found.items()],
        [
            Target(
                "two workers beside one",
                ratios(found["two workers"], found["one worker"]),
                at_least=1.8,
            )
        ],
    )


def _started(server: Server) -> float:
    with running(server) as up:
        return up.seconds_to_answer


def start(bank: Bank, rounds: int, seconds: float) -> Section:
    """From the command to the first answer."""
    mine = bank.product()
    theirs = bank.uvicorn("FastAPI, uvicorn", "fastapi_peer")
    sides = {
        OURS: Server(mine.name, mine.command, mine.folder, mine.environ, LIST),
        theirs.name: Server(
            theirs.name,
            theirs.command,
            theirs.folder,
            theirs.environ,
            f"/documented/questions{QUERY}",
        ),
    }
    for server in sides.values():
        _started(server)  # the first start after a change compiles, and is not counted
    found = in_turn({name: partial(_started, server) for name, server in sides.items()}, rounds)
    return Section(
        "start",
        "Start to first answer",
        "From the command to the first list that is answered; the database is there, and so is the "
        "bytecode of an earlier start. "
        "`flask serve` also looks whether migrations are missing and the bank's files have changed.",
        ("", "seconds (min / median / max)"),
        [[name, str(Spread.of(times))] for name, times in found.items()],
        [
            Target(
                "seconds, beside FastAPI's",
                ratios(found[OURS], found[theirs.name]),
                at_most=1,
            )
        ],
    )


def memory(bank: Bank, rounds: int, seconds: float) -> Section:
    """Memory per worker after a run, by proportional set size."""
    rows = []
    contestants = (
        (bank.product(), LIST),
        (
            bank.gunicorn("usual Flask stack, gunicorn", "flask_usual"),
            f"/documented/questions{QUERY}",
        ),
        (bank.uvicorn("FastAPI, uvicorn", "fastapi_peer"), f"/documented/questions{QUERY}"),
        (bank.uvicorn("Litestar, uvicorn", "litestar_peer"), f"/documented/questions{QUERY}"),
        (
            bank.gunicorn("Django REST Framework, gunicorn", "drf_peer"),
            f"/documented/questions{QUERY}",
        ),
    )
    for server, path in contestants:
        with running(server) as up:
            wrk(up.url(path), seconds)
            sizes = sorted(map(proportional_bytes, family(up.process.pid)), reverse=True)
            worker, others = sizes[0], sum(sizes[1:])
            rows.append([server.name, f"{worker / MEGABYTE:.0f} MB", f"{others / MEGABYTE:.0f} MB"])
    return Section(
        "memory",
        "Memory",
        "Proportional set size after a run: shared pages are divided among their users. "
        "*Beside it* is what the server's master takes, once however many workers there are.",
        ("", "worker", "beside it"),
        rows,
    )
