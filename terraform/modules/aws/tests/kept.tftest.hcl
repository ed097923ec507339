# What is kept, what wakes somebody, and what is refused.

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

run "kept" {
  assert {
    condition     = aws_dynamodb_table.ledger.deletion_protection_enabled && aws_dynamodb_table.claims.deletion_protection_enabled
    error_message = "Tables refuse to be destroyed, unless told otherwise."
  }

  assert {
    condition     = aws_dynamodb_table.ledger.point_in_time_recovery[0].enabled && one(aws_dynamodb_table.claims.ttl[*].attribute_name) == "expiration"
    error_message = "The ledger can be put back, and claims end."
  }

  assert {
    condition     = alltrue([for it in values(module.bucket) : strcontains(it.policy, "aws:SecureTransport") && !it.force_destroy])
    error_message = "Buckets take TLS only, and refuse to be destroyed."
  }

  # Legal hold: no rule deletes a document that nobody marked.
  assert {
    condition = alltrue([
      for rule in module.bucket["documents"].lifecycle_rules : length(rule.expiration) == 0 || try(rule.filter[0].tag[0].key == "may-expire", false)
    ])
    error_message = "Only documents that are marked expire."
  }

  # A queue keeps a message for 14 days, and that of its dead letters for 14 more.
  assert {
    condition = anytrue([
      for rule in module.bucket["messages"].lifecycle_rules : try(rule.expiration[0].days == 29, false)
    ])
    error_message = "The body of a message lives as long as the message may be sent again."
  }

  assert {
    condition     = module.bucket["documents"].has_object_lock
    error_message = "A document can be put under a legal hold."
  }

  assert {
    condition     = aws_kms_key.main.enable_key_rotation
    error_message = "The key is changed every year."
  }
}

run "own_database" {
  variables {
    case_store     = null
    database       = { n_instances = 2 }
    network        = { zones = ["eu-west-1a", "eu-west-1b"], n_nat_gateways = 2 }
    replica_region = "eu-central-1"
  }

  assert {
    condition     = aws_rds_cluster.main[0].deletion_protection && !aws_rds_cluster.main[0].skip_final_snapshot && aws_rds_cluster.main[0].storage_encrypted
    error_message = "The database is sealed, refuses to be destroyed, and leaves a copy."
  }

  assert {
    condition     = local.case_store == "postgres://moodbridge@mock.cluster-abc.eu-west-1.rds.amazonaws.com:5432/moodbridge?password=secretsmanager%3Aarn%3Aaws%3Asecretsmanager%3Aeu-west-1%3A123456789012%3Asecret%3Ards%21cluster-abc-xyz123%23password&sslmode=require"
    error_message = "Functions find the database, and its password where RDS keeps it."
  }

  assert {
    condition     = length(aws_nat_gateway.main) == 2 && length(aws_vpc_endpoint.service) == 4
    error_message = "Each zone has its gateway, and AWS is reached from within."
  }

  assert {
    condition     = aws_s3_bucket_replication_configuration.documents[0].rule[0].status == "Enabled" && length(aws_cloudwatch_metric_alarm.replica_behind) == 1
    error_message = "Documents are copied, and somebody is told when that lags."
  }
}

run "alarms" {
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.function) == 3 * length(module.function) && length(aws_cloudwatch_metric_alarm.queue) == 3 * length(aws_sqs_queue.main) - 2
    error_message = "Each function and each queue has its three alarms; those of pipelines and reports may be quiet."
  }

  assert {
    condition = alltrue([
      for it in concat(values(aws_cloudwatch_metric_alarm.function), values(aws_cloudwatch_metric_alarm.queue), values(aws_cloudwatch_metric_alarm.sync), aws_cloudwatch_metric_alarm.api, aws_cloudwatch_metric_alarm.backup) :
      fileexists("../../../${regex("docs/runbooks/[a-z-]+\\.md", it.alarm_description)}") && length(it.alarm_actions) == 1
    ])
    error_message = "Each alarm tells somebody, and names a runbook that is there."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.function["sync-worker-slow"].threshold == 48000
    error_message = "Slow is four fifths of the time limit."
  }
}

run "unprotected" {
  variables {
    is_protected = false
    has_alarms   = false
    has_backups  = false
  }

  assert {
    condition     = !aws_dynamodb_table.ledger.deletion_protection_enabled && alltrue([for it in values(module.bucket) : it.force_destroy])
    error_message = "A deployment to try things in can be destroyed."
  }
}

run "password_in_the_address_is_refused" {
  command = plan
  variables {
    case_store = "postgres://ann:hunter2@db.example/firm"
  }
  expect_failures = [var.case_store]
}

run "two_databases_are_refused" {
  command = plan
  variables {
    database = {}
    network  = { zones = ["eu-west-1a", "eu-west-1b"] }
  }
  expect_failures = [var.database]
}

run "few_attempts_are_refused" {
  command = plan
  variables {
    queues = { max_receive_count = 4 }
  }
  expect_failures = [var.queues]
}

run "overlapping_polls_are_refused" {
  command = plan
  variables {
    functions = { delta-poller = { reserved_concurrency = 2 } }
  }
  expect_failures = [var.functions]
}

run "unknown_function_is_refused" {
  command = plan
  variables {
    functions = { sink-worker = {} }
  }
  expect_failures = [terraform_data.names_of_functions]
}
