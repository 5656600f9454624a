"""Some 200 answers as text: what a change of the code moves shows as a difference, line by line."""
