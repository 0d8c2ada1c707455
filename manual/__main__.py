"""`python -m manual`: writes the reference pages, or with `--check` says which are out of date; then tries every sample of all pages."""

import argparse
import sys

from manual.reference import stale, write
from manual.samples import problem, samples
from manual.stack_template import ROOT

_PAGES = ("README.md", "CONTRIBUTING.md", "examples/**/README.md", "docs/**/*.md")


def main() -> int:
    """Runs the command; gives its exit status: 1 where a page is out of date or a sample is wrong."""
    parser = argparse.ArgumentParser(prog="python -m manual", description=__doc__)
    parser.add_argument("--check", action="store_true", help="Write nothing.")
    check = parser.parse_args().check
    folder = ROOT / "docs" / "reference"
    problems = []
    try:
        if check:
            problems += stale(folder)
        else:
            write(folder)
    except ValueError as error:
        problems.append(str(error))
    problems += wrong_samples()
    for line in problems:
        print(line, file=sys.stderr)
    return int(bool(problems))


def wrong_samples() -> list[str]:
    """Names each sample in the repository's pages that the command or a parser refuses, with file, line and reason."""
    found = []
    for pattern in _PAGES:
        for path in sorted(ROOT.glob(pattern)):
            found += [
                f"{path.relative_to(ROOT)}:{sample.line}: {reason}" for sample in samples(path.read_text()) if (reason := problem(sample))
            ]
    return found


if __name__ == "__main__":
    sys.exit(main())
