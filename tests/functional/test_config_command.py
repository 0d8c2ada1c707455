"""`tracejoin config` in an empty home, as a person calls it."""

import os
import stat

import pytest

from tests.support.command import rows, tracejoin
from tests.support.documents import indexed
from tests.support.events import lambda_event, powertools, report


@pytest.fixture
def home(tmp_path):
    """An empty home: its folder, and a function that calls the command there."""
    nothing = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    return tmp_path, lambda *arguments, **more: tracejoin(*arguments, **nothing, **more)


def listed(output):
    """The value and origin of each key of `config --json`."""
    return {row["key"]: (row["value"], row["from"]) for row in rows(output)}


def test_what_is_set_is_in_force_for_every_command(home, store):
    """Endpoint and prefix come from the file, in a context and without; a command then needs neither option nor variable."""
    folder, run = home
    file = folder / ".config" / "tracejoin" / "config.toml"
    assert run("config", "path") == (0, f"{file}\n", "")
    for words in (("set", "endpoint", store.endpoint), ("set", "prefix", "nosuch")):
        assert run("config", *words) == (0, "", "")
    assert run("--context", "here", "config", "set", "prefix", store.prefix) == (0, "", "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    status, _, errors = run("faults")
    assert (status, "'nosuch'" in errors) == (2, True)
    assert run("--context", "here", "faults")[::2] == (1, "tracejoin: no hidden faults\n")
    assert run("faults", TRACEJOIN_CONTEXT="here")[0] == 1
    assert run("config", "set", "context", "here")[0] == 0
    assert run("faults")[0] == 1
    found = listed(run("config", "--json")[1])
    assert found["prefix"] == (store.prefix, f"{file}:6")
    assert (found["context"], found["region"]) == (("here", f"{file}:3"), ("", "default"))
    assert listed(run("config", "--json", TRACEJOIN_PREFIX="other")[1])["prefix"] == ("other", "TRACEJOIN_PREFIX")
    assert run("config", "get", "prefix") == (0, f"{store.prefix}\n", "")
    assert run("config", "get", "region") == (1, "", "")
    assert [run("config", "unset", "prefix")[0], run("--context", "here", "config", "unset", "prefix")[0]] == [0, 0]
    assert listed(run("config", "--json")[1])["prefix"] == ("tracejoin", "default")
    status, output, _ = run("config", "--all")
    assert (status, ["lookups_per_minute", "600", "default"] in [line.split() for line in output.splitlines()]) == (0, True)


def test_no_password_is_seen(home):
    """Neither in a list, nor where it is asked for; and who could read the file is told of."""
    folder, run = home
    file = folder / ".config" / "tracejoin" / "config.toml"
    assert run("config", "set", "password", text="hunter2\n") == (0, "", "")
    assert run("config", "set", "username", "me")[0] == 0
    assert 'password = "hunter2"' in file.read_text()
    for words in (("config",), ("config", "--json"), ("config", "get", "password"), ("config", "--all")):
        status, output, errors = run(*words)
        assert (status, "(set)" in output, "hunter2" in output + errors, errors) == (0, True, False, "")
    file.chmod(0o640)
    status, _, errors = run("config")
    assert (status, errors) == (0, f"tracejoin: {file} holds a password, and others on this computer may read it: chmod 600 {file}\n")
    # a login in an address, in the file or the environment
    assert "hunter2" not in "".join(map(str, run("config", TRACEJOIN_ENDPOINT="https://me:hunter2@x")))
    assert "hunter2" not in "".join(map(str, run("config", "set", "endpoint", "https://me:hunter2@x")))


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("config", "set", "endpint", "x"), 2, "there is no key 'endpint': did you mean endpoint?"),
        (("config", "get", "TRACEJOIN_PREFIX"), 2, "did you mean prefix?"),
        (("config", "set", "workers", "many"), 2, "workers 'many': must be a whole number above 0"),
        (("config", "set", "insecure", "yes"), 2, "insecure 'yes': must be on or off"),
        (("config", "set", "ca", "gone.pem"), 2, "can't be read: No such file"),
        (("config", "set", "context", "gone"), 2, "there is no context 'gone': the file has none"),
        (("--context", "a b", "config", "set", "prefix", "x"), 2, "a name may hold letters"),
        (("config", "unset", "prefix"), 1, "prefix is not set"),
        (("config", "unset", "endpint"), 2, "there is no key 'endpint': did you mean endpoint?"),
        (("config", "set", "password"), 2, "password needs a value: `tracejoin config unset password` takes it out"),
        (("config", "set", "context", ""), 2, "context needs a value"),
        (("config", "set", "region", "a b"), 2, "region 'a b': must be the name of an AWS region"),
        (("config", "set", "endpoint", "http://a b/"), 2, "must be a URL with http or https, without a space"),
        (("config", "set", "endpoint", "http://a/b c"), 2, "must be a URL with http or https, without a space"),
        (("--endpoint", "", "faults"), 2, "'--endpoint': must not be empty"),
        (("faults", "--region", ""), 2, "'--region': must not be empty"),
        (("faults", "--endpoint", "http://a b/"), 2, "tracejoin: --endpoint: endpoint: must be a URL with http or https, without a space"),
        (("resolve", "--region", "no where"), 2, "--region: region = 'no where': must be the name of an AWS region"),
        (("backfill", "f", "--since", "1h", "--region", "no where"), 2, "--region: region = 'no where'"),
        (("replay", "--bucket", "bucket", "--region", "no where"), 2, "--region: region = 'no where'"),
        (("config", "sett"), 2, "Did you mean"),
        (("--context", "gone", "faults"), 2, "no context 'gone'"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(home, words, status, told):
    """What was wrong, and what to do; the file does not come into being."""
    folder, run = home
    found, _, errors = run(*words)
    assert (found, told in errors) == (status, True), errors
    assert not (folder / ".config" / "tracejoin" / "config.toml").exists()


def test_a_broken_file_is_told_with_its_line_and_help_works_all_the_same(home):
    """Every command says it, config among them; --help and help do not need it."""
    folder, run = home
    file = folder / ".config" / "tracejoin" / "config.toml"
    file.parent.mkdir(parents=True)
    for content, told in (("prefix = 'a'\nendpoint = x\n", f"tracejoin: {file}:2: this is no TOML"),
                          ("prefx = '\x1b[31m'\n", f"tracejoin: {file}:1: this is no TOML"),
                          ("prefx = 'a'\n", f"tracejoin: {file}:1: there is no key 'prefx': did you mean prefix"),
                          ("prefix = 'NO'\n", f"tracejoin: {file}:1: prefix = 'NO': must start")):  # fmt: skip
        file.write_text(content)
        for words in (("faults",), ("config",)):
            status, _, errors = run(*words)
            assert (status, errors.startswith(told), errors.count("\n"), "\x1b" in errors) == (2, True, 1, False), errors
        assert [run(*words)[0] for words in (("help", "faults"), ("faults", "--help"), ("config", "path"))] == [0, 0, 0]
        status, output, errors = run("explain", text="one line")
        assert (status, "one line" in output, errors.startswith(told), errors.endswith("; the configuration file is left out\n")) == (
            0,
            True,
            True,
            True,
        )
    # a wrong key can be taken out
    file.write_text("prefx = 'a'\n")
    assert (run("config", "unset", "prefx")[0], file.read_text()) == (0, "")


def test_what_stands_in_the_file_is_blamed_on_its_line(home):
    """A password without its user, in the file; and from an option, a login that plain http would show."""
    folder, run = home
    file = folder / ".config" / "tracejoin" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("# a login\npassword = 'hunter2'\n")
    file.chmod(0o600)
    status, _, errors = run("faults")
    told = f"tracejoin: TRACEJOIN_USERNAME and password ({file}:2) go together: set both or neither\n"
    assert (status, errors) == (2, told)
    file.unlink()
    login = {"TRACEJOIN_USERNAME": "me", "TRACEJOIN_PASSWORD": "hunter2"}
    assert run("--endpoint", "http://search.example.com", "faults", **login)[2].startswith("tracejoin: --endpoint is plain http")


def test_what_is_no_plain_file_or_has_a_mark(home):
    """A FIFO is not waited for, a folder is one line, and the mark that some editors put before UTF-8 is no part of a key."""
    folder, run = home
    file = folder / ".config" / "tracejoin" / "config.toml"
    file.parent.mkdir(parents=True)
    for make, remove in ((os.mkfifo, file.unlink), (os.mkdir, file.rmdir)):
        make(file)
        for words in (("config",), ("faults",), ("config", "set", "prefix", "x")):
            assert run(*words)[::2] == (2, f"tracejoin: {file} is no file: the configuration is read from one\n")
        remove()
    file.write_text("\ufeffprefix = 'marked'\n", encoding="utf-8")
    assert run("config", "get", "prefix") == (0, "marked\n", "")


@pytest.mark.parametrize("word", ["on", "true", "TRUE"])
def test_a_switch_is_on_or_true(home, word):
    """On the command line, in the environment, and in the file, as a word or as TOML's own value."""
    folder, run = home
    file = folder / ".config" / "tracejoin" / "config.toml"
    assert run("config", "set", "utc", word) == (0, "", "")
    assert file.read_text() == "utc = true\n"
    file.write_text(f"utc = '{word}'\n")
    assert run("config", "get", "utc")[0] == 0
    assert "UTC" in run("help", "time", TRACEJOIN_UTC=word)[1]
    assert run("config", "get", "utc", TRACEJOIN_UTC=word) == (0, f"{word}\n", "")


def test_a_folder_that_can_not_be_written(home):
    """One line."""
    folder, run = home
    (folder / ".config").write_text("no folder")
    status, _, errors = run("config", "set", "prefix", "x")
    assert (status, errors) == (1, f"tracejoin: {folder}/.config/tracejoin/config.toml can't be written: Not a directory\n")


def test_help_tells_of_commands_and_topics():
    """The help of a command is its --help; a topic is the manual's; what there is not is answered with what is like it."""
    for words in (("search",), ("issue", "ack"), ("config",)):
        assert tracejoin("help", *words) == tracejoin(*words, "--help")
    assert "Topics" in tracejoin("help")[1]
    status, output, _ = tracejoin("help", "exit-status", COLUMNS="80")
    assert (status, "130" in output, max(map(len, output.splitlines())) <= 80) == (0, True, True)
    for words, told in (
        (("exit-stats",), "did you mean exit-status"),
        (("serch",), "search"),
        (("issue", "akc"), "did you mean ack"),
        (("xyz",), "lists all"),
    ):
        status, _, errors = tracejoin("help", *words)
        assert (status, told in errors) == (2, True), errors


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("serach", "x"), "No such command 'serach'. Did you mean 'search'?"),
        (("issue", "mtue", "a1"), "No such command 'mtue'. Did you mean 'mute'?"),
        (("faults", "--rule", "edge-error-trace"), "there is no 'edge-error-trace': did you mean edge-error-trace-ok"),
        (("faults", "--servce", "x"), "'--service'"),
        (("--regoin", "x", "faults"), "'--region'"),
        (("--profile", "prod", "explain"), "no AWS profile 'prod' in /dev/null or /dev/null: there is none: `aws configure` makes one"),
        (("explain", "--ca", "gone.pem"), "gone.pem: can't be read: No such file or directory"),
    ],
)
def test_a_mistyped_name_is_answered_with_what_is_like_it(words, told):
    """Commands, subcommands, rules, options, profiles, files."""
    status, _, errors = tracejoin(*words)
    assert (status, told in errors) == (2, True), errors


def test_times_are_utc_where_the_file_or_the_environment_says_so(home, store, settings):
    """Printed and read so, whatever this computer's zone is; what is neither on nor off is told."""
    _, run = home
    indexed(lambda_event([powertools("paid"), report()]), store, settings)
    where = {"TRACEJOIN_ENDPOINT": store.endpoint, "TRACEJOIN_PREFIX": store.prefix, "TZ": "Asia/Tokyo"}
    (stored,) = {row["@timestamp"][11:19] for row in rows(run("search", "paid", "--json", **where)[1])}
    assert stored not in run("search", "paid", **where)[1]
    assert stored in run("search", "paid", **where, TRACEJOIN_UTC="on")[1]
    assert run("config", "set", "utc", "on")[0] == 0
    assert stored in run("search", "paid", **where)[1]
    assert stored not in run("search", "paid", **where, TRACEJOIN_UTC="off")[1]
    status, _, errors = run("search", "paid", **where, TRACEJOIN_UTC="maybe")
    assert (status, errors) == (2, "tracejoin: TRACEJOIN_UTC: utc = 'maybe': must be on or off\n")
