# One function: its package, its log and the alias that everything calls.

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116:What a queue brings goes to the queue's own dead letters, a schedule's next run makes good for a lost one, and callers over HTTP see the failure.
  #checkov:skip=CKV_AWS_117:Only functions that reach the database are in a VPC; webhook intake would only get slower there.
  #checkov:skip=CKV_AWS_50:Traces go out over OTLP. X-Ray's permissions cannot be bound to a resource.
  #checkov:skip=CKV_AWS_115:A limit is set where runs must not overlap; elsewhere reserving takes from the account's other functions.
  #checkov:skip=CKV_AWS_272:Signing is a variable, because it needs a profile that the account's owner makes.
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn

  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = var.zip
  source_code_hash = filebase64sha256(var.zip)
  publish          = true

  memory_size                    = var.memory_mb
  timeout                        = var.timeout_s
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn
  code_signing_config_arn        = var.code_signing_config_arn

  environment {
    variables = var.environment
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  dynamic "vpc_config" {
    for_each = var.network == null ? [] : [var.network]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # A function whose role cannot write its log yet fails at its first start.
  depends_on = [aws_iam_role_policy.this]
  tags       = var.tags
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What is called. It moves to a new version, or back to an older one."
  function_name    = aws_lambda_function.this.function_name
  function_version = coalesce(var.live_version, aws_lambda_function.this.version)

  # `moodbridge deploy` writes there which deployment moved it, and from which version.
  lifecycle {
    ignore_changes = [description]
  }
}

# A run that was held back is not kept for hours: the next one is due already.
resource "aws_lambda_function_event_invoke_config" "live" {
  count = var.is_started_by_events ? 1 : 0

  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}
