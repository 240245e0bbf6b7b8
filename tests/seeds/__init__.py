"""The example programs of five source documents, as workflows of this project.

The documents describe durable messages, events and streams for Python, Go and
TypeScript. Each has a module with its programs (workflows, steps, views and
their URLs) and tests that run them; the longer ones have several. ``outside``
holds the programs that know nothing of the project but the database's URL.

What each section of each document has become; ``test_index`` checks the list.
A path stands for a file of this folder, else of the folder above.

python_notifications: durable notifications

    Basic send and receive
        test_python_notifications.py
            test_a_message_from_a_workflow_reaches_the_one_it_started
            test_the_receiver_may_crash_anywhere_while_it_waits
    Topics
        test_python_notifications.py
            test_topics_are_received_in_another_order_than_they_were_sent
    Timeouts
        test_python_notifications.py
            test_a_message_in_time_is_received
            test_without_a_message_the_receiver_takes_its_default_in_time
    Workflow coordination
        test_python_notifications.py
            test_a_coordinator_deals_tasks_out_to_its_workers
            test_a_worker_that_nobody_needs_ends_with_a_timeout
    External notifications
        test_python_notifications.py
            test_an_approval_is_waited_for_and_processed
            test_a_rejected_request_is_not_processed_and_keeps_the_reason
            test_an_approval_that_does_not_come_times_out_after_a_day
            test_an_external_system_approves_with_nothing_but_the_database_url
    Event-driven workflows
        test_python_notifications.py
            test_an_event_loop_reacts_to_each_kind_of_event
            test_an_event_loop_does_its_maintenance_while_nothing_happens
    Release gate pattern
        test_python_notifications.py
            test_a_deployment_waits_at_each_of_its_gates
            test_the_staging_gate_has_no_deadline
            test_a_failed_verification_rolls_the_deployment_back
            test_an_unverified_deployment_is_rolled_back_after_an_hour
    Async send and receive
        test_python_notifications.py
            test_async_workflows_send_and_receive
    Idempotent sends
        test_python_notifications.py
            test_a_send_that_is_repeated_with_its_key_arrives_once
            test_an_external_system_that_sends_twice_with_one_key_is_heard_once
    Complete example: order fulfilment
        test_python_notifications_orders.py
            test_an_order_waits_for_its_fraud_check
            test_an_order_is_fulfilled_from_its_creation_to_the_door
            test_an_order_that_is_posted_twice_is_fulfilled_once
            test_a_repeated_webhook_is_heard_once
            test_a_suspicious_order_is_cancelled_and_not_charged
            test_a_declined_payment_is_an_outcome_with_its_reason
            test_a_lost_parcel_is_noted
            test_the_carriers_word_may_come_before_anybody_waits_for_it
    Best practices
        test_python_notifications.py
            test_a_schema_shapes_the_message
        test_python_notifications_orders.py
            test_a_fraud_check_that_does_not_come_ends_the_workflow_with_the_timeout
            test_a_webhook_for_an_unknown_order_answers_not_found

go_communication: communicating with workflows

    Send, recv
        test_go_communication.py
            test_messages_are_queued_per_topic_and_in_order
            test_a_message_with_a_topic_does_not_end_a_wait_without_one
    Messages example
        test_go_communication.py
            test_the_payment_services_notification_fulfils_the_order
            test_a_notification_of_a_failure_is_handled
            test_a_notification_that_does_not_come_is_handled
            test_a_webhook_that_cannot_send_says_so
    Messages, reliability guarantees
        test_go_communication.py
            test_messages_from_a_workflow_arrive_exactly_once
    SetEvent, GetEvent
        test_go_communication.py
            test_a_workflow_waits_for_an_event_that_is_not_published_yet
    Events example
        test_go_communication.py
            test_the_view_redirects_to_the_url_that_its_workflow_publishes
            test_an_order_that_publishes_no_url_is_answered_at_once
            test_the_view_gives_up_when_no_worker_publishes_the_url
    Events, reliability guarantees
        test_go_communication.py
            test_the_latest_value_of_an_event_can_always_be_read
            test_a_value_read_in_a_workflow_stays_although_the_event_is_updated
    Writing to streams
        test_go_communication_streams.py
            test_a_workflow_has_any_number_of_streams
            test_a_stream_ends_with_its_workflow_although_nobody_closed_it
    Reading from streams
        test_go_communication_streams.py
            test_all_values_of_a_closed_stream_are_read
            test_values_are_read_as_they_arrive
            test_async_code_reads_values_as_they_arrive
            test_a_system_outside_of_the_project_reads_a_stream
    Stream reliability guarantees
        test_go_communication_streams.py
            test_a_workflow_writes_exactly_once_whatever_crashes
            test_readers_see_what_each_try_of_a_step_has_written
            test_a_stream_survives_and_can_be_read_from_any_offset

python_workflow_tutorial: workflows

    Workflows
        test_python_workflow_tutorial.py
            test_the_reminder_comes_after_months_and_the_confirmation_is_not_repeated
    Reliability guarantees
        test_python_workflow_tutorial.py
            test_a_workflow_runs_to_completion_whatever_crashes
            test_a_completed_step_is_not_executed_again
            test_a_transaction_commits_once_whatever_crashes
            test_an_exception_of_a_workflow_ends_it_in_error_and_is_kept
            test_what_may_fail_transiently_is_retried_in_a_step
    Determinism
        test_python_workflow_tutorial.py
            test_asking_the_network_in_the_body_is_found_by_the_check
            test_the_network_is_asked_in_a_step_and_the_database_in_a_transaction
    Workflow ids and idempotency
        test_python_workflow_tutorial.py
            test_each_execution_has_an_id_that_its_code_can_read
            test_a_workflow_called_twice_with_one_id_executes_once
    Starting workflows in the background
        test_python_workflow_tutorial.py
            test_a_start_returns_a_handle_before_the_workflow_is_executed
            test_a_handle_is_found_again_by_its_id
    Workflow events
        test_python_workflow_tutorial_communication.py
            test_an_event_is_read_from_outside_while_its_workflow_waits
            test_an_event_that_is_not_set_in_time_is_the_default
            test_the_endpoint_answers_with_the_payment_id_once_for_each_key
            test_a_checkout_without_a_payment_id_is_not_found
    Workflow messaging and notifications
        test_python_workflow_tutorial_communication.py
            test_the_payment_processors_word_ends_the_wait
            test_a_failed_payment_cancels_the_order
            test_a_payment_that_does_not_come_cancels_the_order
            test_set_workflow_id_makes_a_send_from_plain_code_exactly_once
            test_a_send_without_a_key_arrives_each_time
    Coroutine (async) workflows
        test_python_workflow_tutorial_communication.py
            test_a_coroutine_workflow_runs_a_transaction_in_a_thread
            test_a_coroutine_workflow_sleeps_without_holding_anything
            test_a_coroutine_workflow_uses_the_async_twins
    Workflow versioning and recovery
        test_python_workflow_tutorial_management.py
            test_the_version_is_a_hash_of_the_source
            test_a_workflow_is_not_executed_by_another_version
            test_a_workflow_is_resumed_by_hand_on_the_current_version
        test_python_workflow_tutorial_command_line.py
            test_resume_moves_a_workflow_to_the_current_version
    Listing workflows
        test_python_workflow_tutorial_management.py
            test_workflows_are_listed_by_what_became_of_them
        admin/test_list.py
            test_the_list_shows_workflows
        admin/test_detail.py
            test_a_workflow_is_shown_with_its_steps_and_children
        test_python_workflow_tutorial_command_line.py
            test_list_shows_the_applications_workflows
            test_list_is_parametrized_for_advanced_search
    Cancelling workflows
        test_python_workflow_tutorial_management.py
            test_cancelling_interrupts_at_the_beginning_of_the_next_step
            test_cancelling_takes_an_enqueued_workflow_out_of_its_queue
            test_cancelling_ends_a_wait_at_once
        admin/test_actions.py
            test_cancelling_asks_first_and_is_logged
        test_python_workflow_tutorial_command_line.py
            test_cancel_takes_a_workflow_out_of_its_queue
            test_cancel_ends_a_workflow_that_waits
    Resuming workflows
        test_python_workflow_tutorial_management.py
            test_resuming_continues_a_cancelled_workflow_from_its_last_step
            test_resuming_lets_a_cancelled_wait_receive_its_message
            test_resuming_gives_a_dead_lettered_workflow_another_chance
            test_resuming_starts_a_delayed_workflow_at_once
        admin/test_actions.py
            test_resuming_goes_on_and_a_refusal_is_told
        test_python_workflow_tutorial_command_line.py
            test_resume_continues_from_the_last_completed_step
            test_resume_gives_a_dead_lettered_workflow_another_chance
            test_resume_starts_a_delayed_workflow_at_once
    Restarting workflows
        test_python_workflow_tutorial_management.py
            test_restarting_starts_the_same_inputs_under_a_new_id
        test_python_workflow_tutorial_command_line.py
            test_restart_starts_the_same_inputs_under_a_new_id

go_messages: use messages for workflow notifications

    Incorrect
        test_go_messages.py
            test_a_queue_of_the_process_has_forgotten_the_message_at_the_replay
    Correct
        test_go_messages.py
            test_a_paid_order_is_fulfilled
            test_an_order_that_is_not_paid_is_cancelled
    Key behaviours
        test_go_messages.py
            test_a_message_is_consumed_by_the_receive_that_returns_it
            test_a_receive_that_times_out_raises_a_timeout_error
            test_a_message_without_a_topic_is_received_without_one
            test_each_topic_is_first_in_first_out
    Reliability guarantees
        test_go_messages.py
            test_a_message_outlives_its_sender_and_every_crash_of_the_receiver

typescript_communication: workflow communication

    setEvent
        test_typescript_communication.py
            test_an_immutable_event_refuses_a_second_value
    getEvent
        test_typescript_communication.py
            test_reading_an_event_that_is_not_set_gives_the_default_in_the_end
    Events example
        test_typescript_communication.py
            test_the_handler_redirects_to_the_url_of_the_event
            test_the_handler_redirects_to_the_cancel_page_without_an_event
    Events, reliability guarantees
        test_typescript_communication.py
            test_an_event_is_still_there_when_its_workflow_has_ended
            test_an_event_is_set_once_whatever_crashes
    Send, recv
        test_typescript_communication.py
            test_a_receive_without_a_topic_takes_only_messages_without_one
    Messages example
        test_typescript_communication.py
            test_a_message_in_time_is_handled
            test_without_a_message_the_provider_is_asked
    Messages, reliability guarantees
        test_typescript_communication.py
            test_a_workflow_sends_exactly_once
            test_a_handler_sends_exactly_once_with_an_idempotency_key
"""
