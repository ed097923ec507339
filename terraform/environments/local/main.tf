# The same module against a peer on this machine, which stands where AWS_ENDPOINT_URL says.

provider "aws" {
  region                      = var.region
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  s3_use_path_style           = true
}

provider "aws" {
  alias                       = "replica"
  region                      = var.replica_region
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  s3_use_path_style           = true
}

module "moodbridge" {
  source = "../../modules/aws"

  providers = {
    aws           = aws
    aws.us_east_1 = aws
    aws.replica   = aws.replica
  }

  environment        = "local"
  is_protected       = false
  log_retention_days = 1
  artefacts_folder   = var.artefacts_folder
  architecture       = var.architecture

  is_tls_only       = false
  are_batches_named = true

  case_store            = var.case_store
  connections           = var.connections
  intake                = var.intake
  identity              = var.identity
  secrets               = keys(var.secrets)
  environment_variables = var.environment_variables
  are_schedules_on      = var.are_schedules_on
  functions             = { warehouse-loader = { environment = { LAKE_MASK_KEY = "secretsmanager:moodbridge-local/lake-mask" } } }
  has_webhook_url       = true

  buckets            = { are_documents_announced = true, cors_origins = ["https://cases.firm.example"] }
  network            = var.has_network ? { zones = ["${var.region}a", "${var.region}b"] } : null
  replica_region     = var.replica_region
  has_alarms         = var.has_alarms
  alert_emails       = ["operator@firm.example"]
  monthly_budget_usd = 10
  cost_anomaly_usd   = var.has_cost_watch ? 10 : null
  has_dashboard      = true
  dashboard          = { has_firewall = true }
  has_backups        = true
}

# Only here may values stand in a state file: they are made up, and gone with the peer.
resource "aws_secretsmanager_secret_version" "made_up" {
  for_each = toset(keys(var.secrets))

  secret_id     = module.moodbridge.secrets[each.key]
  secret_string = var.secrets[each.key]
}
