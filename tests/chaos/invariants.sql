-- The invariants, each as a query that finds what breaks it: (workflow or place, why).
-- "always" holds at every moment, "at rest" when all workflows have ended. The
-- numbers are those of the design. I4, I8 and I11 compare one moment with another:
-- they are in checker.py.
--
-- Every query begins with this: steps with their places, as the ledger names them.
-- prelude
WITH step AS (
    SELECT *, workflow_id || '/' || CASE branch WHEN '' THEN '' ELSE branch || ':' END
        || step_id AS place
    FROM django_durable_step)

-- I1 always: a transaction step writes its business row once
SELECT key, 'has ' || count(*) || ' business rows'
FROM tests_entry GROUP BY key HAVING count(*) > 1

-- I1 always: a business row and its checkpoint are there together
SELECT key, 'has a business row of claim ' || note || ' but no such checkpoint'
FROM (SELECT key, note FROM tests_entry EXCEPT
      SELECT place, CAST(claim AS text) FROM step WHERE kind = 'transaction') AS alone

-- I1 always: a checkpoint and its business row are there together
SELECT place, 'has a checkpoint but no business row'
FROM (SELECT place FROM step WHERE kind = 'transaction' EXCEPT
      SELECT key FROM tests_entry) AS alone

-- I2 at rest: only the end of its process makes a call happen again
-- (of a transaction step, only effects count: a conflict rolls it back)
SELECT place, 'was called ' || count(*) || ' times by processes that lived on'
FROM chaos_call WHERE NOT is_excused
  AND place IN (SELECT place FROM step WHERE kind = 'step')
GROUP BY place HAVING count(*) > 1

-- I2 at rest: an execution calls a step once for each attempt
SELECT place, 'was called ' || count(*) || ' times by claim ' || claim
FROM chaos_call WHERE is_database_well
  AND place IN (SELECT place FROM step WHERE kind = 'step')
GROUP BY place, claim, attempt HAVING count(*) > 1

-- I2 at rest: a recorded step was called
SELECT place, 'is recorded but was never called'
FROM (SELECT place FROM step WHERE kind IN ('step', 'transaction') EXCEPT
      SELECT place FROM chaos_call) AS uncalled

-- I2 at rest: a recorded step is not called by a later execution
SELECT step.place, 'was called by claim ' || chaos_call.claim
    || ' although claim ' || step.claim || ' had recorded it'
FROM step JOIN chaos_call ON chaos_call.place = step.place
WHERE chaos_call.claim > step.claim

-- I3 at rest: every effect of a workflow that succeeded belongs to one of its steps
SELECT place, 'was called but is no step of the workflow'
FROM (SELECT chaos_call.place FROM chaos_call
      JOIN django_durable_workflow w ON w.id = chaos_call.workflow_id
      WHERE w.status = 'SUCCESS' EXCEPT
      SELECT place FROM step) AS foreigner

-- I5 at rest: the outcome is the function of the input
SELECT w.id, 'is ' || w.status || ' with ' || COALESCE(w.output, w.error, 'nothing')
    || ' instead of ' || e.status || ' with ' || e.output
FROM chaos_expected e JOIN django_durable_workflow w ON w.id = e.workflow_id
WHERE w.status <> e.status OR (e.status = 'SUCCESS' AND w.output <> e.output)

-- I6 always: steps are numbered 1, 2, 3 ... on every branch
SELECT workflow_id, 'has ' || count(*) || ' steps numbered from ' || min(step_id)
    || ' to ' || max(step_id) || ' on branch "' || branch || '"'
FROM step GROUP BY workflow_id, branch
HAVING min(step_id) <> 1 OR max(step_id) <> count(*)

-- I7 always: no step is recorded under an older claim than the step before it
SELECT place, 'has claim ' || claim || ' after claim ' || earlier
FROM (SELECT place, claim, lag(claim) OVER (
          PARTITION BY workflow_id, branch ORDER BY step_id) AS earlier
      FROM step) AS numbered
WHERE claim < earlier

-- I7 always: nobody writes under a claim that was never given
SELECT place, 'has claim ' || step.claim || ', its workflow ' || w.claim
FROM step JOIN django_durable_workflow w ON w.id = step.workflow_id
WHERE step.claim > w.claim

-- I9 always: the entries of a stream are numbered 0, 1, 2 ... up to its counter
SELECT workflow_id || ' ' || key, 'has ' || count(s."offset") || ' entries from '
    || COALESCE(min(s."offset"), 0) || ' to ' || COALESCE(max(s."offset"), -1)
    || ', and its counter is ' || max(s.next_offset)
