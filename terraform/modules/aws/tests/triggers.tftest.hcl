# Queues, schedules and the API.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"

  override_data {
    target = data.aws_region.replica
    values = { name = "eu-central-1" }
  }
}

variables {
  environment = "test"
  identity    = { issuer = "https://login.example/", audience = ["moodbridge"] }
  case_store  = "postgres://ann@db.example/firm?password=secretsmanager:test/database"
  connections = [{
    platform = "salesforce", connection = "main", login_url = "https://firm.my.salesforce.com"
    auth     = { flow = "client_credentials", client_id = "x", client_secret = "secretsmanager:test/salesforce" }
  }]
  intake = { connections = [{ name = "main", organization_id = "00D5f000000ABCD", tokens = ["secretsmanager:test/token"] }] }
}

run "queues" {
  assert {
    condition     = aws_sqs_queue.main["events"].visibility_timeout_seconds >= 6 * module.function["sync-worker"].timeout_s
    error_message = "A message is hidden for at least six times the function's time limit."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.main["events"].redrive_policy).maxReceiveCount >= 5
    error_message = "A message is tried at least five times."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead["events"].redrive_allow_policy).redrivePermission == "byQueue"
    error_message = "Only its own queue leaves dead letters there."
  }

  assert {
    condition     = alltrue([for it in concat(values(aws_sqs_queue.main), values(aws_sqs_queue.dead)) : it.kms_master_key_id != null && it.message_retention_seconds == 1209600])
    error_message = "Queues are sealed, and keep messages as long as SQS can."
  }

  assert {
    condition     = alltrue([for it in values(aws_lambda_event_source_mapping.queue) : contains(it.function_response_types, "ReportBatchItemFailures") && it.scaling_config[0].maximum_concurrency == 4])
    error_message = "Failed messages are reported one by one, and few batches are worked on at once."
  }
}

run "partitions_are_handed_out_alone" {
  assert {
    condition     = aws_lambda_event_source_mapping.queue["pipeline-runner"].batch_size == 1 && aws_lambda_event_source_mapping.queue["sync-worker"].batch_size == 10
    error_message = "Each partition of a pipeline has a function to itself."
  }

  assert {
    condition     = aws_sqs_queue.main["pipelines"].visibility_timeout_seconds == 5400 && jsondecode(aws_sqs_queue.main["pipelines"].redrive_policy).maxReceiveCount > 8
    error_message = "A partition is given up by the runner, with its reason, before the queue gives its message up."
  }
}

run "work_is_started_by_queue_and_clock" {
  assert {
    condition     = aws_lambda_event_source_mapping.queue["report-builder"].batch_size == 1 && aws_cloudwatch_event_rule.schedule["report-builder"].schedule_expression == "rate(1 hour)"
    error_message = "The builder is handed one report at a time, and looks every hour what is due."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue["pipeline-runner"].batch_size == 1 && aws_cloudwatch_event_rule.schedule["pipeline-runner"].schedule_expression == "rate(5 minutes)"
    error_message = "The runner is handed one partition at a time, and looks every five minutes what is due."
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_event_rule.schedule), "sync-worker")
    error_message = "Only what says so is started by the clock."
  }
}

run "queues_over_tls_only" {
  assert {
    condition     = toset(keys(aws_sqs_queue_policy.over_tls_only)) == toset(["events", "events-dead", "pipelines", "pipelines-dead", "reports", "reports-dead"]) && strcontains(aws_sqs_queue_policy.over_tls_only["events"].policy, "aws:SecureTransport")
    error_message = "Queues refuse plain HTTP."
  }
}

run "documents_are_told_to_nobody_unasked" {
  assert {
    condition     = length(aws_sqs_queue.news) == 0 && length(aws_s3_bucket_notification.news) == 0
    error_message = "A queue that nobody reads is made only when it is asked for."
  }
}

