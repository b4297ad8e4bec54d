"""Boards: what can be powered, listened to and looked into."""
