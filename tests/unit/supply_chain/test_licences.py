"""What `make licences` lets in, and what it says of the rest."""

import json
import sys

import pytest

from supply_chain import licences
from tests.support.distributions import install


@pytest.fixture
def judged(tmp_path, monkeypatch, capsys):
    """Runs the command on the folder of a package, and returns its exit status, and what it printed, as lines."""

    def run():
        monkeypatch.setattr(sys, "argv", ["licences", str(tmp_path)])
        status = licences.main()
        out, err = capsys.readouterr()
        return status, out.splitlines(), err.splitlines()

    return run


def test_each_distribution_is_listed_with_what_it_carries(tmp_path, judged):
    """Expressions, classifiers and free texts come out as SPDX; the code that is compiled in stands below."""
    install(tmp_path, "plain", metadata=["License-Expression: MIT OR GPL-2.0-only"])
    install(
        tmp_path,
        "classified",
        metadata=["Classifier: License :: OSI Approved", "Classifier: License :: OSI Approved :: Apache Software License"],
    )
    install(tmp_path, "PyYAML", "6.0", metadata=["License: MIT"], files={"yaml/_yaml.so": ""})
    status, out, err = judged()
    assert (status, err) == (0, [])
    assert [" ".join(line.split()) for line in out[1:]] == [
        "classified 1.0 Apache-2.0",
        "plain 1.0 MIT OR GPL-2.0-only",
        "pyyaml 6.0 MIT",
        "libyaml 0.2.6 MIT",
    ]


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ([], "no licence that its metadata names"),
        (["License: BSD", "Classifier: License :: OSI Approved :: BSD License"], "an unknown licence (BSD AND BSD License)"),
        (["License: see the file"], "an unknown licence (see the file)"),
        (["License-Expression: GPL-3.0-or-later"], "GPL-3.0-or-later, a copyleft licence"),
        (["License-Expression: MPL-2.0"], "MPL-2.0, a copyleft licence"),
        (["License: MIT", "Classifier: License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"], "a copyleft licence"),
        (["License: AGPL-3.0"], "AGPL-3.0, a copyleft licence"),
    ],
)
def test_an_unknown_or_a_copyleft_licence_fails(tmp_path, judged, metadata, said):
    """One line says which distribution it is, what its licence is called, and what to do; its neighbour is listed."""
    install(tmp_path, "good", metadata=["License-Expression: MIT"])
    install(tmp_path, "odd", metadata=metadata)
    status, out, err = judged()
    assert status == 1
    assert len(err) == 1
    assert err[0].startswith("odd 1.0 is under ")
    assert said in err[0]
    assert "supply_chain/licences.py" in err[0]
    assert [line.split()[0] for line in out] == ["tracejoin", "good", "odd"]


def test_an_exception_is_for_one_distribution_and_one_licence(tmp_path, judged):
    """The package certifi may be under MPL-2.0, with the reason beside it, but not under another copyleft licence."""
    install(tmp_path, "certifi", metadata=["License: MPL-2.0"])
    status, out, _ = judged()
    assert status == 0
    assert "carried unchanged" in out[1]
    install(tmp_path, "certifi", metadata=["License: GPL-3.0"])
    assert judged()[0] == 1


def test_a_reviewed_licence_holds_for_the_same_words_only(tmp_path, judged):
    """Whoever changes what the metadata says is read again."""
    install(tmp_path, "Events", metadata=["License: BSD", "Classifier: License :: OSI Approved :: BSD License"])
    assert judged()[0] == 0
    install(tmp_path, "Events", metadata=["License: BSD"])
    assert judged()[0] == 1


def test_compiled_code_that_nobody_looked_into_fails(tmp_path, judged):
    """A shared library may hold other projects' code, which no metadata tells."""
    install(tmp_path, "fast", metadata=["License-Expression: MIT"], files={"fast/_fast.so": ""})
    status, _, err = judged()
    assert status == 1
    assert err[0].startswith("fast 1.0 has compiled code")


def test_a_wheel_s_own_sbom_is_read(tmp_path, judged):
    """What a distribution says that it carries (PEP 770) is listed, and judged like the rest."""
    inside = [{"name": "lib", "version": "3", "licenses": [{"license": {"id": "MIT"}}, {"expression": "Zlib OR GPL-2.0-only"}]},
              {"name": "bad", "licenses": [{"license": {"id": "GPL-2.0-only"}}]}, {"name": "silent"}]  # fmt: skip
    install(tmp_path, "fast", metadata=["License-Expression: MIT"],
            files={"fast/_fast.so": "", "{info}/sboms/fast.cdx.json": json.dumps({"components": inside})})  # fmt: skip
    status, out, err = judged()
    assert status == 1
    assert " ".join(out[2].split()) == "lib 3 MIT AND (Zlib OR GPL-2.0-only)"
    assert [line.partition(" is under ")[0] for line in err] == ["bad (in fast)", "silent (in fast)"]


def test_a_file_of_nobody_fails(tmp_path, judged):
    """What lies in the package beside tracejoin and the distributions has no known licence at all."""
    install(tmp_path, "good", metadata=["License-Expression: MIT"])
    for path in ("pipeline/ship.py", "good/__pycache__/x.pyc", "vendored/tool.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    status, _, err = judged()
    assert (status, err) == (1, ["vendored/tool.py belongs to no distribution: nobody says where it is from"])


def test_an_empty_folder_is_no_package(judged):
    """A wrong path is said, and does not pass for a package without problems."""
    status, _, err = judged()
    assert status == 1
    assert "make build" in err[0]
