# What wakes somebody: the work itself, by the metrics that functions write into their logs
# (docs/observability.md). Their labels are not known beforehand, so each alarm asks for all of them.

locals {
  # A gauge is written when it changes: silence means that nothing did.
  sync_alarms = {
    breaker-open = {
      ask     = "SELECT MAX(platform_breaker_state) FROM \"MoodBridge\"", threshold = 2, compare = "GreaterThanOrEqualToThreshold"
      missing = "ignore", says = "Calls to a platform fail, and its breaker is open. ${local.runbooks}/breaker-open.md"
    }
    calls-nearly-used = {
      ask     = "SELECT MIN(platform_quota_left) FROM \"MoodBridge\"", threshold = var.alarms.calls_left, compare = "LessThanThreshold"
      missing = "ignore", says = "Fewer than ${var.alarms.calls_left} calls of a platform's quota are left. ${local.runbooks}/quota-nearly-used.md"
    }
    outbox-failed = {
      ask     = "SELECT MAX(outbox_records) FROM \"MoodBridge\" WHERE status = 'failed'", threshold = 0, compare = "GreaterThanThreshold"
      missing = "ignore", says = "Changes could not be sent and wait for a person. ${local.runbooks}/outbox-stuck.md"
    }
    sync-differs = {
      ask     = "SELECT MAX(sync_unrepaired_records) FROM \"MoodBridge\"", threshold = 0, compare = "GreaterThanThreshold"
      missing = "ignore", says = "Records differ between both sides and were not put right. ${local.runbooks}/sync-differs.md"
    }
    budget-reached = {
      ask     = "SELECT MAX(cost_budget_used_ratio) FROM \"MoodBridge\"", threshold = 1, compare = "GreaterThanOrEqualToThreshold"
      missing = "ignore", says = "A budget of calls to platforms is used up. ${local.runbooks}/budget-reached.md"
    }
    runs-fail = {
      ask     = "SELECT SUM(schedule_runs_total) FROM \"MoodBridge\" WHERE outcome = 'failed'", threshold = 2, compare = "GreaterThanThreshold"
      missing = "notBreaching", says = "Runs by the clock fail. ${local.runbooks}/poller-failing.md"
    }
    events-lost = {
      ask     = "SELECT SUM(pubsub_gaps_total) FROM \"MoodBridge\"", threshold = 0, compare = "GreaterThanThreshold"
      missing = "notBreaching", says = "Events of a stream were forgotten before they were fetched. ${local.runbooks}/event-stream.md"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "sync" {
  for_each = { for name, it in local.sync_alarms : name => it if var.has_alarms }

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.says
  evaluation_periods  = 1
  threshold           = each.value.threshold
  comparison_operator = each.value.compare
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  tags                = local.tags

  metric_query {
    id          = "asked"
    expression  = each.value.ask
    period      = 300
    return_data = true
  }
}
