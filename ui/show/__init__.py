"""How an answer is shown: charts, tables, text."""
