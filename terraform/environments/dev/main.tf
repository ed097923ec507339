# A deployment to try things in: small, cheap, and gone with one command.

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

  environment           = "dev"
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

  # A database that exists costs nothing more; without one, a small one is made.
  case_store = var.case_store
  network    = var.case_store == null ? { zones = var.zones, n_nat_gateways = 1 } : null
  database   = var.case_store == null ? { min_capacity = 0, max_capacity = 2, backup_days = 1 } : null

  is_protected       = false
  log_retention_days = 30
  buckets            = { have_logs = false }
  has_backups        = false

  alert_emails       = var.alert_emails
  monthly_budget_usd = var.monthly_budget_usd
  dashboard          = var.dashboard
}
