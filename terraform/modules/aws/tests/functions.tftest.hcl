# Each function: its own role, its own log, and no more rights than its metadata asks for.

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

run "functions" {
  assert {
    condition     = toset(keys(module.function)) == toset([for it in jsondecode(file("../../functions.json")).functions : it.name])
    error_message = "Every function of functions.json is made, and none besides."
  }

  assert {
    condition     = length(distinct([for it in values(module.function) : it.role_name])) == length(module.function)
    error_message = "Each function has a role of its own."
  }

  assert {
    condition     = alltrue([for name, it in module.function : it.log_group_name == "/aws/lambda/moodbridge-test-${name}"])
    error_message = "Each function has a log group of its own."
  }

  assert {
    condition     = module.function["delta-poller"].reserved_concurrency == 1
    error_message = "Runs of delta-poller must not overlap."
  }

  assert {
    condition     = alltrue([for name, it in module.function : name == "delta-poller" || it.reserved_concurrency == -1])
    error_message = "Nothing else is held back."
  }

  assert {
    condition     = alltrue([for it in values(module.function) : it.live_version == "7"])
    error_message = "The alias follows the newest version."
  }
}

run "rights" {
  assert {
    condition = alltrue(flatten([
      for it in values(module.function) : [
        for statement in jsondecode(it.policy).Statement : [
          for resource in flatten([statement.Resource]) : resource != "*" && !endswith(resource, ":*:*")
        ]
      ]
    ]))
    error_message = "Outside a network no statement is for every resource."
  }

  assert {
    condition = alltrue(flatten([
      for it in values(module.function) : [
        for statement in jsondecode(it.policy).Statement : [for action in flatten([statement.Action]) : !strcontains(action, "*")]
      ]
    ]))
    error_message = "Actions are written out."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(module.function["webhook-intake"].policy).Statement : statement.Action
      ])) == toset([
      "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream",
      "logs:PutLogEvents", "s3:PutObject", "secretsmanager:GetSecretValue", "sqs:GetQueueAttributes", "sqs:SendMessage",
    ])
    error_message = "Intake may claim keys, send, put large bodies, and read its secrets; it may not receive."
  }

  assert {
    condition     = toset(local.secrets["webhook-intake"]) == toset(["test/token"])
    error_message = "Intake reads its own token, and no secret of a connection or of the database."
  }

  assert {
    condition     = toset(local.secrets["analytics-api"]) == toset(["test/database"])
    error_message = "The API reads the database's password, and no secret of a connection."
  }

  assert {
    condition     = toset(local.secrets["sync-worker"]) == toset(["test/database", "test/salesforce"])
    error_message = "The worker reads the database's password and the connection's secret."
  }

  assert {
    condition     = [for it in local.statements["sync-worker"] : it.Resource if contains(it.Action, "sqs:SendMessage")] == [[aws_sqs_queue.dead["events"].arn]]
    error_message = "The worker sends to the dead letters, and nowhere else."
  }

  assert {
    condition     = !strcontains(module.function["reconciler"].policy, "sqs:") && !strcontains(module.function["reconciler"].policy, "s3:")
    error_message = "The reconciler knows no queue, and no bodies of messages."
  }

  assert {
    condition     = endswith(local.settings["report-builder"].REPORTS, "${module.bucket["reports"].name}/reports") && local.settings["analytics-api"].REPORTS == local.settings["report-builder"].REPORTS && strcontains(local.settings["report-builder"].REPORTS_QUEUE, "queue=reports") && strcontains(local.settings["analytics-api"].REPORTS_QUEUE, "queue=reports") && endswith(local.settings["analytics-api"].REPORT_DEFINITIONS, "${module.bucket["pipelines"].name}/pipelines/reports")
    error_message = "The builder and the API know the same reports."
  }

  assert {
    condition     = local.settings["report-builder"].REPORTS_TOPIC == "sns:${aws_sns_topic.news["reports"].arn}" && toset(flatten([for name, statements in local.statements : [for it in statements : name if contains(it.Action, "sns:Publish")]])) == toset(["report-builder"])
    error_message = "The builder tells its topic, and nobody else tells any."
  }

  assert {
    condition     = !strcontains(module.function["report-builder"].policy, "DeleteObject") && !anytrue([for it in local.statements["report-builder"] : contains(it.Action, "s3:PutObject") if anytrue([for on in it.Resource : startswith(on, module.bucket["pipelines"].arn)])])
    error_message = "The builder deletes no file, and writes no definition."
  }

  assert {
    condition     = endswith(local.settings["pipeline-runner"].PIPELINES, "${module.bucket["pipelines"].name}/pipelines") && strcontains(local.settings["pipeline-runner"].PIPELINES_QUEUE, "queue=pipelines") && local.settings["analytics-api"].PIPELINES == local.settings["pipeline-runner"].PIPELINES
    error_message = "The runner and the API know the same definitions."
  }

  assert {
    condition     = toset(flatten([for it in local.statements["pipeline-runner"] : it.Resource if contains(it.Action, "sqs:SendMessage")])) == toset([aws_sqs_queue.main["pipelines"].arn, aws_sqs_queue.dead["pipelines"].arn]) && !strcontains(module.function["pipeline-runner"].policy, "DeleteObject")
    error_message = "The runner queues partitions and sets messages aside, and deletes no file."
  }

  assert {
    condition     = !anytrue([for it in local.statements["analytics-api"] : contains(it.Action, "s3:PutObject") if anytrue([for on in it.Resource : startswith(on, module.bucket["pipelines"].arn)])])
    error_message = "The API reads definitions, and writes none."
  }

  assert {
    condition     = local.settings["warehouse-loader"].LAKE == "s3://${module.bucket["lake"].name}" && !strcontains(module.function["warehouse-loader"].policy, "sqs:") && !strcontains(module.function["warehouse-loader"].policy, "DeleteObject")
    error_message = "The loader knows the lake and no queue, and deletes nothing of the lake."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(module.function["sync-worker"].policy).Statement : statement.Resource if anytrue([for it in flatten([statement.Action]) : startswith(it, "s3:")])
      ])) == toset([
      "arn:aws:s3:::moodbridge-test-messages-123456789012", "arn:aws:s3:::moodbridge-test-messages-123456789012/messages/*",
    ])
    error_message = "The worker sees large bodies of messages, and no other bucket."
  }

  assert {
    condition = alltrue([
      for name in ["webhook-intake", "delta-poller", "sync-worker"] : strcontains(module.function[name].policy, "s3.eu-west-1.amazonaws.com")
    ])
    error_message = "What puts or fetches large bodies may use the key through S3."
  }

  assert {
    condition = toset([
      for it in local.statements["analytics-api"] : "${join(",", it.Action)} ${it.Resource[0]}" if startswith(it.Action[0], "s3:") && startswith(it.Resource[0], module.bucket["documents"].arn)
      ]) == toset([
      "s3:GetObject ${module.bucket["documents"].arn}/documents/*",
      "s3:ListBucket ${module.bucket["documents"].arn}",
      "s3:AbortMultipartUpload,s3:PutObject ${module.bucket["documents"].arn}/documents/*",
    ])
    error_message = "The API reads and files documents, and deletes none."
  }

  assert {
    condition     = contains(local.unsealing["analytics-api"], "s3.eu-west-1.amazonaws.com") && !strcontains(module.function["webhook-intake"].policy, "documents")
    error_message = "Who files documents uses the key through S3, and intake knows no documents."
  }
}

