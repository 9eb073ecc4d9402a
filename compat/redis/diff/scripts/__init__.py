"""Conversations with a server; each function marked with `script` is one."""
