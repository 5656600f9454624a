"""The question: its form, its link, and what every page begins with."""
