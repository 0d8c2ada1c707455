"""Alert: someone is told of a hidden fault, once for each trace and rule.

    outbox   each rule that fired with an alert on a trace becomes a document, whose id follows from both: the note that it is to be told
    plan     which of them are told now, alone or together: a storm becomes a few messages
    message  what a message says
    dispatch one worker at a time sends what is due, then marks it

A note is made before its trace counts as settled, and is due until it is marked: so a crash at any moment ends with a message. Only a crash
between sending and marking ends with two.
"""

from pipeline.alert.dispatch import Dispatch, Dispatcher
from pipeline.alert.outbox import Outbox

__all__ = ["Dispatch", "Dispatcher", "Outbox"]
