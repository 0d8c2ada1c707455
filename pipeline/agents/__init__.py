"""Agents: a tool call of an agent becomes a bounded answer without secrets, over the Model Context Protocol.

In:    calls of tools by name, with their arguments as JSON.
Out:   answers as JSON text, marked as data of strangers; an error as one line.
Touch: stdin and stdout, and OpenSearch through `store`; it only reads. May import `search`, `store`, `redact`, `detect`, `model`, `errors`.
       It never enters Lambda.
Order: answer bounds and cleans; tools holds each tool with its arguments; server speaks the protocol.
"""
