"""The jobs that Celery is measured with."""

from celery import Celery

app = Celery("benchmarks")
app.conf.task_ignore_result = True


@app.task(name="nothing")
def nothing() -> None:
    """Do nothing."""
