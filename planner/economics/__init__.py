"""What a plan costs: electricity, carbon, rent, purchase, the same tokens from an API, and when one beats the other.

power and speed -> energy -> electricity, carbon;   prices (typed in, or from dated tables) -> rent, wear, API ->
break-even
"""
