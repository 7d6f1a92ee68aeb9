"""Every console block of the bank and of README.md prints what it says, on a live server.

Each block runs on two servers: what a wildcard hides must differ between them.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

import api
import config
from api.accounts import demo
from api.bank.examples import Block, console_blocks
from tests.conftest import dispose, folders, required
from tests.examples.runner import Outcome, callers_differ, run
from tests.examples.server import ROOT, needs_all, serving, serving_all

FILES = [ROOT / "README.md", *sorted((ROOT / "api/bank/questions").glob("*.md"))]
BLOCKS = [
    pytest.param(
        path,
        block,
        id=f"{path.name}:{block.line}",
    )
    for path in FILES
    for block in console_blocks(path.read_text(encoding="utf-8"))
]

Servers = tuple[str, str]

#: A quota counts for a user, whatever the address: who uses it up leaves nothing for the next block.
USES_UP = re.compile(r"Authorization.*#\[1-", re.DOTALL)
#: Where no block has an address of its own (`runner.callers_differ`), these quotas are soon spent.
SCARCE = (
    "/api/v1/schema/create-all",
    "/api/v1/schema/rehearsal",
    "/api/v1/pages/cost",
    "/api/v1/sign-ins",
    "/api/v1/users",
    "/sign-in",
    "/register",
    "/recover",
)


def needs_fresh_servers(block: Block) -> bool:
    """Tell whether a block would leave too little to others, or find too little left."""
    texts = [command.text for command in block.commands]
    if callers_differ():
        return any(USES_UP.search(text) for text in texts)
    return any(place in text for text in texts for place in SCARCE)


@pytest.fixture(scope="session")
def started_bank(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank as a first start leaves it: demo accounts too, whose hashes are slow by design."""
    path = tmp_path_factory.mktemp("started") / "bank.sqlite3"
    shutil.copy(sqlite_template, path)
    app = api.create_app(config.load({"DATABASE_URL": f"sqlite:///{path}"}, None))
    with app.app_context():
        demo.create_missing()
    dispose(app)
    return path


@contextmanager
def two_servers(
    template: Path, folder: Path, serve: Callable[..., AbstractContextManager[str]] = serving
) -> Iterator[Servers]:
    """Two servers started side by side, each on a database of its own."""
    databases = [folder / name for name in ("first", "second")]
    for database in databases:
        shutil.copy(template, database)
    contexts = [
        serve(DATABASE_URL=f"sqlite:///{database}", **folders(database.with_suffix(".files")))
        for database in databases
    ]
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        first, second = pool.map(stack.enter_context, contexts)
        yield first, second


@pytest.fixture(scope="session")
def shared_servers(
    started_bank: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    """Servers that many files use, as a reader's own would be."""
    with two_servers(started_bank, tmp_path_factory.mktemp("shared")) as servers:
        yield servers


@pytest.fixture(scope="session")
def whole_servers(
    started_bank: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    """As `shared_servers`, with a worker and the real-time process beside each."""
    folder = tmp_path_factory.mktemp("whole")
    with two_servers(started_bank, folder, serving_all) as servers:
        yield servers


@pytest.fixture
def servers(
    block: Block,
    request: pytest.FixtureRequest,
    started_bank: Path,
    tmp_path: Path,
) -> Iterator[Servers]:
    """Two servers for a block: the shared ones, or fresh ones if it cannot do with those."""
    for command in ("bash", "curl", "jq"):
        required(command)
    if needs_all(command.text for command in block.commands):
        yield request.getfixturevalue("whole_servers")
        return
    if not needs_fresh_servers(block):
        yield request.getfixturevalue("shared_servers")
        return
    with two_servers(started_bank, tmp_path) as fresh:
        yield fresh


def _explain(outcome: Outcome) -> str:
    return "\n".join(
        ["", "$ " + outcome.command.text, "--- printed in the file", *outcome.command.output,
         "--- really printed", *outcome.lines]
    )  # fmt: skip


@pytest.mark.parametrize(("path", "block"), BLOCKS)
def test_a_console_block_prints_what_it_says(path: Path, block: Block, servers: Servers) -> None:
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda server: run(block, server), servers)
    wrong = [_explain(outcome) for outcome in first if outcome.varied is None]
    assert not wrong, "\n".join(wrong)
    for one, other in zip(first, second, strict=True):
        assert one.varied is not None, _explain(one)
        assert other.varied is not None, _explain(other)
        pairs = zip(one.varied, other.varied, strict=True)
        idle = [hidden for hidden, again in pairs if hidden == again]
        assert not idle, f"a wildcard hides what does not vary: {idle}{_explain(one)}"


def test_every_demonstrated_question_has_blocks() -> None:
    """The parametrised test above would also pass on no block at all."""
    assert len(BLOCKS) > len(FILES) / 2