run "documents_announced" {
  variables {
    buckets = { are_documents_announced = true, cors_origins = ["https://cases.firm.example"] }
  }

  assert {
    condition     = aws_s3_bucket_notification.news["documents"].queue[0].filter_prefix == "documents/" && aws_s3_bucket_notification.news["documents"].queue[0].events == toset(["s3:ObjectCreated:*"])
    error_message = "S3 tells of new documents."
  }

  assert {
    condition     = alltrue([for it in ["aws:SourceArn", "aws:SourceAccount", "aws:SecureTransport"] : strcontains(aws_sqs_queue_policy.news["documents"].policy, it)])
    error_message = "Only the bucket of this account may send there, and over TLS."
  }

  assert {
    condition     = strcontains(aws_kms_key.main.policy, "s3.amazonaws.com")
    error_message = "S3 may seal what it sends."
  }
}

run "origins_without_tls_are_refused" {
  command = plan

  variables {
    buckets = { cors_origins = ["http://cases.firm.example"] }
  }

  expect_failures = [var.buckets]
}

run "schedules" {
  assert {
    condition     = toset(keys(aws_cloudwatch_event_rule.schedule)) == toset(["change-subscriber", "delta-poller", "outbox-relay", "pipeline-runner", "reconciler", "report-builder", "warehouse-loader"])
    error_message = "Each function that starts by the clock has a rule."
  }

  assert {
    condition     = alltrue([for name, it in aws_cloudwatch_event_rule.schedule : endswith(it.name, "-${name}") && it.state == "ENABLED"])
    error_message = "A rule's name ends in its function's."
  }

  assert {
    condition     = alltrue([for name, it in aws_lambda_permission.schedule : it.source_arn == aws_cloudwatch_event_rule.schedule[name].arn && it.qualifier == "live"])
    error_message = "Only its own rule may start a function, by its alias."
  }
}

run "schedules_can_be_off" {
  variables {
    are_schedules_on = false
    functions        = { delta-poller = { schedule = "rate(5 minutes)" } }
  }

  assert {
    condition     = alltrue([for it in values(aws_cloudwatch_event_rule.schedule) : it.state == "DISABLED"])
    error_message = "No schedule starts anything."
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule["delta-poller"].schedule_expression == "rate(5 minutes)"
    error_message = "A schedule can be changed."
  }
}

run "api" {
  assert {
    condition     = alltrue([for key, it in aws_apigatewayv2_route.main : it.authorization_type == (strcontains(key, " /hooks/") || endswith(key, "/health") ? "NONE" : "JWT")])
    error_message = "Only webhooks and health are open."
  }

  assert {
    condition     = contains(keys(aws_apigatewayv2_route.main), "GET /v1/{path+}") && contains(keys(aws_apigatewayv2_route.main), "POST /hooks/salesforce/outbound/{connection}/{token}")
    error_message = "Routes are written as API Gateway writes them."
  }

  assert {
    condition     = !strcontains(aws_apigatewayv2_stage.main.access_log_settings[0].format, "context.path") && strcontains(aws_apigatewayv2_stage.main.access_log_settings[0].format, "context.routeKey")
    error_message = "A path may end in a token: it is not logged."
  }

  assert {
    condition     = length(aws_lambda_permission.webhooks_by_url) == 0 && length(aws_lambda_function_url.webhooks) == 0
    error_message = "No function URL unless it is asked for."
  }
}

run "webhook_url" {
  variables {
    has_webhook_url = true
  }

  assert {
    condition     = aws_lambda_permission.webhooks_by_url[0].action == "lambda:InvokeFunctionUrl" && aws_lambda_permission.webhooks_through_url[0].action == "lambda:InvokeFunction"
    error_message = "A function URL needs two permissions."
  }

  assert {
    condition     = output.webhook_url == "https://abc.lambda-url.eu-west-1.on.aws"
    error_message = "Webhooks go to the function URL."
  }
}

run "event_relay" {
  variables {
    event_relay = { event_source_name = "aws.partner/salesforce.com/00D5f000000ABCD/0YL1", connection = "main", key_secret = "test/relay" }
  }

  assert {
    condition     = aws_cloudwatch_event_api_destination.relay[0].invocation_endpoint == "https://abc123.execute-api.eu-west-1.amazonaws.com/hooks/salesforce/changes/main"
    error_message = "Relayed events go to webhook intake."
  }

  assert {
    condition     = length(aws_cloudwatch_event_target.relay[0].dead_letter_config) == 1
    error_message = "What cannot be handed over is kept."
  }
}
