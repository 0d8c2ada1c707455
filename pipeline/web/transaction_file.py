"""Transaction file: writes the view of one transaction as a page that needs no server and refers to nothing outside of itself."""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from markupsafe import Markup

from pipeline.search.query import SearchQuery
from pipeline.search.search import document, find
from pipeline.search.transaction_view import TransactionView
from pipeline.search.waterfall import Row, end_of
from pipeline.store.client import Store
from pipeline.web.assets import STATIC
from pipeline.web.document_fields import ShownDocument, shown_document
from pipeline.web.packed_documents import PackedDocuments
from pipeline.web.rendering import templates
from pipeline.web.transaction_page import common_values
from pipeline.web.waterfall_rows import Window, drawn_rows, rows_json

MOST_CHARACTERS: Final = 24_000_000
"""How much text the documents of rows may take in the file. Of further rows it holds what the waterfall shows."""

MOST_LISTED: Final = 5000
"""How many rows of the file can be read without its script, and printed: the first ones."""
MOST_ARTICLES: Final = 1000
"""How many documents of the file can be read without its script: the first ones."""
_STYLES: Final = ("base.css", "transaction.css")
# each one after those that it imports
_SCRIPTS: Final = ("transaction_rows.js", "transaction_axis.js", "transaction_list.js", "transaction_document.js", "transaction.js")
_MODULE_WORDS: Final = re.compile(r"^import [^\n]*\n|^export (?=(?:class|function|const) )", re.MULTILINE)


def transaction_file(
    view: TransactionView, store: Store, *, most: int = MOST_CHARACTERS, most_listed: int = MOST_LISTED, most_articles: int = MOST_ARTICLES
) -> Iterator[str]:
    """Yields the page, part by part.

    Args:
        view: the transaction.
        store: OpenSearch, from which the documents of its rows are read, one after the other.
        most: how many characters of documents the page may hold.
        most_listed: how many rows can be read without the script, and printed.
        most_articles: how many documents can be.
    """
    found = view.rows()
    whole = end_of(found)
    window = Window(since=0.0, until=whole)
    style = "\n".join((STATIC / "css" / name).read_text(encoding="utf-8") for name in _STYLES)
    script = "\n".join(_MODULE_WORDS.sub("", (STATIC / "js" / name).read_text(encoding="utf-8")) for name in _SCRIPTS)
    values: dict[str, Any] = common_values(view, found) | {
        "window": window, "rows": drawn_rows(list(enumerate(found[:most_listed])), window), "row_count": len(found),
        "documents": _Documents(view, store, found, most, most_articles),
        "rows_json": rows_json(found, whole), "style": Markup(style), "script": Markup(script),  # noqa: S704  # our own files
        "policy": f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'",
    }  # fmt: skip
    yield from templates().get_template("transaction_file.html").generate(values)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


class _Documents:
    """The documents of rows, read while they are written.

    Those of the first rows are given as the place of the row, whether it tells of a failure, and what is shown of it: they can be read
    without a script, and printed. All others are packed for the script, since a browser is slow with millions of elements.

    Attributes:
        left_out: how many had no room, once all are read.
    """

    def __init__(self, view: TransactionView, store: Store, rows: Sequence[Row], room: int, most_articles: int) -> None:
        self._hits = find(SearchQuery(ids=(view.id,), whole=True, limit=0), store).hits
        self._rows = rows
        self._room = room
        self._most_articles = most_articles
        self._packed = PackedDocuments()
        self.left_out = 0

    def __iter__(self) -> Iterator[tuple[int, bool, ShownDocument]]:
        places = {row.key: place for place, row in enumerate(self._rows)}
        articles = 0
        for hit in self._hits:
            # a span that moved to another day is in two indices for a moment
            if (place := places.pop(hit["_id"], None)) is None:
                continue
            shown = shown_document(document(hit))
            self._room -= shown.size
            if self._room < 0:
                self.left_out += 1
            elif articles < self._most_articles:
                articles += 1
                yield place, self._rows[place].failed and bool(shown.body or shown.exceptions), shown
            else:
                self._packed.add(place, shown)

    @property
    def packed(self) -> Markup:
        """The documents that were not given, as JSON."""
        return self._packed.json()
