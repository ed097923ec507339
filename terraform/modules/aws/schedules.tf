# What starts by the clock. The rule's name ends in the function's, by which it knows what is due.

resource "aws_cloudwatch_event_rule" "schedule" {
  for_each = local.schedule_functions

  name                = "${local.prefix}-${each.key}"
  description         = "Starts ${each.key}: ${local.functions[each.key].description}"
  schedule_expression = each.value
  state               = var.are_schedules_on ? "ENABLED" : "DISABLED"
  tags                = local.tags
}

resource "aws_cloudwatch_event_target" "schedule" {
  for_each = local.schedule_functions

  rule = aws_cloudwatch_event_rule.schedule[each.key].name
  arn  = module.function[each.key].alias_arn

  # The next run makes good for one that could not be started.
  retry_policy {
    maximum_event_age_in_seconds = 60
    maximum_retry_attempts       = 1
  }
}

resource "aws_lambda_permission" "schedule" {
  for_each = local.schedule_functions

  statement_id  = "its-schedule"
  action        = "lambda:InvokeFunction"
  function_name = module.function[each.key].name
  qualifier     = module.function[each.key].alias_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.schedule[each.key].arn
}
