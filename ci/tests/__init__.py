"""The checks are checked: each must find what is planted for it."""
