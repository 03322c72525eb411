"""A batch over a service that fails in every way, in a process that is killed again and again.

30% of the requests are answered with 429, 500, 503, a reset, a stream that is cut (in order or not), an event that is
no JSON, an error in the middle, silence, an empty reply, a refusal, half a reply, or one in the wrong form; and the
process is killed (SIGKILL) 20 times. What is checked:

- every article has its draft in the end;
- no stored reply is asked for again: of the answers that arrived whole, all but those under way at a kill are stored;
- at a kill no more is lost than was under way;
- the ledger verifies, and every draft is that of a calm run wherever it was given the same replies.

Prints the counts; 0 as the exit code means all of it held. Run as ``python -m benchmarks.chaos``.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from agent.llm import Ledger
from benchmarks.server import UNUSABLE, Service, digest
from benchmarks.workspace import make
from tests.pipeline.desk import FAKE, Nursery, Site

SLOTS = 6


@dataclass
class Count:
    """What happened."""

    articles: int = 0
    kills: int = 0
    requests: int = 0
    faults: int = 0
    whole: int = 0
    """Answers that the service sent to their end, usable or not."""
    stored: int = 0
    lost: int = 0
    """Whole answers that are not in the ledger."""
    most_lost: int = 0
    """At one kill."""
    drafts: int = 0
    same: int = 0
    """Drafts that are those of the calm run."""
    given: int = 0
    """Articles whose usable replies were those of the calm run."""
    problems: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        return (
            self.drafts == self.articles
            and not self.problems
            and self.most_lost <= SLOTS
            and self.same >= self.given
        )


def chaos(
    folder: Path,
    *,
    articles: int,
    kills: int,
    faults: float,
    seed: int,
    timeout: float = 1.0,
    silence: float = 3600.0,
) -> Count:
    """Run it; ``folder`` is empty. The client waits ``timeout`` seconds for a byte; a service that stalls hangs up after
    ``silence`` seconds. Where the machine may be so busy that whole answers come later than the first, the second has
    to end the stalls: a whole answer that nobody waited for counts as lost."""
    start = time.monotonic()
    nursery_folder = folder / "nursery"
    nursery_folder.mkdir()
    nursery = Nursery(nursery_folder)
    try:
        with Service(latency=0.05, first=0.02, silence=silence) as service:
            calm = batch(folder / "calm", nursery, service, articles, timeout)
            expand(calm, service)
            service.reset(faults=faults)
            wild = batch(folder / "wild", nursery, service, articles, timeout)
            found = Count(articles=articles)
            rng = random.Random(seed)
            while found.kills < kills and killed(wild, service, rng.randint(2, 9), found):
                pass
            for _ in range(4):  # an article that failed is tried once more, in this run or the next
                if expand(wild, service) not in (3,):
                    break
            tally(found, calm, wild, service)
    finally:
        nursery.close()
    found.seconds = time.monotonic() - start
    return found


def batch(root: Path, nursery: Nursery, service: Service, articles: int, timeout: float) -> Site:
    make(root, articles, slots=SLOTS, wait_cap=0.2, timeout=timeout, warm=1.0)
    site = Site(root, nursery)
    site.env |= {"OPENAI_BASE_URL": service.base_url, "OPENAI_API_KEY": "sk-benchmark"}
    return site


def expand(site: Site, service: Service) -> int:
    done = site.expand("batch", "1A", "--model", FAKE)
    assert done.code in (0, 1, 3), done.err
    return done.code


def killed(site: Site, service: Service, after: int, found: Count) -> bool:
    """Kill a run after so many more requests; False where it was done before."""
    goal = service.count() + after
    service.hold(goal)
    running = site.start("batch", "1A", "--model", FAKE)
    while service.count() < goal:
        if not alive(running.pid):
            site.nursery.wait(running)
            service.hold(0)
            return False
        time.sleep(0.005)
    os.kill(running.pid, signal.SIGKILL)
    site.nursery.wait(running)
    service.hold(0)
    found.kills += 1
    before = found.lost
    found.lost = sum((answered(service) - kept(site)[0]).values())
    found.most_lost = max(found.most_lost, found.lost - before)
    return True


def answered(service: Service) -> Counter[str]:
    """Questions by how often they were answered whole."""
    return Counter(e["asked"] for e in service.log() if e["end"] and e["fault"] in ("", *UNUSABLE))


def kept(site: Site) -> tuple[Counter[str], list[str]]:
    """Questions by how many replies are stored, and what `ledger verify` says."""
    with Ledger(site.root / "outputs" / "ledger.db") as ledger:
        calls = [ledger.call(row.key) for row in ledger.rows()]
        return Counter(digest([m.content for m in c.messages]) for c in calls if c), ledger.verify()


def alive(pid: int) -> bool:
    """False for a process that has ended and waits to be collected by its parent, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def tally(found: Count, calm: Site, wild: Site, service: Service) -> None:
    log = service.log()
    found.requests = len(log)
    found.faults = sum(bool(e["fault"]) for e in log)
    whole = answered(service)
    found.whole = sum(whole.values())
    with Ledger(calm.root / "outputs" / "ledger.db") as ledger:
        wanted = {row.name: row.reply.text for row in ledger.rows() if row.status == "ok"}
    with Ledger(wild.root / "outputs" / "ledger.db") as ledger:
        rows = ledger.rows()
        joined = {r.name for r in rows if r.problem.startswith("it stopped at the length limit")}
        got = {r.name: r.reply.text for r in rows if r.status == "ok" and r.name not in joined}
    stored, problems = kept(wild)
    found.stored = len(rows)
    found.lost = sum((whole - stored).values())
    found.problems = (*problems, *(f"stored but never answered: {k}" for k in stored - whole))
    for path in sorted((calm.root / "blogs_raw").glob("*.md")):
        slug = path.stem
        draft = wild.output(slug) / "draft.md"
        found.drafts += draft.is_file()
        mine = [n for n in wanted if n.startswith(f"{slug}/")]
        given = all(n in joined or got.get(n) == wanted[n] for n in mine)
        same = draft.is_file() and draft.read_bytes() == calm.draft(slug)
        found.given += given
        found.same += same and given


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=4)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--faults", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = chaos(
            Path(folder),
            articles=options.articles,
            kills=options.kills,
            faults=options.faults,
            seed=options.seed,
        )
    print(f"{found.requests} requests, {found.faults} of them faulty ({found.faults / found.requests:.0%}), "
          f"{found.kills} kills, {found.seconds:.0f} s")  # fmt: skip
    print(f"drafts: {found.drafts} of {found.articles} articles")
    print(f"answers that came whole: {found.whole}; stored: {found.stored}; lost: {found.lost} "
          f"({found.most_lost} at one kill at most, {SLOTS} are under way at a time)")  # fmt: skip
    print(
        f"drafts as in the calm run: {found.same} of the {found.given} articles that were given the same replies"
    )
    for problem in found.problems:
        print(f"problem: {problem}")
    print("held" if found.held else "DID NOT HOLD")
    return 0 if found.held else 1


if __name__ == "__main__":
    raise SystemExit(main())
