"""How a number shows itself: formulas, quantities with ranges, units, sentences for errors, and the tables in data/."""
