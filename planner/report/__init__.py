"""The answer as JSON, Markdown and HTML, and every step behind it."""
