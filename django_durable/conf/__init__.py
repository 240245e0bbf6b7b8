"""The settings: the dict ``DURABLE`` of a Django project.

The keys stand in ``engine``, ``streams`` and ``operators``, each with its type,
its default and its line of documentation; ``values`` has their readers, and
``reading`` goes from the dict to the values in force. Settings are read on use,
never at import, so ``override_settings`` simply works.
"""

from django_durable.conf.reading import KEYS, Problem, Settings, current, problems

__all__ = ["KEYS", "Problem", "Settings", "current", "problems"]
