"""Close names: says which known name a mistyped one may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns `did you mean X?`, with up to three of the ``known`` names that are like ``name`` in any case; empty where none is."""
    by_folded = {each.casefold(): each for each in known}
    folded = name.casefold()
    close = [by_folded[each] for each in ([folded] if folded in by_folded else get_close_matches(folded, by_folded))]
    return f"did you mean {' or '.join(close)}?" if close else ""
