# What computes, and what it may cost.

locals {
  warehouses = merge({ loading = var.loading }, var.reading == null ? {} : { reading = var.reading })
}

resource "snowflake_warehouse" "main" {
  for_each = local.warehouses

  name                                = "${local.prefix}_${upper(each.key)}"
  comment                             = local.comment
  warehouse_type                      = "STANDARD"
  warehouse_size                      = each.value.size
  auto_suspend                        = each.value.suspend_seconds
  auto_resume                         = "true"
  initially_suspended                 = true
  statement_timeout_in_seconds        = each.value.statement_seconds
  statement_queued_timeout_in_seconds = each.value.queued_statement_seconds
  resource_monitor                    = snowflake_resource_monitor.main.fully_qualified_name
}

# It counts warehouses alone: what Snowflake runs by itself, such as Snowpipe, is not in it.
resource "snowflake_resource_monitor" "main" {
  name                      = local.prefix
  credit_quota              = var.budget.monthly_credits
  frequency                 = "MONTHLY"
  start_timestamp           = "IMMEDIATELY"
  notify_triggers           = var.budget.notify_percent
  suspend_trigger           = var.budget.suspend_percent
  suspend_immediate_trigger = var.budget.suspend_at_once
  notify_users              = var.budget.notify_users

  lifecycle {
    # Snowflake tells the instant that it became.
    ignore_changes = [start_timestamp]
  }
}
