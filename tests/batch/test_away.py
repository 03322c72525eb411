"""What lies between a worker and its driver, without a cluster."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import errors
from agent.batch.away import Link, LinkedShelf, until
from agent.batch.home import Home, parcel_of
from agent.batch.wire import Answer, Parcel, Stop, Written
from agent.config import Config
from agent.errors import BadReply, BudgetReached, Interrupted, NotUtf8, PathEscape, Unavailable
from agent.lab import ExperimentResult, Figure, WitnessJob, WitnessVerdict
from agent.lab import cache as lab_cache
from agent.lab.witness import cache as witness_cache
from agent.llm import Client
from agent.pipeline.prepare import freeze
from agent.pipeline.resources import Resources, shared
from agent.pipeline.run import Order
from agent.pipeline.shelf import Shelf
from agent.pipeline.watch import Watch
from agent.workspace import State, Workspace, find
from tests.pipeline.desk import SHORT

CLASSES = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.ExpandError)]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_travels(kind: type[errors.ExpandError]) -> None:
    sent = NotUtf8("a.md", 7) if kind is NotUtf8 else kind("what", hint="do")
    got = pickle.loads(pickle.dumps(sent))
    assert (type(got), str(got), vars(got)) == (kind, str(sent), vars(sent))


def test_what_an_error_says_besides_travels_too() -> None:
    sent = [
        Unavailable("a", retry_after=2.0, limited=True),
        BudgetReached("b", article=True),
        BadReply("c", call="x/reading", next_attempt=3),
    ]
    assert [vars(e) for e in pickle.loads(pickle.dumps(sent))] == [vars(e) for e in sent]


def workspace(root: Path) -> Workspace:
    (root / "blogs_raw").mkdir()
    (root / "blogs_raw" / "a.md").write_text(SHORT, encoding="utf-8")
    (root / "prompts").mkdir()
    (root / "prompts" / "system.md").write_text("own", encoding="utf-8")
    (root / "config.toml").write_text(
        '[model]\nbase_url = "http://me:secret@host/v1"\napi_key_env = "MY_KEY"\n', encoding="utf-8"
    )
    return find(root)


async def home_of(resources: Resources) -> tuple[Home, Order]:
    path = resources.ws.root / "blogs_raw" / "a.md"
    frozen = await asyncio.to_thread(freeze, resources.ws, "a", path, path.read_bytes(), State())
    order = Order(frozen, Client(resources.ledger, {}), {"writer": "openai:fake"})
    return Home(resources, order), order


def test_a_parcel_holds_no_key_and_no_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")

    async def main() -> bytes:
        async with shared(workspace(tmp_path), Watch()) as resources:
            _, order = await home_of(resources)
            return pickle.dumps(parcel_of(resources, order, home="h", inbox="i"))

    packed = asyncio.run(main())
    assert b"secret" not in packed
    assert pickle.loads(packed).prompts == {"prompts/system.md": b"own"}


@pytest.mark.parametrize("name", ["../b/draft.md", "/etc/x", "sections/../../x", "", "."])
def test_a_worker_writes_nowhere_else(tmp_path: Path, name: str) -> None:
    async def main() -> None:
        async with shared(workspace(tmp_path), Watch()) as resources:
            home, _ = await home_of(resources)
            with pytest.raises(PathEscape):
                home.store(Written({}, {"draft.md": b"x", name: b"y"}))
            assert not (resources.ws.output("a") / "draft.md").exists(), "nothing of it is written"

    asyncio.run(main())


def test_sections_of_an_earlier_draft_go(tmp_path: Path) -> None:
    async def main() -> list[str]:
        async with shared(workspace(tmp_path), Watch()) as resources:
            home, _ = await home_of(resources)
            home.store(Written({}, {"sections/a.1.md": b"1", "sections/a.2.md": b"2"}))
            home.store(Written({}, {"sections/a.1.md": b"3", "draft.md": b"x"}))
            folder = resources.ws.output("a")
            return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.md"))

    assert asyncio.run(main()) == ["draft.md", "sections/a.1.md"]


def link_to(home: Home, parcel: Parcel) -> Link:
    """A link whose letters are answered here."""

    async def post(packed: bytes) -> None:
        for letter in pickle.loads(packed):
            value = await home.answer(letter.content)
            link.heard(pickle.loads(pickle.dumps(Answer(letter.number, value))))

    link = Link(parcel, "replies", post)
    return link


def test_results_of_the_laboratory_outlive_their_worker(tmp_path: Path) -> None:
    """A program that gives something else each time would change later prompts, and paid replies would not fit."""
    program, witness = lab_cache.key("print(1)"), WitnessJob("w.same(x, x)", "1", "x")
    figure = Figure(b"png", 3, 4)
    result = ExperimentResult("1", True, 0, 0.5, "1\n", figures={"f": figure}, key=program)
    verdict = WitnessVerdict("", "1", "verified", "two routes", "limit", 3, 3, "evaluated", 0.5, "")
    keys = [program, witness_cache.key(witness)]

    async def main() -> Shelf:
        async with shared(workspace(tmp_path), Watch()) as resources:
            home, order = await home_of(resources)
            link = link_to(home, parcel_of(resources, order, home="h", inbox="i"))
            delivering = asyncio.ensure_future(link.deliver())
            first = LinkedShelf(tmp_path / "first", link)
            lab_cache.save(first.experiments, result)
            witness_cache.save(first.witnesses, witness, verdict)
            await first.share(keys)
            second = LinkedShelf(tmp_path / "second", link)
            await second.fetch([*keys, lab_cache.key("print(2)")])
            link.close()
            await delivering
            return resources.shelf

    there, home = Shelf(tmp_path / "second"), asyncio.run(main())
    assert there.read(keys) == home.read(keys)
    assert lab_cache.load(there.experiments, program, "1") == replace(result, cached=True)
    assert witness_cache.load(there.witnesses, witness) == verdict


@given(st.text(max_size=60))
def test_a_shelf_takes_results_only(name: str) -> None:
    with pytest.raises(PathEscape):
        Shelf(Path("nowhere")).write({f"experiments/{name}": b""})
    with pytest.raises(PathEscape):
        Shelf(Path("nowhere")).write({f"experiments/{'ab' * 20}/../{name}": b""})
    assert Shelf(Path("nowhere")).read([name]) == {}


def test_a_worker_nobody_waits_for_stops() -> None:
    async def main() -> None:
        sent: asyncio.Queue[bytes] = asyncio.Queue()
        parcel = Parcel(None, Config(), {}, {}, "h", "i")  # type: ignore[arg-type]
        link = Link(parcel, "replies", sent.put)
        sent.put_nowait(pickle.dumps(Stop()))
        ended = asyncio.Event()

        async def work() -> None:
            try:
                await link.say("anything")
            finally:
                ended.set()

        with pytest.raises(Interrupted):
            await until(work(), link.listen(sent.get))
        assert ended.is_set()

    asyncio.run(main())


def test_what_was_said_last_is_delivered_and_no_more_waited_for() -> None:
    async def main() -> list[str]:
        sent: list[str] = []

        async def post(packed: bytes) -> None:
            sent.extend(letter.content for letter in pickle.loads(packed))

        link = Link(Parcel(None, Config(), {}, {}, "h", "i"), "replies", post)  # type: ignore[arg-type]
        link.tell("first")
        link.tell("last")
        link.close()
        await asyncio.wait_for(link.deliver(), 30)
        return sent

    assert asyncio.run(main()) == ["first", "last"]


def test_a_link_that_breaks_ends_the_work_with_its_own_error() -> None:
    async def main() -> None:
        async def broken() -> bytes:
            raise ConnectionError("gone")

        link = Link(Parcel(None, Config(), {}, {}, "h", "i"), "replies", broken)  # type: ignore[arg-type]
        with pytest.raises(ConnectionError):
            await until(link.say("anything"), link.listen(broken))

    asyncio.run(main())
