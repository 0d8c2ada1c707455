"""Extract: one log line becomes a LogLine with the ids, severity and signals that the line shows.

In:    the messages of log events, and the redactor.
Out:   LogLine structs, and the redacted messages. It never raises, whatever a line holds.
Touch: nothing outside. May import `redact`, `model`, `errors`.
Order: read_lines redacts and chooses a reader: json_line, text_line or platform_event. The prefilter's marks (id_marks, marks) tell which
       lines the rest examines: behind_prefix, marked_ids, marked_signals.
"""
