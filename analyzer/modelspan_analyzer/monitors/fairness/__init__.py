"""Fairness of every facet, judged on change from the baseline and on fixed bounds."""
