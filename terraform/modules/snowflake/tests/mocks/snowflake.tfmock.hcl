# What Snowflake tells after it made something.

mock_resource "snowflake_storage_integration_aws" {
  defaults = {
    describe_output = [{
      iam_user_arn      = "arn:aws:iam::999999999999:user/abc1-b-self1234", external_id = "FIRM_SFCRole=1_abc"
      allowed_locations = [], blocked_locations = [], comment = "", enabled = true, id = "", object_acl = ""
      provider          = "S3", role_arn = "", use_privatelink_endpoint = false
    }]
  }
}

mock_resource "snowflake_storage_integration_azure" {
  defaults = {
    describe_output = [{
      consent_url       = "https://login.microsoftonline.com/consent", multi_tenant_app_name = "snowflakepacint_1"
      allowed_locations = [], blocked_locations = [], comment = "", enabled = true, id = ""
      provider          = "AZURE", tenant_id = "", use_privatelink_endpoint = false
    }]
  }
}
