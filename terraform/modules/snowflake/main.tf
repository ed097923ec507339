# The database, and what it is called.

locals {
  prefix  = "${var.name}_${var.environment}"
  comment = "MoodBridge, ${var.environment}; made by Terraform."
}

# It holds copies: every row can be loaded again from the files.
resource "snowflake_database" "main" {
  name                           = local.prefix
  comment                        = local.comment
  data_retention_time_in_days    = var.retention_days
  drop_public_schema_on_creation = true
}

# Who owns a table in it cannot give it away: only the owner of the schema grants.
resource "snowflake_schema" "tables" {
  database            = snowflake_database.main.name
  name                = var.schemas.tables
  comment             = "What people read. ${local.comment}"
  with_managed_access = "true"
}

# What is loaded here is merged and forgotten: nothing of it is kept for Time Travel or Fail-safe.
resource "snowflake_schema" "staging" {
  database                    = snowflake_database.main.name
  name                        = var.schemas.staging
  comment                     = "Where files are loaded first. ${local.comment}"
  with_managed_access         = "true"
  is_transient                = "true"
  data_retention_time_in_days = 0
}
