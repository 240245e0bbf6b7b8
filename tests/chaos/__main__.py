"""Run the zygote: python -m tests.chaos LOG."""

import sys

import django

if __name__ == "__main__":
    django.setup()

    from tests.chaos.zygote import Zygote

    zygote = Zygote(sys.argv[1])
    try:
        zygote.run()
    finally:
        zygote.end()
