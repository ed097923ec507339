# What the deployment is called, and what its functions say about themselves.

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  prefix    = "${var.name}-${var.environment}"
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
  account   = data.aws_caller_identity.current.account_id
  suffix    = data.aws_partition.current.dns_suffix

  tags = merge(var.tags, { application = var.name, environment = var.environment })

  # Written by `cargo xtask flow` from each function's own metadata: nothing here repeats it.
  described = jsondecode(file(coalesce(var.functions_file, "${path.module}/../../functions.json")))
  functions = { for it in local.described.functions : it.name => it }
  special = {
    for name in keys(local.functions) :
    name => lookup(var.functions, name, {
      memory_mb = null, reserved_concurrency = null, schedule = null, live_version = null, environment = {}
    })
  }

  http_functions     = { for name, it in local.functions : name => it if it.trigger == "http" }
  queue_functions    = { for name, it in local.functions : name => trimprefix(it.trigger, "queue:") if startswith(it.trigger, "queue:") }
  schedule_functions = { for name, it in local.functions : name => coalesce(local.special[name].schedule, try(it.schedule, null), trimprefix(it.trigger, "schedule:")) if startswith(it.trigger, "schedule:") || try(it.schedule, null) != null }

  queue_names = toset([
    for it in distinct(flatten([for it in values(local.functions) : concat([it.trigger], it.reads, it.writes)])) :
    trimprefix(it, "queue:") if startswith(it, "queue:")
  ])
  topic_names = toset([for it in distinct(flatten([for it in values(local.functions) : it.writes])) : trimprefix(it, "topic:") if startswith(it, "topic:")])
}

# A name in `functions` that no function has is a slip of the pen.
resource "terraform_data" "names_of_functions" {
  lifecycle {
    precondition {
      condition     = length(setsubtract(keys(var.functions), keys(local.functions))) == 0
      error_message = "No such functions: ${join(", ", setsubtract(keys(var.functions), keys(local.functions)))}."
    }
  }
}