run "settings" {
  assert {
    condition     = local.settings["sync-worker"].LEDGER == "dynamodb:moodbridge-test-ledger" && startswith(local.settings["webhook-intake"].EVENTS_QUEUE, "sqs://sqs.eu-west-1.amazonaws.com/")
    error_message = "Functions find the ledger and the queue."
  }

  assert {
    condition = alltrue([
      for name in ["webhook-intake", "sync-worker", "analytics-api"] : endswith(local.settings[name].EVENTS_QUEUE, "&large=s3%3A%2F%2F${module.bucket["messages"].name}")
    ])
    error_message = "Whoever sends to the queue and whoever receives from it find the same large bodies."
  }

  assert {
    condition     = local.settings["analytics-api"].DOCUMENTS == "s3://${module.bucket["documents"].name}" && !contains(keys(local.settings["sync-worker"]), "DOCUMENTS")
    error_message = "The API knows where documents are, and nobody else does."
  }

  assert {
    condition     = !contains(keys(local.settings["webhook-intake"]), "CASE_STORE") && !contains(keys(local.settings["sync-worker"]), "INTAKE_SETTINGS")
    error_message = "A function is told only what it needs."
  }
}

run "rolling_back" {
  variables {
    functions = { sync-worker = { live_version = "3" } }
  }

  assert {
    condition     = module.function["sync-worker"].live_version == "3" && module.function["webhook-intake"].live_version == "7"
    error_message = "One function is back at an older version, the others are not."
  }
}

run "in_a_network" {
  variables {
    case_store = null
    database   = {}
    network    = { zones = ["eu-west-1a", "eu-west-1b"] }
  }

  assert {
    condition = alltrue(flatten([
      for it in values(module.function) : [
        for statement in jsondecode(it.policy).Statement : statement.Effect == "Deny" || !contains(flatten([statement.Resource]), "*") || statement.Action == ["ec2:DescribeNetworkInterfaces"]
      ]
    ]))
    error_message = "Only looking at network interfaces is for every resource, because EC2 binds it to none."
  }

  assert {
    condition     = !strcontains(module.function["webhook-intake"].policy, "ec2:") && strcontains(module.function["sync-worker"].policy, "ec2:CreateNetworkInterface")
    error_message = "Only what reaches the database is in the network."
  }

  assert {
    condition     = local.secrets["reconciler"][0] == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!cluster-abc-xyz123"
    error_message = "The password is where RDS keeps it."
  }
}
