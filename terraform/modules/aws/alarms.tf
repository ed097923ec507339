# What wakes somebody: functions and queues. Each alarm names the runbook that says what to do.

locals {
  runbooks = "Runbook: docs/runbooks"

  # Runs by the clock use most of their time on purpose, and stop by themselves before it ends.
  function_alarms = merge([
    for name, it in local.functions : {
      "${name}-errors" = {
        function = name, metric = "Errors", statistic = "Sum", threshold = 0, periods = 3, needed = 2
        says     = "${name} fails. ${local.runbooks}/function-failing.md"
      }
      "${name}-throttled" = {
        function = name, metric = "Throttles", statistic = "Sum", threshold = 0, periods = 3, needed = 3
        says     = "${name} is held back by a concurrency limit. ${local.runbooks}/function-failing.md"
      }
      "${name}-slow" = {
        function = name, metric = "Duration", statistic = "p99", threshold = floor(it.timeout_s * 1000 * (it.trigger == "http" || startswith(it.trigger, "queue:") ? var.alarms.slow_share : 0.95)), periods = 3, needed = 3
        says     = "One of a hundred runs of ${name} nearly takes its time limit of ${it.timeout_s} s. ${local.runbooks}/function-failing.md"
      }
    }
  ]...)

  # A message that is worked on is as old as its work is long.
  oldest_s = { for queue in local.queue_names : queue => max(var.alarms.oldest_message_seconds, 4 * local.slowest_s[queue]) }

  queue_alarms = merge([
    # Nobody may want a pipeline or a report for days.
    for queue in local.queue_names : { for name, it in {
      "${queue}-behind" = {
        queue     = aws_sqs_queue.main[queue].name, metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum"
        threshold = local.oldest_s[queue], period = 60, compare = "GreaterThanThreshold", missing = "notBreaching"
        says      = "The oldest message of `${queue}` is older than ${local.oldest_s[queue]} s. ${local.runbooks}/queue-behind.md"
      }
      "${queue}-dead-letters" = {
        queue     = aws_sqs_queue.dead[queue].name, metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
        threshold = 0, period = 60, compare = "GreaterThanThreshold", missing = "notBreaching"
        says      = "`${queue}` has dead letters. ${local.runbooks}/dead-letters.md"
      }
      "${queue}-quiet" = {
        queue     = aws_sqs_queue.main[queue].name, metric = "NumberOfMessagesSent", statistic = "Sum"
        threshold = 1, period = 3600 * var.alarms.quiet_hours, compare = "LessThanThreshold", missing = "breaching"
        says      = "Nothing came into `${queue}` for ${var.alarms.quiet_hours} h. ${local.runbooks}/no-events.md"
      }
    } : name => it if !contains(["pipelines-quiet", "reports-quiet"], name) }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = { for name, it in local.function_alarms : name => it if var.has_alarms }

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.says
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  statistic           = each.value.statistic == "p99" ? null : each.value.statistic
  extended_statistic  = each.value.statistic == "p99" ? "p99" : null
  period              = 300
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.needed
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  dimensions          = { FunctionName = module.function[each.value.function].name }
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each = { for name, it in local.queue_alarms : name => it if var.has_alarms }

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.says
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = 1
  threshold           = each.value.threshold
  comparison_operator = each.value.compare
  treat_missing_data  = each.value.missing
  dimensions          = { QueueName = each.value.queue }
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "api" {
  count = var.has_alarms ? 1 : 0

  alarm_name          = "${local.prefix}-api-errors"
  alarm_description   = "The API answers with 5xx. ${local.runbooks}/function-failing.md"
  namespace           = "AWS/ApiGateway"
  metric_name         = "5xx"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  dimensions          = { ApiId = aws_apigatewayv2_api.main.id }
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  tags                = local.tags
}
