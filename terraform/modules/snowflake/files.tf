# The files that are loaded: who lets Snowflake in, and where they lie.

locals {
  is_azure = startswith(var.files.url, "azure://")
  stage    = local.is_azure ? one(snowflake_stage_external_azure.files[*].fully_qualified_name) : one(snowflake_stage_external_s3.files[*].fully_qualified_name)
}

resource "snowflake_storage_integration_aws" "files" {
  count = local.is_azure ? 0 : 1

  name                      = "${local.prefix}_FILES"
  comment                   = local.comment
  enabled                   = true
  storage_provider          = startswith(var.files.url, "s3gov://") ? "S3GOV" : "S3"
  storage_aws_role_arn      = var.files.aws_role_arn
  storage_aws_external_id   = var.files.aws_external_id
  storage_allowed_locations = [var.files.url]
}

resource "snowflake_storage_integration_azure" "files" {
  count = local.is_azure ? 1 : 0

  name                      = "${local.prefix}_FILES"
  comment                   = local.comment
  enabled                   = true
  azure_tenant_id           = var.files.azure_tenant_id
  storage_allowed_locations = [var.files.url]
}

resource "snowflake_stage_external_s3" "files" {
  count = local.is_azure ? 0 : 1

  database            = snowflake_database.main.name
  schema              = snowflake_schema.tables.name
  name                = "FILES"
  comment             = local.comment
  url                 = var.files.url
  storage_integration = snowflake_storage_integration_aws.files[0].name

  file_format {
    parquet {
      use_logical_type       = "true"
      use_vectorized_scanner = "true"
      binary_as_text         = "false"
    }
  }
}

resource "snowflake_stage_external_azure" "files" {
  count = local.is_azure ? 1 : 0

  database            = snowflake_database.main.name
  schema              = snowflake_schema.tables.name
  name                = "FILES"
  comment             = local.comment
  url                 = var.files.url
  storage_integration = snowflake_storage_integration_azure.files[0].name

  file_format {
    parquet {
      use_logical_type       = "true"
      use_vectorized_scanner = "true"
      binary_as_text         = "false"
    }
  }
}
