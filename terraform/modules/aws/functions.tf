# Each function with its own role, log and alias, and the environment that docs/settings.md describes.

locals {
  # Queues whose senders name messages by keys, under which one is sent once. Orders of runs and reports come
  # again on purpose: what they order is in the case store.
  keyed_queues = ["events"]

  # The address of each queue, as `shared/wiring` reads it.
  queue_addresses = {
    for name, it in aws_sqs_queue.main :
    name => "sqs://${replace(replace(it.url, "https://", ""), "http://", "")}?queue=${name}${contains(local.keyed_queues, name) ? "&dedupe=${aws_dynamodb_table.claims.name}" : ""}&large=${urlencode("s3://${module.bucket["messages"].name}")}"
  }

  # Everything that a function may be told, by what its metadata says that it works with.
  settings = {
    for name, it in local.functions : name => merge(
      # Each call says in CloudTrail who made it.
      { LOG_FORMAT = "json", AWS_SDK_UA_APP_ID = "${local.prefix}-${name}" },
      contains(concat(it.reads, it.writes), "case-store") ? { CASE_STORE = local.case_store } : {},
      contains(concat(it.reads, it.writes), "ledger") ? { LEDGER = "dynamodb:${aws_dynamodb_table.ledger.name}" } : {},
      # A function that a queue starts is handed its messages, and sets aside there what can never succeed.
      startswith(it.trigger, "queue:") ? {
        "${upper(trimprefix(it.trigger, "queue:"))}_QUEUE" = local.queue_addresses[trimprefix(it.trigger, "queue:")]
        } : {
        for queue in distinct([for what in concat(it.reads, it.writes) : trimprefix(what, "queue:") if startswith(what, "queue:")]) :
        "${upper(queue)}_QUEUE" => local.queue_addresses[queue]
      },
      {
        for shelf in distinct(concat(local.shelves[name].read, local.shelves[name].written)) :
        # Definitions stand beside the files of pipelines, in the part of the bucket that functions may read;
        # reports stand in the part of theirs.
        upper(shelf) => "s3://${module.bucket[shelf].name}${contains(["pipelines", "reports"], shelf) ? "/${shelf}" : ""}"
      },
      # The bucket of reports forgets after a while: their definitions stand beside those of pipelines.
      contains(local.shelves[name].read, "reports") ? { REPORT_DEFINITIONS = "s3://${module.bucket["pipelines"].name}/pipelines/reports" } : {},
      { for topic in local.published[name] : "${upper(topic)}_TOPIC" => "sns:${aws_sns_topic.news[topic].arn}" },
      contains(concat(it.reads, it.writes), "crm") || contains(concat(it.reads, it.writes), "case-store") ? { CONNECTIONS = jsonencode(var.connections) } : {},
      anytrue([for route in it.routes : strcontains(route, " /hooks/")]) ? { INTAKE_SETTINGS = jsonencode(var.intake) } : {},
      anytrue([for route in it.routes : strcontains(route, " /v1/")]) ? local.api_settings : {},
      var.environment_variables,
      local.special[name].environment,
    )
  }

  # A response goes through the API whole and within 30 seconds, so a stream of changes must be shorter.
  api_settings = { for key, value in {
    IDENTITY_ISSUER       = var.identity.issuer
    IDENTITY_AUDIENCE     = join(",", var.identity.audience)
    IDENTITY_ROLES_CLAIM  = var.identity.roles_claim
    IDENTITY_ROLES        = length(var.identity.roles) == 0 ? null : join(",", [for value, role in var.identity.roles : "${value}=${role}"])
    IDENTITY_PERSON_CLAIM = var.identity.person_claim
    CORS_ORIGINS          = length(var.api.cors_origins) == 0 ? null : join(",", var.api.cors_origins)
    CHANGES_STREAM        = "20s"
  } : key => value if value != null }

  # Overlapping runs of the poller would only take turns by the note of a load.
  usual_concurrency = { delta-poller = 1 }

  # Only what reaches the database is in the VPC.
  networked = {
    for name, it in local.functions :
    name => local.network != null && contains(concat(it.reads, it.writes), "case-store")
  }
}

module "function" {
  source   = "./function"
  for_each = local.functions

  name                    = "${local.prefix}-${each.key}"
  description             = each.value.description
  zip                     = "${var.artefacts_folder}/${each.key}.zip"
  architecture            = var.architecture
  memory_mb               = coalesce(local.special[each.key].memory_mb, each.value.memory_mb)
  timeout_s               = each.value.timeout_s
  reserved_concurrency    = coalesce(local.special[each.key].reserved_concurrency, lookup(local.usual_concurrency, each.key, -1))
  live_version            = local.special[each.key].live_version
  environment             = local.settings[each.key]
  statements              = concat(local.statements[each.key], [local.statement_of_key[each.key]])
  is_started_by_events    = contains(keys(local.schedule_functions), each.key)
  network                 = local.networked[each.key] ? local.network : null
  kms_key_arn             = aws_kms_key.main.arn
  log_retention_days      = var.log_retention_days
  code_signing_config_arn = var.code_signing_config_arn
  tags                    = local.tags
}
