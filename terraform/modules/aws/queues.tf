# Each queue with its dead letters, and the function that it starts.

locals {
  # The time that the slowest function takes a batch for.
  slowest_s = {
    for queue in local.queue_names :
    queue => max(30, [for name, of in local.queue_functions : local.functions[name].timeout_s if of == queue]...)
  }
}

resource "aws_sqs_queue" "dead" {
  for_each = local.queue_names

  name                              = "${local.prefix}-${each.key}-dead"
  message_retention_seconds         = var.queues.retention_days * 86400
  max_message_size                  = var.queues.max_message_bytes
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 3600
  tags                              = local.tags
}

resource "aws_sqs_queue" "main" {
  for_each = local.queue_names

  name = "${local.prefix}-${each.key}"
  # Source: AWS Lambda developer guide, "Configuring a queue to use with Lambda".
  visibility_timeout_seconds        = 6 * local.slowest_s[each.key]
  message_retention_seconds         = var.queues.retention_days * 86400
  max_message_size                  = var.queues.max_message_bytes
  receive_wait_time_seconds         = 20
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 3600
  tags                              = local.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = var.queues.max_receive_count
  })
}

# Only its own queue may leave dead letters there.
resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each = local.queue_names

  queue_url = aws_sqs_queue.dead[each.key].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.main[each.key].arn]
  })
}

locals {
  queues = merge(
    { for name, it in aws_sqs_queue.main : name => it },
    { for name, it in aws_sqs_queue.dead : "${name}-dead" => it },
  )
}

resource "aws_sqs_queue_policy" "over_tls_only" {
  for_each = { for name, it in local.queues : name => it if var.is_tls_only }

  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OverTlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = each.value.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_lambda_event_source_mapping" "queue" {
  for_each = local.queue_functions

  event_source_arn = aws_sqs_queue.main[each.value].arn
  function_name    = module.function[each.key].alias_arn
  # A partition of a pipeline takes minutes, and much of a function's memory: it is handed out alone. So is
  # a report.
  batch_size              = contains(["pipelines", "reports"], each.value) ? 1 : var.queues.batch_size
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = local.tags

  # A limit here, not on the function: what is held back then is not counted as an attempt.
  scaling_config {
    maximum_concurrency = var.queues.maximum_concurrency
  }
}
