"""How streams are written, and watched from afar."""

from dataclasses import dataclass

from django_durable.conf.engine import EngineSettings
from django_durable.conf.values import (
    count,
    dotted_path,
    duration,
    or_none,
    setting,
    text,
)


@dataclass(frozen=True, slots=True)
class StreamSettings(EngineSettings):
    """Buffers of writers; patience, rates and permission of watchers."""

    stream_buffer_items: int = setting(
        100,
        count,
        "Values of streams that a step gathers before it writes them.",
    )
    stream_buffer_seconds: float = setting(
        0.05,
        duration,
        "How long the first gathered value of a stream waits at most.",
    )
    stream_buffer_bytes: int = setting(
        64 * 1024,
        count,
        "Size of the gathered values at which a step writes them.",
    )
    stream_authorizer: str | None = setting(
        None,
        or_none(dotted_path),
        "Dotted path of a function that has a say in who may watch a stream.",
    )
    stream_token_age: float = setting(
        900.0, duration, "Seconds that a token of stream_token() lasts."
    )
    stream_recheck: float = setting(
        60.0, duration, "Seconds between two looks whether a watcher still may."
    )
    stream_heartbeat: float = setting(
        25.0, duration, "Seconds between two signs of life to whoever watches."
    )
    stream_hello_timeout: float = setting(
        10.0, duration, "Seconds that a socket has to send its token."
    )
    stream_ack_timeout: float = setting(
        30.0, duration, "Seconds that values wait for a watcher that does not read."
    )
    stream_window_bytes: int = setting(
        256 * 1024, count, "Bytes that a socket is sent ahead of what it acknowledges."
    )
    stream_windows_bytes: int = setting(
        256 * 1024 * 1024, count, "The same for all sockets of a process together."
    )
    stream_sockets: int = setting(
        10_000, count, "Sockets and event streams that a process serves at once."
    )
    stream_sockets_per_user: int = setting(20, count, "The same for one user.")
    stream_handshake_rate: int = setting(
        200,
        count,
        "Sockets and event streams a second that a process begins to serve; twice as"
        " many at once.",
    )
    stream_handshake_rate_per_address: int = setting(
        50, count, "The same for one address, which of IPv6 is a network (/64)."
    )
    stream_message_rate: int = setting(
        200, count, "Messages a second that a socket may send."
    )
    stream_channel_layer: str | None = setting(
        "default",
        or_none(text),
        "Alias of the channel layer that carries hints beside the database's own.",
    )
