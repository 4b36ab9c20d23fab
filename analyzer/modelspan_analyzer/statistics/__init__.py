"""Pure statistics: counts, quantile grids or small arrays in; a float or a small record out. One measure a file."""
