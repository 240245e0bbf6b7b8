"""Values as pickles: any Python object, and any code, so only by choice."""

import base64
import pickle
from typing import Any, ClassVar

from django_durable.exceptions import SerializationError


class PickleSerializer:
    """Write values as pickles in base64.

    Whoever can write to the database can then execute code in every worker, and
    stored values break when their classes move. Prefer register_type().
    """

    name: ClassVar[str] = "pickle"

    def dumps(self, value: object, where: str) -> str:
        """Return the value as text; ``where`` is its path in errors.

        Raise SerializationError for a value that cannot be pickled.
        """
        try:
            pickled = pickle.dumps(value)
        # Any __reduce__ method may have run, hence any exception.
        except Exception as error:
            problem = f"<{type(value).__name__}> cannot be pickled ({error})"
            raise SerializationError(where, problem) from error
        return base64.b64encode(pickled).decode("ascii")

    def loads(self, text: str, where: str) -> Any:
        """Return the value; ``where`` names the text in errors.

        Raise SerializationError for a text that cannot be unpickled.
        """
        try:
            return pickle.loads(base64.b64decode(text, validate=True))
        except Exception as error:
            problem = f"the stored pickle cannot be read ({error})"
            raise SerializationError(where, problem) from error