FROM (SELECT workflow_id, key, next_offset, NULL AS "offset"
      FROM django_durable_stream UNION ALL
      SELECT workflow_id, key, NULL, "offset" FROM django_durable_streamentry) AS s
GROUP BY workflow_id, key
HAVING count(s."offset") <> COALESCE(max(s.next_offset), -1)
    OR min(s."offset") <> 0 OR max(s."offset") <> max(s.next_offset) - 1

-- I9 always: what a workflow's body wrote to a stream is there once
SELECT place, 'has ' || count(entry.key) || ' entries'
FROM step LEFT JOIN django_durable_streamentry entry
    ON entry.workflow_id = step.workflow_id
    AND entry.branch = step.branch AND entry.step_id = step.step_id
WHERE kind = 'write_stream'
GROUP BY place, error HAVING count(entry.key) <> CASE WHEN error IS NULL THEN 1 ELSE 0 END

-- I9 at rest: what is in a stream was written by a step
SELECT entry.workflow_id || ' ' || entry.key, 'has entry ' || "offset" || ' of no step'
FROM django_durable_streamentry entry
JOIN django_durable_workflow w ON w.id = entry.workflow_id AND w.status = 'SUCCESS'
LEFT JOIN step ON step.workflow_id = entry.workflow_id
    AND step.branch = entry.branch AND step.step_id = entry.step_id
    AND kind IN ('step', 'transaction', 'write_stream')
WHERE step.place IS NULL

-- I10 always: a message that was received is consumed by that step, and no other is
SELECT place, 'consumed ' || count(n.id) || ' messages and returned '
    || COALESCE(max(step.output), max(step.error))
FROM step LEFT JOIN django_durable_notification n
    ON n.destination_id = step.workflow_id
    AND n.consumed_branch = step.branch AND n.consumed_by = step.step_id
WHERE kind = 'recv'
GROUP BY place HAVING count(n.id) <> count(step.output)
    OR max(n.message) <> max(step.output)

-- I10 always: a message is consumed by a step that received one, and by one alone
SELECT destination_id || '/' || consumed_by, 'is no step that received '
    || count(*) || ' messages'
FROM django_durable_notification n LEFT JOIN step ON step.workflow_id = destination_id
    AND step.branch = consumed_branch AND step.step_id = consumed_by
    AND kind IN ('recv', 'first_of')
WHERE consumed_by IS NOT NULL
GROUP BY destination_id, consumed_branch, consumed_by
HAVING count(*) > 1 OR count(step.place) = 0

-- I10 always: a message was sent once (the experiments send no two alike)
SELECT destination_id || ' ' || topic, 'was sent ' || count(*) || ' times ' || message
FROM django_durable_notification GROUP BY destination_id, topic, message
HAVING count(*) > 1

-- I13 always: a tick of a schedule and the workflow that it starts are there together
SELECT schedule_id || ' ' || scheduled_at, 'has no workflow'
FROM django_durable_tick WHERE workflow_id IS NOT NULL
  AND workflow_id NOT IN (SELECT id FROM django_durable_workflow)

-- I13 always: a tick that has come does not come again
SELECT name, 'is due again at ' || next_at
FROM django_durable_schedule JOIN django_durable_tick ON schedule_id = name
WHERE kind = 'due' AND scheduled_at >= next_at

-- I14 always: a cancelled parent has no active child
SELECT child.id, 'is ' || child.status || ' although its parent is cancelled'
FROM django_durable_workflow child JOIN django_durable_workflow parent
    ON parent.id = child.parent_id
WHERE parent.status = 'CANCELLED'
  AND child.status IN ('ENQUEUED', 'PENDING', 'WAITING', 'PAUSED')

-- I15 at rest: what was started is there
SELECT workflow_id, 'was started and is gone'
FROM (SELECT workflow_id FROM chaos_expected EXCEPT
      SELECT id FROM django_durable_workflow) AS lost

-- I15 always: what a step started is there
SELECT child_id, 'was started by a step and is gone'
FROM (SELECT child_id FROM step WHERE child_id IS NOT NULL EXCEPT
      SELECT id FROM django_durable_workflow) AS lost

-- I15 at rest: everything has ended
SELECT id, 'is ' || status || ' after the end'
FROM django_durable_workflow
WHERE status IN ('ENQUEUED', 'PENDING', 'WAITING', 'PAUSED')
