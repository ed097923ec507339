# Events that Salesforce relays to EventBridge, sent on to webhook intake under a key.

resource "aws_cloudwatch_event_bus" "relay" {
  count = var.event_relay == null ? 0 : 1

  name              = var.event_relay.event_source_name
  event_source_name = var.event_relay.event_source_name
  tags              = local.tags
}

data "aws_secretsmanager_secret_version" "relay_key" {
  count = var.event_relay == null ? 0 : 1

  secret_id = var.event_relay.key_secret
}

resource "aws_cloudwatch_event_connection" "relay" {
  count = var.event_relay == null ? 0 : 1

  name               = "${local.prefix}-relay"
  description        = "The key by which webhook intake knows relayed events"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "x-api-key"
      value = data.aws_secretsmanager_secret_version.relay_key[0].secret_string
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "relay" {
  count = var.event_relay == null ? 0 : 1

  name                             = "${local.prefix}-relay"
  description                      = "Webhook intake, for relayed change events"
  connection_arn                   = aws_cloudwatch_event_connection.relay[0].arn
  http_method                      = "POST"
  invocation_endpoint              = "${local.webhook_base}/hooks/salesforce/changes/${var.event_relay.connection}"
  invocation_rate_limit_per_second = var.api.requests_per_second
}

resource "aws_cloudwatch_event_rule" "relay" {
  count = var.event_relay == null ? 0 : 1

  name           = "${local.prefix}-relay"
  description    = "Everything that Salesforce relays"
  event_bus_name = aws_cloudwatch_event_bus.relay[0].name
  event_pattern  = jsonencode({ source = [var.event_relay.event_source_name] })
  tags           = local.tags
}

# What could not be handed over within a day can be looked at, and sent again.
resource "aws_sqs_queue" "relay_dead" {
  count = var.event_relay == null ? 0 : 1

  name                      = "${local.prefix}-relay-dead"
  message_retention_seconds = var.queues.retention_days * 86400
  kms_master_key_id         = aws_kms_key.main.arn
  tags                      = local.tags
}

resource "aws_sqs_queue_policy" "relay_dead" {
  count = var.event_relay == null ? 0 : 1

  queue_url = aws_sqs_queue.relay_dead[0].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ItsRule"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.relay_dead[0].arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.relay[0].arn } }
    }]
  })
}

resource "aws_iam_role" "relay" {
  count = var.event_relay == null ? 0 : 1

  name        = "${local.prefix}-relay"
  description = "Lets EventBridge hand relayed events to webhook intake"
  tags        = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "events.amazonaws.com" }
      Condition = local.from_here
    }]
  })
}

resource "aws_iam_role_policy" "relay" {
  count = var.event_relay == null ? 0 : 1

  name = "hand-over"
  role = aws_iam_role.relay[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["events:InvokeApiDestination"]
      Resource = [aws_cloudwatch_event_api_destination.relay[0].arn]
    }]
  })
}

resource "aws_cloudwatch_event_target" "relay" {
  count = var.event_relay == null ? 0 : 1

  rule           = aws_cloudwatch_event_rule.relay[0].name
  event_bus_name = aws_cloudwatch_event_bus.relay[0].name
  arn            = aws_cloudwatch_event_api_destination.relay[0].arn
  role_arn       = aws_iam_role.relay[0].arn

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.relay_dead[0].arn
  }
}
