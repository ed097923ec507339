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
  name                = var.schema
  comment             = "The rows, their changes, and what is being loaded. ${local.comment}"
  with_managed_access = "true"
}
