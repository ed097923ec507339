# The firm's own deployment: protected, copied, with a network of its own.

provider "aws" {
  region = var.region
  # Another account is refused, so that nobody applies this to the wrong one.
  allowed_account_ids = [var.account_id]
}

provider "aws" {
  alias               = "us_east_1"
  region              = "us-east-1"
  allowed_account_ids = [var.account_id]
}

provider "aws" {
  alias               = "replica"
  region              = var.replica_region
  allowed_account_ids = [var.account_id]
}

module "moodbridge" {
  source = "../../modules/aws"

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
    aws.replica   = aws.replica
  }

  environment           = "prod"
  artefacts_folder      = var.artefacts_folder
  functions             = var.functions
  environment_variables = var.environment_variables
  are_schedules_on      = var.are_schedules_on

  identity    = var.identity
  connections = var.connections
  intake      = var.intake
  secrets     = var.secrets
  api         = var.api
  event_relay = var.event_relay

  network = { zones = var.zones, n_nat_gateways = length(var.zones) }
  database = {
    min_capacity     = 1
    max_capacity     = var.database_max_capacity
    n_instances      = 2
    backup_days      = 35
    root_certificate = var.database_root_certificate
  }

  is_protected       = true
  log_retention_days = 365
  replica_region     = var.replica_region
  has_backups        = true
  backups            = { daily_days = 35, monthly_days = 2555 }

  alert_emails       = var.alert_emails
  monthly_budget_usd = var.monthly_budget_usd
  cost_anomaly_usd   = var.cost_anomaly_usd

  dashboard = merge(var.dashboard, { has_firewall = true })
}
