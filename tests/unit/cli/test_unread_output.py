"""What is printed is written once, whatever interrupts it."""

import os
import sys

import pytest

from pipeline.cli import unread_output


@pytest.mark.parametrize("text", ["one line\n", "many lines\n" * 5000])
def test_an_interrupt_lets_nothing_be_written_twice(monkeypatch, text):
    """Ctrl-C comes when the first bytes are out, before anybody knows how many: what follows is new."""
    reader, writer = os.pipe()
    write, calls = os.write, []

    def interrupted(file, data):
        calls.append(write(file, data[:4096]))
        if len(calls) == 1:
            raise KeyboardInterrupt
        return calls[-1]

    with os.fdopen(writer, "w", encoding="utf-8") as stream, os.fdopen(reader, encoding="utf-8") as read:
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", None)
        unread_output.drop_unread()
        monkeypatch.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            print(text, end="", flush=True)
        print("the end", flush=True)
        sys.stdout.detach()
        stream.close()
        assert read.read() == text[: calls[0]] + "the end\n"
