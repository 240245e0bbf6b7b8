"""The names of the tables, as statements that are written out have them."""

WORKFLOW = '"django_durable_workflow"'
STEP = '"django_durable_step"'
WAIT = '"django_durable_wait"'
NOTIFICATION = '"django_durable_notification"'
EVENT = '"django_durable_event"'
HISTORY = '"django_durable_eventhistory"'
STREAM = '"django_durable_stream"'
ENTRY = '"django_durable_streamentry"'
QUEUE = '"django_durable_queue"'
QUEUE_START = '"django_durable_queuestart"'
TICK = '"django_durable_tick"'
