"""Extract: one log line becomes ids, severity and signals: whatever the line says of itself.

In:    the messages of log events, and the redactor.
Out:   LogLine structs; the lines without their secrets. It never raises, whatever a line holds.
Touch: nothing outside. May import `redact`, `model`, `errors`.
Order: read_lines redacts and chooses; json_line, text_line and platform_event read; error_payload looks closer at lines marked for it.
"""
