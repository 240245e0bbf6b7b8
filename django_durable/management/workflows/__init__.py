"""The subcommands of ``manage.py workflows``, and what they share.

``subcommand`` says what one is, ``parsing`` and ``filters`` read the command line,
``output`` writes tables or JSON, ``values`` shows what workflows have stored.
"""
