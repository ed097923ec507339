# What a person needs after `terraform apply`.

locals {
  connection = {
    account   = var.account
    auth      = { flow = "key_pair", user = snowflake_service_user.loader.name, private_key = var.loader.private_key }
    database  = snowflake_database.main.name
    schema    = snowflake_schema.tables.name
    warehouse = snowflake_warehouse.main["loading"].name
    role      = snowflake_account_role.loader.name
    stage     = "FILES"
  }
}

output "aws_trust" {
  description = "Whom the role in AWS must trust: Snowflake's IAM user, under this external id. Null for Azure."
  value = local.is_azure ? null : {
    iam_user_arn = one(snowflake_storage_integration_aws.files[0].describe_output[*].iam_user_arn)
    external_id  = one(snowflake_storage_integration_aws.files[0].describe_output[*].external_id)
  }
}

output "azure_consent" {
  description = "The page at which an administrator of the tenant lets Snowflake in, and the application that then needs the role `Storage Blob Data Reader`. Null for S3."
  value = !local.is_azure ? null : {
    url         = one(snowflake_storage_integration_azure.files[0].describe_output[*].consent_url)
    application = one(snowflake_storage_integration_azure.files[0].describe_output[*].multi_tenant_app_name)
  }
}

output "connection" {
  description = "The settings of the connection, as docs/snowflake.md lists them."
  value       = local.connection
}

output "address" {
  description = "The same as one address. It holds no secret: it says where the private key lies."
  value       = "snowflake://${var.account}/${local.connection.database}/${local.connection.schema}?user=${local.connection.auth.user}&private_key=${urlencode(var.loader.private_key)}&warehouse=${local.connection.warehouse}&role=${local.connection.role}&stage=${local.connection.stage}"
}

output "roles" {
  description = "Names of the two roles."
  value       = { loader = snowflake_account_role.loader.name, reader = snowflake_account_role.reader.name }
}

output "schema" {
  description = "Full name of the schema."
  value       = snowflake_schema.tables.fully_qualified_name
}

output "warehouses" {
  description = "Names of the warehouses, by what they are for."
  value       = { for name, it in snowflake_warehouse.main : name => it.name }
}
