"""Liquid as templates of this installation may use it, in mails and in contents of the profile API."""
