"""Functions and objects that give something else, or act again, at a replay."""

import ast
from collections.abc import Callable, Iterator

from django_durable.lint.rules import (
    ASLEEP,
    CACHE,
    CLOCK,
    COMPLETION,
    ENVIRONMENT,
    HASH,
    IO,
    QUERY,
    RANDOM,
    READ,
    SECRET,
    SLEEP,
    THREAD,
    UUID,
    WRITE,
    Rule,
)


def _each(module: str, names: str) -> Iterator[str]:
    return (f"{module}.{name}" for name in names.split())


_NAMES = {
    CLOCK: [
        *_each("time", "time time_ns monotonic monotonic_ns perf_counter"),
        *_each("time", "perf_counter_ns process_time process_time_ns thread_time"),
        *_each("time", "thread_time_ns localtime gmtime ctime asctime strftime"),
        *_each("datetime", "datetime.now datetime.utcnow datetime.today date.today"),
        *_each("django.utils.timezone", "now localtime localdate"),
    ],
    RANDOM: [
        *_each("random", "random uniform triangular randint choice choices randrange"),
        *_each("random", "sample shuffle betavariate binomialvariate expovariate"),
        *_each("random", "gammavariate gauss lognormvariate normalvariate"),
        *_each("random", "paretovariate vonmisesvariate weibullvariate getrandbits"),
        *_each("random", "randbytes seed getstate setstate Random SystemRandom"),
    ],
    UUID: [*_each("uuid", "uuid1 uuid4 uuid6 uuid7 uuid8")],
    SECRET: [
        *_each("secrets", "choice randbelow randbits token_bytes token_hex"),
        *_each("secrets", "token_urlsafe SystemRandom"),
        *_each("os", "urandom getrandom getpid"),
        "uuid.getnode",
        "django.utils.crypto.get_random_string",
    ],
    HASH: [*_each("builtins", "hash id")],
    SLEEP: ["time.sleep"],
    ASLEEP: ["asyncio.sleep"],
    IO: [
        *_each("builtins", "open input"),
        *_each("io", "open open_code"),
        *_each("os", "chdir chmod chown getcwd link listdir lstat makedirs mkdir"),
        *_each("os", "open popen read remove removedirs rename renames replace"),
        *_each("os", "rmdir scandir stat symlink system truncate unlink utime"),
        *_each("os", "walk write"),
        *_each("os.path", "exists getatime getctime getmtime getsize isdir isfile"),
        *_each("pathlib.Path", "chmod cwd exists glob home is_dir is_file iterdir"),
        *_each("pathlib.Path", "lstat mkdir open read_bytes read_text rename"),
        *_each("pathlib.Path", "replace rglob rmdir stat symlink_to touch unlink"),
        *_each("pathlib.Path", "walk write_bytes write_text"),
        *_each("shutil", "copy copy2 copyfile copytree disk_usage make_archive move"),
        *_each("shutil", "rmtree unpack_archive which"),
        *_each("tempfile", "NamedTemporaryFile SpooledTemporaryFile TemporaryFile"),
        *_each("tempfile", "TemporaryDirectory mkdtemp mkstemp"),
        *_each("glob", "glob iglob"),
        *_each("subprocess", "Popen call check_call check_output getoutput"),
        *_each("subprocess", "getstatusoutput run"),
        *_each("asyncio", "create_subprocess_exec create_subprocess_shell"),
        *_each("asyncio", "open_connection open_unix_connection start_server"),
        *_each("socket", "socket create_connection create_server getaddrinfo"),
        *_each("socket", "getfqdn gethostbyaddr gethostbyname gethostname"),
        *_each("smtplib", "LMTP SMTP SMTP_SSL"),
        *_each("ftplib", "FTP FTP_TLS"),
        *_each("http.client", "HTTPConnection HTTPSConnection"),
        *_each("urllib.request", "build_opener urlopen urlretrieve"),
        *_each("urllib3", "HTTPConnectionPool HTTPSConnectionPool PoolManager"),
        *_each("urllib3", "request"),
        *_each("requests", "Session delete get head options patch post put request"),
        *_each("requests", "session"),
        *_each("requests.Session", "delete get head options patch post put request"),
        *_each("requests.Session", "send"),
        *_each("httpx", "AsyncClient Client delete get head options patch post put"),
        *_each("httpx", "request stream"),
        *_each("httpx.Client", "delete get head options patch post put request"),
        *_each("httpx.Client", "send stream"),
        *_each("httpx.AsyncClient", "delete get head options patch post put request"),
        *_each("httpx.AsyncClient", "send stream"),
        *_each("aiohttp", "ClientSession request"),
        *_each("django.core.mail", "get_connection mail_admins mail_managers"),
        *_each("django.core.mail", "send_mail send_mass_mail EmailMessage.send"),
        "django.core.management.call_command",
    ],
    READ: [
        *_each("django.shortcuts", "get_object_or_404 get_list_or_404"),
        *_each("django.shortcuts", "aget_object_or_404 aget_list_or_404"),
        *_each("django.db.models.Model", "refresh_from_db arefresh_from_db"),
    ],
    WRITE: [
        *_each("django.db.models.Model", "save asave save_base delete adelete"),
        *_each("django.db.transaction", "atomic on_commit"),
    ],
    THREAD: [
        *_each("threading", "Thread Timer"),
        *_each("_thread", "start_new_thread"),
        *_each("concurrent.futures", "ProcessPoolExecutor ThreadPoolExecutor"),
        *_each("multiprocessing", "Pool Process"),
        *_each("os", "fork"),
    ],
    COMPLETION: ["asyncio.as_completed", "concurrent.futures.as_completed"],
    ENVIRONMENT: ["os.getenv"],
}
RULES = {name: rule for rule, names in _NAMES.items() for name in names}

# Objects of which every use counts, not only a call.
OBJECTS = {
    "os.environ": ENVIRONMENT,
    "os.environb": ENVIRONMENT,
    "django.core.cache.cache": CACHE,
    "django.core.cache.caches": CACHE,
    "django.db.connection": QUERY,
    "django.db.connections": QUERY,
}

# Functions that call their first argument.
CALLERS = (
    "asgiref.sync.sync_to_async",
    "asyncio.to_thread",
    "builtins.filter",
    "builtins.map",
)


def _given(number: int, *keywords: str) -> Callable[[ast.Call], bool]:
    def is_given(call: ast.Call) -> bool:
        names = {keyword.arg for keyword in call.keywords}
        return len(call.args) >= number or not names.isdisjoint(keywords)

    return is_given


def _is_zero(call: ast.Call) -> bool:
    first = call.args[0] if call.args else None
    return isinstance(first, ast.Constant) and first.value == 0


# Calls that compute from their arguments, or only let others go first.
HARMLESS = {
    "asyncio.sleep": _is_zero,
    "django.utils.timezone.localdate": _given(1, "value"),
    "django.utils.timezone.localtime": _given(1, "value"),
    "random.Random": _given(1, "x"),
    "time.asctime": _given(1),
    "time.ctime": _given(1),
    "time.gmtime": _given(1),
    "time.localtime": _given(1),
    "time.strftime": _given(2),
    "uuid.uuid8": _given(3),
}


def function_rule(path: str, call: ast.Call | None) -> Rule | None:
    """Return the rule that a call of this function breaks, if any."""
    is_harmless = HARMLESS.get(path)
    if call is not None and is_harmless is not None and is_harmless(call):
        return None
    return RULES.get(path)
