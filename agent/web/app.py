"""The review server's routes. Every change is an event on disk before it is answered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from agent.errors import ExpandError, UsageError
from agent.review import decide
from agent.review.dossier import Dossier, load, revision, waiting
from agent.review.edit import current_text, edit, mend
from agent.review.redo import redo, require_model
from agent.review.take_back import take_back
from agent.review.versions import version, versions
from agent.web.diffs import side_by_side, side_html, unified_html
from agent.web.figures import figure_file, figure_name, media_type
from agent.web.guard import Guard, Secrets
from agent.web.jobs import Job, Jobs
from agent.web.page import STATIC, template, view
from agent.workspace import Workspace

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response


class Stale(UsageError):
    """The page that asks does not show the present state."""


@dataclass(frozen=True)
class Review:
    """What the routes work on."""

    ws: Workspace
    secrets: Secrets
    only: str = ""
    """The article the command named; empty lists all drafts."""
    spec: str | None = None
    """Model of redos."""
    jobs: Jobs = field(default_factory=Jobs)
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    """Held while a change is checked and made."""
    on_change: Callable[[], object] = lambda: None
    """Called after a merge, to bring the progress report up to date."""


def create_app(review: Review) -> Guard:
    """The guarded ASGI application."""
    return Guard(_routes(review), review.secrets)


def _routes(review: Review) -> Starlette:
    from starlette.applications import Starlette
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    def bound(handler: Callable[[Review, Request], Response]) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            return _answered(lambda: handler(review, request))

        return endpoint

    def change(handler: Callable[[Review, str, dict[str, Any]], Any]) -> Any:
        async def endpoint(request: Request) -> Response:
            from starlette.concurrency import run_in_threadpool

            body = await request.body()
            return await run_in_threadpool(_answered, lambda: _changed(review, request, body, handler))

        return endpoint

    article = "/a/{slug}"
    return Starlette(
        routes=[
            Route("/", bound(_home)),
            Route(article, bound(_page)),
            Route(f"{article}/state", bound(_state)),
            Route(f"{article}/diff/{{kind}}", bound(_diff)),
            Route(f"{article}/text/{{section}}", bound(_text)),
            Route(f"{article}/versions/{{section}}", bound(_versions)),
            Route(f"{article}/assets/{{file}}", bound(_asset)),
            *(Route(f"{article}/{name}", change(handler), methods=["POST"]) for name, handler in CHANGES.items()),
            Mount("/static/mathjax", StaticFiles(directory=mathjax_folder())),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
    )  # fmt: skip


def mathjax_folder() -> Path:
    """MathJax 3.2.2 as the package django-static-mathjax ships it."""
    from importlib.util import find_spec

    spec = find_spec("mathjax")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations))) / "static" / "mathjax" / "es5"


def _answered(work: Callable[[], Response]) -> Response:
    """Every named error as an answer the page can show."""
    from starlette.responses import JSONResponse

    try:
        return work()
    except Stale as error:
        return JSONResponse({"error": str(error), "hint": error.hint}, 409)
    except ExpandError as error:
        return JSONResponse({"error": str(error), "hint": error.hint}, 422)


def _slug(review: Review, request: Request) -> str:
    slug = str(request.path_params["slug"])
    if slug not in review.ws.slugs():
        raise UsageError(f"no article {slug}")
    return slug


def _home(review: Review, request: Request) -> Response:
    from starlette.responses import HTMLResponse, RedirectResponse

    if review.only and "all" not in request.query_params:
        return RedirectResponse(f"/a/{quote(review.only)}", 303)
    return HTMLResponse(template("list.html", nonce=request.state.nonce, rows=waiting(review.ws)))


def _page(review: Review, request: Request) -> Response:
    from starlette.responses import HTMLResponse

    slug = _slug(review, request)
    mend(review.ws, slug)
    dossier = load(review.ws, slug)
    return HTMLResponse(page_html(review, dossier, nonce=request.state.nonce))


def page_html(review: Review, d: Dossier, *, nonce: str) -> str:
    from agent.workspace.git import tracked

    base = f"/a/{quote(d.slug)}"

    def image(url: str) -> str | None:
        name = figure_name(d.slug, url)
        return f"{base}/assets/{quote(name)}" if name else None

    return template(
        "review.html",
        nonce=nonce,
        csrf=review.secrets.csrf,
        export=False,
        base=base,
        git=tracked(review.ws.root),
        state=state_data(d, review.jobs.of(d.slug)),
        figures=lambda name: f"{base}/assets/{quote(name)}",
        **page_values(d, image),
    )


def page_values(d: Dossier, image: Callable[[str], str | None]) -> dict[str, Any]:
    return {
        "d": d,
        "v": view(d, image),
        "errors": sum(c.errors for c in d.checks),
        "warnings": sum(c.warnings for c in d.checks),
        "refuted": sum(w.verdict == "refuted" for w in d.witnesses),
    }


def state_data(d: Dossier, job: Job | None = None) -> dict[str, Any]:
    """What of the page changes without loading it anew."""
    return {
        "revision": d.revision,
        "draft": d.report["draft_sha256"],
        "status": d.standing.status,
        "sections": dict(d.standing.sections),
        "undecided": list(d.standing.undecided),
        "waiting": list(d.standing.waiting),
        "order": [s.id for s in d.sections],
        "verdicts": {s.id: s.verdict for s in d.sections},
        "job": asdict(job) if job else None,
    }


def _state(review: Review, request: Request) -> Response:
    from starlette.responses import JSONResponse

    slug = _slug(review, request)
    return JSONResponse(state_data(load(review.ws, slug), review.jobs.of(slug)))


def _diff(review: Review, request: Request) -> Response:
    from starlette.responses import HTMLResponse

    d = load(review.ws, _slug(review, request))
    if request.path_params["kind"] == "unified":
        return HTMLResponse(unified_html(d.patch))
    return HTMLResponse(both_sides(d))


def both_sides(d: Dossier) -> str:
    rows = side_by_side(d.source.decode("utf-8"), d.draft.decode("utf-8"))
    return side_html(rows, "原文", "成稿")


def _text(review: Review, request: Request) -> Response:
    from starlette.responses import JSONResponse

    slug = _slug(review, request)
    text = current_text(review.ws, slug, str(request.path_params["section"]))
    return JSONResponse({"text": text, "revision": revision(review.ws, slug)})


def _versions(review: Review, request: Request) -> Response:
    from starlette.responses import HTMLResponse

    slug, section = _slug(review, request), str(request.path_params["section"])
    folder = review.ws.output(slug)
    now = current_text(review.ws, slug, section)
    kept = [v for v in versions(folder, section) if v.text != now.strip("\n")]
    shown = [
        (v.number, side_html(side_by_side(v.text, now, context=3), f"第 {v.number} 稿", "现在"))
        for v in reversed(kept)
    ]
    return HTMLResponse(template("versions.html", section=section, shown=shown))


def _asset(review: Review, request: Request) -> Response:
    from starlette.responses import FileResponse

    slug, name = _slug(review, request), str(request.path_params["file"])
    path = figure_file(review.ws.output(slug) / "assets" / slug, name)
    if path is None:
        raise UsageError(f"no figure {name}")
    return FileResponse(path, media_type=media_type(path))


def _changed(
    review: Review, request: Request, body: bytes, handler: Callable[[Review, str, dict[str, Any]], Any]
) -> Response:
    from starlette.responses import JSONResponse

    slug = _slug(review, request)
    try:
        asked = json.loads(body)
        seen = str(asked["revision"])
    except (ValueError, KeyError, TypeError):
        raise UsageError("not a request of this page") from None
    with review.one_at_a_time:
        # The same request twice at once must not both find the state they were made for.
        if seen != revision(review.ws, slug):
            raise Stale("这一页已经过时：别处作了决定", hint="重新载入")
        said = handler(review, slug, asked)
    extra = said if isinstance(said, dict) else {}
    return JSONResponse({**state_data(load(review.ws, slug), review.jobs.of(slug)), **extra})


def _sections(asked: dict[str, Any]) -> list[str]:
    chosen = asked.get("sections")
    if not isinstance(chosen, list) or not chosen or not all(isinstance(s, str) for s in chosen):
        raise UsageError("no section named")
    return chosen


def _accept(review: Review, slug: str, asked: dict[str, Any]) -> None:
    decide.accept(review.ws, slug, _sections(asked), note=str(asked.get("note", "")))


def _reject(review: Review, slug: str, asked: dict[str, Any]) -> None:
    decide.reject(review.ws, slug, _sections(asked), note=str(asked.get("note", "")))


def _take_back(review: Review, slug: str, asked: dict[str, Any]) -> dict[str, Any]:
    _, what = take_back(review.ws, slug)
    return {"said": f"收回：{what}"}


def _edit(review: Review, slug: str, asked: dict[str, Any]) -> None:
    edit(review.ws, slug, _sections(asked)[0], str(asked.get("text", "")))


def _restore(review: Review, slug: str, asked: dict[str, Any]) -> None:
    section, number = _sections(asked)[0], asked.get("number")
    if type(number) is not int:
        raise UsageError("no version named")
    edit(review.ws, slug, section, version(review.ws.output(slug), section, number).text)


def _redo(review: Review, slug: str, asked: dict[str, Any]) -> None:
    section, note = _sections(asked)[0], str(asked.get("note", ""))
    running = review.jobs.of(slug)
    if running is not None and not running.done:
        raise UsageError(f"{running.section} 正在重写", hint="等它写完再送下一节")
    require_model(review.ws, slug, [section], review.spec)
    # The note is on disk before the answer: a closed window loses nothing.
    decide.send_back(review.ws, slug, section, note=note)
    review.jobs.start(slug, section, lambda watch: _rewrite(review, slug, watch))


def _rewrite(review: Review, slug: str, watch: Any) -> None:
    redo(review.ws, slug, spec=review.spec, watch=watch)


def _merge(review: Review, slug: str, asked: dict[str, Any]) -> dict[str, Any]:
    from agent.merge import merge

    done = merge(review.ws, slug, commit=bool(asked.get("commit")), refresh=review.on_change)
    return {"merged": asdict(done)}


CHANGES: dict[str, Callable[[Review, str, dict[str, Any]], Any]] = {
    "accept": _accept,
    "reject": _reject,
    "take-back": _take_back,
    "edit": _edit,
    "restore": _restore,
    "redo": _redo,
    "merge": _merge,
}
