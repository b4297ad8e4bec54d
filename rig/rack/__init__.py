"""Boards of a labgrid coordinator: borrowed, used as boards on the bench, given back."""
