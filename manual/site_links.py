"""Site links: a hook of MkDocs that turns links to files outside `docs/`, which GitHub follows and a site can't.

A link to such a file becomes a link to `extra.sources` where that is set, else the plain text. One to a file that is not there is a
warning, on which `mkdocs build --strict` fails.
"""

import logging
import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"\[([^\[\]]*)\]\((\.\./[^)#\s]*)(#[^)\s]*)?\)")
_FENCED = re.compile(r"(^ *```.*?^ *```|^    .*?$)", re.MULTILINE | re.DOTALL)
_LOG = logging.getLogger("mkdocs.hooks.site_links")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Gives the Markdown of a page with these links turned; code stays as it is."""
    docs = Path(config["docs_dir"]).resolve()
    source = (docs / page.file.src_uri).resolve()
    parts = _FENCED.split(markdown)
    return "".join(
        part if number % 2 else turn(part, source, docs, config["extra"].get("sources") or "") for number, part in enumerate(parts)
    )


def turn(text: str, source: Path, docs: Path, sources: str) -> str:
    """Turns the links in ``text``, of the page ``source``, that lead out of ``docs``; ``sources`` is the address of the repository."""

    def turned(link: re.Match[str]) -> str:
        shown, path, anchor = link[1], link[2], link[3] or ""
        target = (source.parent / path).resolve()
        if target.is_relative_to(docs):
            return link[0]
        if not target.is_relative_to(docs.parent) or not target.exists():
            _LOG.warning("%s: there is no %s", source.relative_to(docs), path)
        inside = target.relative_to(docs.parent).as_posix() if target.is_relative_to(docs.parent) else path
        return f"[{shown}]({sources.rstrip('/')}/{inside}{anchor})" if sources else shown

    return _LINK.sub(turned, text)
